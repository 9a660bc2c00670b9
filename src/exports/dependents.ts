// What a client carries with it: parts that are made once for it, however often they are asked for, and stopped before
// it closes.

interface Dependent {
  readonly part: unknown;
  readonly stop: () => Promise<void> | void;
}

export class Dependents {
  readonly #byName = new Map<string, Dependent>();
  #stopped: Promise<void> | undefined;

  /** The part of that name; `create` runs for the first caller only. `stop` of it must not reject. */
  once<T extends { stop(): Promise<void> | void }>(name: string, create: () => T): T {
    let found = this.#byName.get(name);
    if (found === undefined) {
      const part = create();
      found = { part, stop: () => part.stop() };
      this.#byName.set(name, found);
    }
    return found.part as T;
  }

  /** Stops all, the latest first, each once. Resolves when that is done, whoever began it. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    for (const { stop } of [...this.#byName.values()].toReversed()) await stop();
  }
}
