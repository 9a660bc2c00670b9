// Bounds the bytes that are in memory for requests, loads and writes together. Nobody waits for it: what does not
// fit is refused at once.

import { AppError } from './errors.ts';

/** Of a value's bytes so many are in memory at the worst: as they came, put together, as the worker sends them, garbage. */
export const copiesOfValue = 4;
/** Of the whole: where large values have taken this, small ones go on as ever. */
export const shareOfLarge = 3 / 4;
const smallBytes = 64 * 1024;

export class ByteBudget {
  readonly totalBytes: number;
  readonly #onRefused: (valueBytes: number, totalBytes: number) => void;
  #usedBytes = 0;

  /** @param onRefused hears of each value that did not fit, and for which nobody waits. */
  constructor(totalBytes: number, onRefused: (valueBytes: number, totalBytes: number) => void = () => {}) {
    this.totalBytes = totalBytes;
    this.#onRefused = onRefused;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Takes `bytes` for what has `valueBytes` if they fit; else takes nothing and returns false: a refusal. */
  take(bytes: number, valueBytes: number = bytes): boolean {
    const fits = this.takeIfFree(bytes, valueBytes);
    if (!fits) this.#onRefused(valueBytes, this.totalBytes);
    return fits;
  }

  /** As `take`, for who comes again until it fits: false is no refusal. */
  takeIfFree(bytes: number, valueBytes: number): boolean {
    const mostBytes = this.totalBytes * (valueBytes <= smallBytes ? 1 : shareOfLarge);
    if (this.#usedBytes + bytes > mostBytes) return false;
    this.#usedBytes += bytes;
    return true;
  }

  /** Takes `bytes` that are in memory already, whether they fit or not: what comes next is refused for them. */
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

/** What one request, load or write holds of the budget, given back as a whole. */
export class Charge {
  readonly #budget: ByteBudget;
  #bytes = 0;
  #owed = 0;
  #closed = false;

  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  /** Takes what a value of `valueBytes` needs on its way, if that fits; else takes nothing and returns false. */
  takeValue(valueBytes: number): boolean {
    const bytes = valueBytes * copiesOfValue;
    return this.#hold(bytes, this.#budget.take(bytes, valueBytes));
  }

  /** As `takeValue`, for who comes again until it fits. */
  takeValueIfFree(valueBytes: number): boolean {
    const bytes = valueBytes * copiesOfValue;
    return this.#hold(bytes, this.#budget.takeIfFree(bytes, valueBytes));
  }

  /** Takes `bytes` that are in memory already. */
  add(bytes: number): void {
    this.#budget.add(bytes);
    this.#bytes += bytes;
  }

  /** What is held stays held until `answer` has settled, also where nobody waits for it any more. */
  async until<T>(answer: Promise<T>): Promise<T> {
    this.#owed += 1;
    try {
      return await answer;
    } finally {
      this.#owed -= 1;
      this.#giveBack();
    }
  }

  /** Gives everything back as soon as nothing is owed any more; closing twice is closing once. */
  close(): void {
    this.#closed = true;
    this.#giveBack();
  }

  #hold(bytes: number, taken: boolean): boolean {
    if (taken) this.#bytes += bytes;
    return taken;
  }

  #giveBack(): void {
    if (!this.#closed || this.#owed > 0) return;
    this.#budget.give(this.#bytes);
    this.#bytes = 0;
  }
}

export function overloaded(): AppError {
  const message = 'This instance has no memory left for it at the moment.';
  return new AppError('overloaded', message, { retryAfterSeconds: 1 });
}
