// Callers that wait, each until a deadline of its own, for one thing to come.

import type { Clock } from './clock.ts';

interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
  readonly cancelTimer: () => void;
}

/** A waiter always gets an answer: the value, an error given to all, or the error of its own deadline. */
export class DeadlineQueue<T> {
  readonly #clock: Clock;
  readonly #waiters = new Set<Waiter<T>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param late makes the error for a caller whose deadline has come. */
  wait(deadlineAtMs: number, late: () => Error): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancelTimer = this.#clock.after(deadlineAtMs - this.#clock.nowMs(), () => {
        this.#waiters.delete(waiter);
        reject(late());
      });
      const waiter: Waiter<T> = { resolve, reject, cancelTimer };
      this.#waiters.add(waiter);
    });
  }

  resolveAll(value: T): void {
    for (const waiter of this.#takeAll()) waiter.resolve(value);
  }

  rejectAll(error: Error): void {
    for (const waiter of this.#takeAll()) waiter.reject(error);
  }

  #takeAll(): readonly Waiter<T>[] {
    const taken = [...this.#waiters];
    this.#waiters.clear();
    for (const waiter of taken) waiter.cancelTimer();
    return taken;
  }
}
