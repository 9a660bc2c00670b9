// Limits the bytes in memory for requests, loads and writes together. Nothing queues: what does not fit is refused.

import { AppError } from './errors.ts';

/** How often a value may be in memory at once: its chunks, the whole, as the worker sends it, garbage. */
export const copiesOfValue = 4;
/** Of the total: large values can use no more, so that small ones still fit. */
export const shareOfLarge = 3 / 4;
/** A value of 64 KiB with what is stored beside it. */
export const smallBytes = 72 * 1024;

export class ByteBudget {
  readonly totalBytes: number;
  readonly #onRefused: (valueBytes: number, totalBytes: number) => void;
  #usedBytes = 0;

  /** @param onRefused called for each value that is refused. */
  constructor(totalBytes: number, onRefused: (valueBytes: number, totalBytes: number) => void = () => {}) {
    this.totalBytes = totalBytes;
    this.#onRefused = onRefused;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Takes `bytes` for a value of `valueBytes` if they fit; else takes nothing, counts a refusal, and returns false. */
  take(bytes: number, valueBytes: number = bytes): boolean {
    const fits = this.takeIfFree(bytes, valueBytes);
    if (!fits) this.#onRefused(valueBytes, this.totalBytes);
    return fits;
  }

  /** As `take`, for callers that try again: false is no refusal. */
  takeIfFree(bytes: number, valueBytes: number): boolean {
    const mostBytes = this.totalBytes * (valueBytes <= smallBytes ? 1 : shareOfLarge);
    if (this.#usedBytes + bytes > mostBytes) return false;
    this.#usedBytes += bytes;
    return true;
  }

  /** Counts `bytes` that are in memory already, whether they fit or not. */
  add(bytes: number): void {
    this.#usedBytes += bytes;
  }

  give(bytes: number): void {
    this.#usedBytes -= bytes;
  }

  open(): Charge {
    return new Charge(this);
  }
}

/** What one request, load or write has taken of the budget, returned as a whole. */
export class Charge {
  readonly #budget: ByteBudget;
  #bytes = 0;
  #unsettled = 0;
  #closed = false;

  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  /** Takes what a value of `valueBytes` needs, if that fits; else takes nothing and returns false. */
  takeValue(valueBytes: number): boolean {
    const bytes = valueBytes * copiesOfValue;
    return this.#hold(bytes, this.#budget.take(bytes, valueBytes));
  }

  /** As `takeValue`, for callers that try again. */
  takeValueIfFree(valueBytes: number): boolean {
    const bytes = valueBytes * copiesOfValue;
    return this.#hold(bytes, this.#budget.takeIfFree(bytes, valueBytes));
  }

  /** Counts `bytes` that are in memory already. */
  add(bytes: number): void {
    this.#budget.add(bytes);
    this.#bytes += bytes;
  }

  /** Returns nothing to the budget before `answer` has settled, even if `close` is called before. */
  async until<T>(answer: Promise<T>): Promise<T> {
    this.#unsettled += 1;
    try {
      return await answer;
    } finally {
      this.#unsettled -= 1;
      this.#giveBack();
    }
  }

  /** Returns everything once all of `until` has settled. Calling it twice changes nothing. */
  close(): void {
    this.#closed = true;
    this.#giveBack();
  }

  #hold(bytes: number, taken: boolean): boolean {
    if (taken) this.#bytes += bytes;
    return taken;
  }

  #giveBack(): void {
    if (!this.#closed || this.#unsettled > 0) return;
    this.#budget.give(this.#bytes);
    this.#bytes = 0;
  }
}

export function overloaded(): AppError {
  const message = 'This instance has no memory left for it at the moment.';
  return new AppError('overloaded', message, { retryAfterSeconds: 1 });
}
