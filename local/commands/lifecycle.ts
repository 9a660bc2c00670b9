// Running until told to stop, and stopping in order. Used by the two commands.

export interface Part {
  readonly name: string;
  stop(): Promise<void>;
}

const sameSignalMs = 1000;

/** Parts started so far, stopped in reverse order, once. */
export class Lifecycle {
  readonly #parts: Part[] = [];
  readonly #end = Promise.withResolvers<string>();
  #stopping = false;

  constructor() {
    let askedAtMs = Number.POSITIVE_INFINITY;
    const ask = (why: string): void => {
      // One Ctrl-C comes twice, from the terminal and passed on by npm: only a later one means "now".
      if (this.#stopping && Date.now() - askedAtMs < sameSignalMs) return;
      askedAtMs = Math.min(askedAtMs, Date.now());
      if (this.#stopping) {
        // Children notice that this process is gone and end by themselves.
        console.error('Killed.');
        process.exit(130);
      }
      this.#stopping = true;
      this.#end.resolve(why);
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => ask(signal));
    // The channel to the script that started this: when that has died, nobody else will stop this.
    process.on('disconnect', () => this.#stopping || ask('the starting process has ended'));
    // Whoever read the output is gone; that alone is no reason to die uncleanly.
    for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  add<T extends { stop(): Promise<void> }>(name: string, part: T): T {
    this.#parts.push({ name, stop: () => part.stop() });
    return part;
  }

  /** Waits for a signal; resolves to what it was. */
  untilAsked(): Promise<string> {
    return this.#end.promise;
  }

  async stopAll(): Promise<void> {
    this.#stopping = true;
    for (const part of this.#parts.toReversed()) {
      await part.stop().catch((error: unknown) => console.error(`Stopping ${part.name}: ${String(error)}`));
    }
  }
}

/** Runs `main`; on its end, or when it fails, stops everything and leaves with the right exit code. */
export async function runCommand(main: (lifecycle: Lifecycle) => Promise<void>): Promise<void> {
  const lifecycle = new Lifecycle();
  let code = 0;
  try {
    // A signal may come while things are still starting.
    await Promise.race([main(lifecycle), lifecycle.untilAsked()]);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    code = 1;
  }
  await lifecycle.stopAll();
  process.exit(code);
}

/** Says what is being done and how long it took. */
export async function step<T>(title: string, work: () => Promise<T>): Promise<T> {
  const startedAtMs = Date.now();
  process.stdout.write(`${title} ... `);
  const result = await work();
  console.log(`${((Date.now() - startedAtMs) / 1000).toFixed(1)} s`);
  return result;
}
