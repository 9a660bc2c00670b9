// Reads at a steady rate, whatever the answers take.

import { lateMs, type Control } from './timing.ts';

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
  /** When the oldest of those began that have not been answered yet; Infinity where all have. */
  readonly oldestAtMs: number;
}

/**
 * Starts `perSecond` reads a second by `read`, until stopped or for `limitMs` at most. Those of three seconds may be in
 * flight: a machine that is too slow for them answers fewer, and not ever later.
 */
export function steadyReads(
  read: () => Promise<number>,
  options: { readonly perSecond: number; readonly limitMs: number },
): SteadyReads {
  const outcomes: ReadOutcome[] = [];
  /** With when each began. */
  const inFlight = new Map<Promise<void>, number>();
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
      if (inFlight.size >= 3 * options.perSecond) continue;
      const running = one().finally(() => inFlight.delete(running));
      inFlight.set(running, Date.now());
    }
  }, 5);

  return {
    outcomes,
    get oldestAtMs() {
      return Math.min(Number.POSITIVE_INFINITY, ...inFlight.values());
    },
    async stop() {
      clearInterval(timer);
      await Promise.all(inFlight.keys());
      return outcomes;
    },
  };
}

/** Those that failed, or took longer than `promptMs` and what the machine took at that time. */
export function troubled<T extends ReadOutcome>(
  outcomes: readonly T[],
  promptMs: number,
  control: Control,
): readonly T[] {
  return outcomes.filter(
    ({ status, atMs, tookMs }) =>
      status !== 200 || tookMs > promptMs + lateMs + control.totalIn(atMs, atMs + tookMs),
  );
}

export function failed(outcomes: readonly ReadOutcome[]): readonly ReadOutcome[] {
  return outcomes.filter((outcome) => outcome.status !== 200);
}
