// Bounds what is done at once, in units of any kind: loads, bytes. First come, first served.
// Used by the loader and the warmup. Knows nothing of what is limited.

interface Waiting {
  readonly units: number;
  readonly enter: () => void;
}

export class Limiter {
  readonly #most: number;
  readonly #waiting: Waiting[] = [];
  #used = 0;

  /** @param most units in use at once; a task that needs more runs alone. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Runs `task` when `units` are free. */
  async run<T>(units: number, task: () => Promise<T>): Promise<T> {
    const needed = Math.min(units, this.#most);
    if (this.#waiting.length > 0 || this.#used + needed > this.#most) {
      await new Promise<void>((enter) => this.#waiting.push({ units: needed, enter }));
    } else {
      this.#used += needed;
    }
    try {
      return await task();
    } finally {
      this.#used -= needed;
      this.#admit();
    }
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#used + next.units > this.#most) return;
      this.#waiting.shift();
      // Taken before the waiter runs: nobody slips in between.
      this.#used += next.units;
      next.enter();
    }
  }
}
