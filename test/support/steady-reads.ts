// Reads at a steady rate, whatever the answers take.

export interface ReadOutcome {
  readonly atMs: number;
  readonly tookMs: number;
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
}

export interface SteadyReads {
  /** Stops and waits for what is in flight. */
  stop(): Promise<readonly ReadOutcome[]>;
  readonly outcomes: readonly ReadOutcome[];
}

/** Starts `perSecond` reads a second by `read`, until stopped or for `limitMs` at most. */
export function steadyReads(
  read: () => Promise<number>,
  options: { readonly perSecond: number; readonly limitMs: number },
): SteadyReads {
  const outcomes: ReadOutcome[] = [];
  const inFlight = new Set<Promise<void>>();
  const startedAtMs = Date.now();
  let started = 0;

  const one = async (): Promise<void> => {
    const atMs = Date.now();
    const status = await read().catch(() => 0);
    outcomes.push({ atMs, tookMs: Date.now() - atMs, status });
  };
  const timer = setInterval(() => {
    const elapsedMs = Date.now() - startedAtMs;
    if (elapsedMs > options.limitMs) return clearInterval(timer);
    for (; started < (elapsedMs / 1000) * options.perSecond; started += 1) {
      const running = one().finally(() => inFlight.delete(running));
      inFlight.add(running);
    }
  }, 5);

  return {
    outcomes,
    async stop() {
      clearInterval(timer);
      await Promise.all(inFlight);
      return outcomes;
    },
  };
}

export function failed(outcomes: readonly ReadOutcome[]): readonly ReadOutcome[] {
  return outcomes.filter((outcome) => outcome.status !== 200);
}
