// Tells a connection that is busy with answers nobody waits for any more: what is asked now would wait for them.

import type { Clock } from '../util/clock.ts';

// Answers that come for this long and are all too late: whoever asks now comes too late as well.
const debtLimitMs = 750;

export class Debts {
  readonly #clock: Clock;
  readonly #bytesReceived: () => number;
  readonly #onDue: () => void;
  /** Commands whose callers have given up, and which have not been answered yet. */
  #open = 0;
  /** Since when nothing has been answered that somebody waited for, and how much had been received by then. */
  #since: { readonly atMs: number; readonly bytes: number } | undefined;
  #cancelLook: (() => void) | undefined;

  /** @param onDue told again and again while it lasts. */
  constructor(clock: Clock, bytesReceived: () => number, onDue: () => void) {
    this.#clock = clock;
    this.#bytesReceived = bytesReceived;
    this.#onDue = onDue;
  }

  /** A caller has given up; the answer is still owed. */
  gaveUp(): void {
    this.#open += 1;
    this.#since ??= this.#now();
    this.#lookAfter(debtLimitMs);
  }

  /** @param wanted whether somebody waited for it. */
  answered(wanted: boolean): void {
    if (!wanted) this.#open -= 1;
    if (this.#open === 0) {
      this.#since = undefined;
      this.stop();
    } else if (wanted) {
      this.#since = this.#now();
    }
  }

  /** Where nothing comes at all it is no matter of debts: the server is busy, or the connection dead. */
  get areDue(): boolean {
    if (this.#since === undefined || this.#bytesReceived() === this.#since.bytes) return false;
    return this.#clock.nowMs() - this.#since.atMs >= debtLimitMs;
  }

  stop(): void {
    this.#cancelLook?.();
    this.#cancelLook = undefined;
  }

  #now(): { readonly atMs: number; readonly bytes: number } {
    return { atMs: this.#clock.nowMs(), bytes: this.#bytesReceived() };
  }

  #lookAfter(delayMs: number): void {
    this.#cancelLook ??= this.#clock.after(delayMs, () => {
      this.#cancelLook = undefined;
      if (this.#since === undefined) return;
      const leftMs = this.#since.atMs + debtLimitMs - this.#clock.nowMs();
      this.#lookAfter(leftMs > 0 ? leftMs : debtLimitMs);
      if (this.areDue) this.#onDue();
    });
  }
}
