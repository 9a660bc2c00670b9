// How many bytes of bodies the warmup has on their way: a part of what requests leave of the byte budget.

import type { ByteBudget } from '../util/byte-budget.ts';
import { delay, type Clock } from '../util/clock.ts';
import { Semaphore } from '../util/semaphore.ts';

// It is not to take all that is free.
const mostBytes = 16 * 1024 * 1024;
const pauseMs = 50;

export class WarmupRoom {
  readonly #budget: ByteBudget;
  readonly #clock: Clock;
  readonly #bytes = new Semaphore(mostBytes);

  constructor({ budget, clock }: { readonly budget: ByteBudget; readonly clock: Clock }) {
    this.#budget = budget;
    this.#clock = clock;
  }

  /** Runs `task` when a body of `bytes` fits; nobody waits for the warmup, so it may wait. Not once `pass` has ended. */
  run(bytes: number, pass: { readonly goesOn: boolean }, task: () => Promise<void>): Promise<void> {
    return this.#bytes.run(Math.max(bytes, 1), async () => {
      const charge = this.#budget.open();
      try {
        while (pass.goesOn) {
          if (charge.takeValueIfFree(bytes)) return await task();
          await delay(this.#clock, pauseMs);
        }
      } finally {
        charge.close();
      }
    });
  }
}
