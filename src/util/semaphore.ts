// Limits what is done at once, in units of any kind, such as bytes. First come, first served.

import { deferred } from './deferred.ts';

/** Units that were asked for: queued, granted or released. */
export interface Permit {
  readonly isGranted: boolean;
  /** Resolves when it is granted; never if it is released before. */
  readonly granted: Promise<void>;
  /** Returns the units, or leaves the queue. Calling it twice changes nothing. */
  release(): void;
}

export class Semaphore {
  readonly #units: number;
  readonly #queue: PendingPermit[] = [];
  #used = 0;

  /** @param units in use at once; a task that needs more runs alone. */
  constructor(units: number) {
    this.#units = units;
  }

  /** Takes `units` if they are free, else queues for them. */
  acquire(units: number): Permit {
    const permit = new PendingPermit(Math.min(units, this.#units), (wasGranted) => {
      if (wasGranted) this.#used -= permit.units;
      else this.#queue.splice(this.#queue.indexOf(permit), 1);
      this.#grant();
    });
    this.#queue.push(permit);
    this.#grant();
    return permit;
  }

  /** Runs `task` when `units` are free. */
  async run<T>(units: number, task: () => Promise<T>): Promise<T> {
    const permit = this.acquire(units);
    if (!permit.isGranted) await permit.granted;
    try {
      return await task();
    } finally {
      permit.release();
    }
  }

  #grant(): void {
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      if (this.#used + next.units > this.#units) return;
      this.#queue.shift();
      // Counted before the waiter runs: no other caller can take them in between.
      this.#used += next.units;
      next.grant();
    }
  }
}

class PendingPermit implements Permit {
  readonly units: number;
  readonly #onRelease: (wasGranted: boolean) => void;
  readonly #granting = deferred<void>();
  #state: 'queued' | 'granted' | 'released' = 'queued';

  constructor(units: number, onRelease: (wasGranted: boolean) => void) {
    this.units = units;
    this.#onRelease = onRelease;
  }

  get isGranted(): boolean {
    return this.#state === 'granted';
  }

  get granted(): Promise<void> {
    return this.#granting.promise;
  }

  grant(): void {
    this.#state = 'granted';
    this.#granting.resolve();
  }

  release(): void {
    const state = this.#state;
    if (state === 'released') return;
    this.#state = 'released';
    this.#onRelease(state === 'granted');
  }
}
