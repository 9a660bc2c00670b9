// One piece of work per key at a time, shared by all who ask for it meanwhile. Used by the loader.
// Knows nothing of the work.

export interface Flight<T> {
  readonly result: Promise<T>;
  /** Whether it had begun before this caller asked. */
  readonly joined: boolean;
}

export class SingleFlight<T> {
  readonly #flights = new Map<string, Promise<T>>();

  get size(): number {
    return this.#flights.size;
  }

  /** Joins the flight under `key`, or starts one. A flight that has ended, however, is joined by nobody. */
  do(key: string, work: () => Promise<T>): Flight<T> {
    const current = this.#flights.get(key);
    if (current !== undefined) return { result: current, joined: true };
    const result = work().finally(() => {
      if (this.#flights.get(key) === result) this.#flights.delete(key);
    });
    // Who waits may have left by the time it fails.
    result.catch(() => {});
    this.#flights.set(key, result);
    return { result, joined: false };
  }

  /** The flight under `key` goes on for those who have joined it; nobody else does. */
  forget(key: string): void {
    this.#flights.delete(key);
  }

  async settled(): Promise<void> {
    await Promise.allSettled(this.#flights.values());
  }
}
