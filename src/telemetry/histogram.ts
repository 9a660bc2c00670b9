// A histogram with fixed bounds: cheap to record into, and those of many instances can be added up.

/**
 * Upper bounds in milliseconds, each included in its bucket, and one bucket more for what is longer: those that the
 * conventions advise for durations in seconds, and finer ones below 5 ms, where a cache answers.
 * https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#metric-httpserverrequestduration
 */
export const boundsMs: readonly number[] = [
  0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000,
];

export type Recorded = (valueMs: number) => void;

export class Histogram {
  /** How many there were in each bucket. */
  readonly counts: number[] = [...boundsMs.map(() => 0), 0];
  sumMs = 0;
  #listeners: readonly Recorded[] = [];

  record(valueMs: number): void {
    let bucket = 0;
    while (bucket < boundsMs.length && valueMs > (boundsMs[bucket] ?? Infinity)) bucket += 1;
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    this.sumMs += valueMs;
    for (const listener of this.#listeners) listener(valueMs);
  }

  get count(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }

  /** Hears each value from now on; returns how to stop. */
  onRecord(listener: Recorded): () => void {
    this.#listeners = [...this.#listeners, listener];
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== listener);
    };
  }
}

/**
 * The value below which a share of the recorded ones lies, by linear interpolation within its bucket; undefined where
 * there are none. The longest bound for what is longer than that.
 */
export function quantileMs(counts: readonly number[], share: number): number | undefined {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return undefined;
  let left = share * total;
  for (const [bucket, count] of counts.entries()) {
    const upper = boundsMs[bucket];
    if (upper === undefined) break;
    const lower = bucket === 0 ? 0 : (boundsMs[bucket - 1] ?? 0);
    if (left <= count) return lower + (upper - lower) * (count === 0 ? 0 : left / count);
    left -= count;
  }
  return boundsMs.at(-1);
}
