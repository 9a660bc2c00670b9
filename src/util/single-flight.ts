// One piece of work per key at a time, shared by all callers that ask for it meanwhile.

export interface Flight<T> {
  readonly result: Promise<T>;
  /** Whether it had begun before this caller asked. */
  readonly joined: boolean;
  /**
   * This caller no longer waits. The work goes on, and can find out that nobody waits for it.
   * @param cancels whether the caller does not want the result any more, instead of having no time to wait for it: if
   * nobody else waits, the work may end, and no other caller joins it.
   */
  readonly leave: (cancels?: boolean) => void;
}

/** The callers that wait for one flight. */
export class Callers {
  readonly #listeners: (() => void)[] = [];
  readonly #deeperListeners: (() => void)[] = [];
  #count = 0;
  #depth = 0;
  #areCancelled = false;

  /** Whether all have left. Others may still come. */
  get areGone(): boolean {
    return this.#count === 0;
  }

  /** Whether all have left, and the last one did not want the result any more. Nobody else comes. */
  get areCancelled(): boolean {
    return this.#areCancelled;
  }

  /** In how many other works the deepest caller of all is that has come: they wait for this one. */
  get depth(): number {
    return this.#depth;
  }

  /** Called each time a caller comes that is deeper than those before. */
  onDeeper(listener: () => void): void {
    this.#deeperListeners.push(listener);
  }

  /** Called each time the last one leaves. */
  onGone(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Adds a caller; returns how it leaves. */
  join(depth = 0): (cancels?: boolean) => void {
    let isHere = true;
    this.#count += 1;
    if (depth > this.#depth) {
      this.#depth = depth;
      for (const listener of this.#deeperListeners) listener();
    }
    return (cancels = false) => {
      if (!isHere) return;
      isHere = false;
      this.#count -= 1;
      if (this.#count > 0) return;
      this.#areCancelled = cancels;
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

  /**
   * Joins the flight under `key`, or starts one if there is none or it has ended.
   * @param depth in how many other works this caller is: they wait for this one.
   */
  do(key: string, work: (callers: Callers) => Promise<T>, depth = 0): Flight<T> {
    const current = this.#flights.get(key);
    if (current !== undefined) {
      return { result: current.result, joined: true, leave: current.callers.join(depth) };
    }
    const callers = new Callers();
    const leave = callers.join(depth);
    const end = (): void => {
      if (this.#flights.get(key)?.callers === callers) this.#flights.delete(key);
    };
    callers.onGone(() => {
      if (callers.areCancelled) end();
    });
    const result = work(callers).finally(end);
    // It may fail after all callers have left.
    result.catch(() => {});
    this.#flights.set(key, { result, callers });
    return { result, joined: false, leave };
  }

  /** The flight under `key` goes on for its callers; no other caller joins it. */
  forget(key: string): void {
    this.#flights.delete(key);
  }

  /** As `forget`, of all that are under way. */
  forgetAll(): void {
    this.#flights.clear();
  }

  async settled(): Promise<void> {
    await Promise.allSettled([...this.#flights.values()].map(({ result }) => result));
  }
}
