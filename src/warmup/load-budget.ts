// How many bytes of bodies the warmup loads at once: a share of what requests leave of the instance's byte budget.

import type { ByteBudget } from '../util/byte-budget.ts';
import { delay, type Clock } from '../util/clock.ts';
import { Semaphore } from '../util/semaphore.ts';

// Less than all that is free, so that requests find room.
const maxBytes = 16 * 1024 * 1024;
const retryMs = 50;

export interface LoadBudgetOptions {
  readonly budget: ByteBudget;
  readonly clock: Clock;
}

export class LoadBudget {
  readonly #options: LoadBudgetOptions;
  readonly #bytes = new Semaphore(maxBytes);

  constructor(options: LoadBudgetOptions) {
    this.#options = options;
  }

  /** Runs `load` as soon as a body of `bytes` fits. Nobody waits for the warmup, so it may wait; after its run has ended nothing is loaded. */
  run(bytes: number, run: { readonly mayContinue: boolean }, load: () => Promise<void>): Promise<void> {
    const { budget, clock } = this.#options;
    return this.#bytes.run(Math.max(bytes, 1), async () => {
      const charge = budget.open();
      try {
        while (run.mayContinue) {
          if (charge.takeValueIfFree(bytes)) return await load();
          await delay(clock, retryMs);
        }
      } finally {
        charge.close();
      }
    });
  }
}
