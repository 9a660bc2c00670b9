// Ends calls that take too long, all of a connection on one coarse timer: a timer each would cost more than the rest
// of a read (bench/read.ts).

import type { Clock } from '../util/clock.ts';

/** A call ends at its deadline or up to this much later, never before. */
export const granularityMs = 25;

interface Call {
  readonly deadlineAtMs: number;
}

export class CallDeadlines<T extends Call> {
  readonly #clock: Clock;
  readonly #onDeadline: (call: T) => void;
  readonly #calls = new Set<T>();
  #cancelTimer = (): void => {};
  #timerAtMs = Infinity;

  /** @param onDeadline called once with each call that is still there at its deadline; it has been removed by then. */
  constructor(clock: Clock, onDeadline: (call: T) => void) {
    this.#clock = clock;
    this.#onDeadline = onDeadline;
  }

  get calls(): ReadonlySet<T> {
    return this.#calls;
  }

  add(call: T): void {
    this.#calls.add(call);
    // The usual call ends later than those before it, and finds the timer set.
    if (call.deadlineAtMs + granularityMs < this.#timerAtMs) this.#setTimer(call.deadlineAtMs);
  }

  /** @returns false for a call that has ended before. */
  remove(call: T): boolean {
    return this.#calls.delete(call);
  }

  #setTimer(deadlineAtMs: number): void {
    this.#cancelTimer();
    this.#timerAtMs = Math.ceil(deadlineAtMs / granularityMs) * granularityMs;
    if (this.#timerAtMs === Infinity) return;
    this.#cancelTimer = this.#clock.after(this.#timerAtMs - this.#clock.nowMs(), () => this.#onTimer());
  }

  #onTimer(): void {
    this.#timerAtMs = Infinity;
    const nowMs = this.#clock.nowMs();
    let nextAtMs = Infinity;
    for (const call of this.#calls) {
      if (call.deadlineAtMs > nowMs) nextAtMs = Math.min(nextAtMs, call.deadlineAtMs);
      else if (this.#calls.delete(call)) this.#onDeadline(call);
    }
    if (nextAtMs + granularityMs < this.#timerAtMs) this.#setTimer(nextAtMs);
  }
}
