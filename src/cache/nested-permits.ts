// Permits for loads whose sources ask the cache themselves: how deep a load is decides which places it may have. In one
// lot of places, all could be held by loads that wait for others to get one.

import type { Clock } from '../util/clock.ts';
import { deferred } from '../util/deferred.ts';
import type { AppError } from '../util/errors.ts';
import {
  LoadPermits,
  runWithPermit,
  type LoadCallers,
  type LoadPermit,
  type LoadPermitsOptions,
} from './load-permits.ts';

/** Who waits for a load; see single-flight.ts. */
export interface NestedCallers extends LoadCallers {
  /** In how many loads the deepest of them is. */
  readonly depth: number;
  onDeeper(listener: () => void): void;
}

const places = { quick: 32, slow: 16 };
/** At the latest; of a short budget a quarter, so that who waits for a slow load's place still has most of it. */
const slowAfterMs = 500;

export class NestedLoadPermits {
  readonly #options: LoadPermitsOptions;
  /** By depth, each made when it is first needed. */
  readonly #levels: LoadPermits[] = [];
  #stopReason: AppError | undefined;

  constructor(clock: Clock, requestBudgetMs: number) {
    this.#options = { clock, ...places, slowAfterMs: Math.min(slowAfterMs, requestBudgetMs / 4) };
  }

  /** A load that waits for its place gets one further down when a deeper caller joins those that wait for it. */
  acquire(callers: NestedCallers): LoadPermit {
    const granting = deferred<void>();
    let isReleased = false;
    const ask = (): LoadPermit => {
      const asked = this.#at(callers.depth).acquire(callers);
      void asked.granted.then(granting.resolve);
      return asked;
    };
    let permit = ask();
    callers.onDeeper(() => {
      if (isReleased || permit.isGranted) return;
      permit.release();
      permit = ask();
    });
    return {
      get isGranted() {
        return permit.isGranted;
      },
      granted: granting.promise,
      get signal() {
        return permit.signal;
      },
      release: () => {
        isReleased = true;
        permit.release();
      },
    };
  }

  /** Runs `task` as soon as it may; undefined where that would be after `maxWaitMs`. */
  async run<T>(
    callers: NestedCallers,
    maxWaitMs: number,
    task: (signal: AbortSignal) => Promise<T>,
  ): Promise<T | undefined> {
    return runWithPermit(this.acquire(callers), this.#options.clock, maxWaitMs, task);
  }

  /** Ends all loads, and each that would begin after this. */
  stop(reason: AppError): void {
    this.#stopReason = reason;
    for (const level of this.#levels) level.stop(reason);
  }

  #at(depth: number): LoadPermits {
    while (this.#levels.length <= depth) {
      const level = new LoadPermits(this.#options);
      if (this.#stopReason !== undefined) level.stop(this.#stopReason);
      this.#levels.push(level);
    }
    return this.#levels[depth] as LoadPermits;
  }
}
