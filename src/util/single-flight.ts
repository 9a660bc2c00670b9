// One piece of work per key at a time, shared by all who ask for it meanwhile.

export interface Flight<T> {
  readonly result: Promise<T>;
  /** Whether it had begun before this caller asked. */
  readonly joined: boolean;
  /** This caller waits no longer. The work goes on; it can tell that nobody waits for it. */
  readonly leave: () => void;
}

/** Those who wait for one flight. */
export class Callers {
  readonly #listeners: (() => void)[] = [];
  #count = 0;

  /** Whether all have left. Others may still come. */
  get areGone(): boolean {
    return this.#count === 0;
  }

  /** Hears each time that the last one leaves. */
  onGone(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** One more; returns how to leave. */
  join(): () => void {
    let isHere = true;
    this.#count += 1;
    return () => {
      if (!isHere) return;
      isHere = false;
      this.#count -= 1;
      if (this.#count > 0) return;
      for (const listener of this.#listeners) listener();
    };
  }
}

interface Flying<T> {
  readonly result: Promise<T>;
  readonly callers: Callers;
}

export class SingleFlight<T> {
  readonly #flights = new Map<string, Flying<T>>();

  get size(): number {
    return this.#flights.size;
  }

  /** Joins the flight under `key`, or starts one. A flight that has ended, however, is joined by nobody. */
  do(key: string, work: (callers: Callers) => Promise<T>): Flight<T> {
    const current = this.#flights.get(key);
    if (current !== undefined) {
      return { result: current.result, joined: true, leave: current.callers.join() };
    }
    const callers = new Callers();
    const leave = callers.join();
    const result = work(callers).finally(() => {
      if (this.#flights.get(key)?.result === result) this.#flights.delete(key);
    });
    // Who waits may have left by the time it fails.
    result.catch(() => {});
    this.#flights.set(key, { result, callers });
    return { result, joined: false, leave };
  }

  /** The flight under `key` goes on for those who have joined it; nobody else does. */
  forget(key: string): void {
    this.#flights.delete(key);
  }

  async settled(): Promise<void> {
    await Promise.allSettled([...this.#flights.values()].map(({ result }) => result));
  }
}
