// The last hour of this instance in points of five minutes, kept in the process.

import { quantileMs } from '../telemetry/histogram.ts';
import { hitShareOf } from '../telemetry/hit-ratio.ts';
import { readKinds } from '../telemetry/measures.ts';
import { sumOf, type Counted } from './counted.ts';

export interface HistoryPoint {
  /** When its five minutes began, before the report: a duration, for clocks of instances differ. */
  readonly agoMs: number;
  readonly reads: number;
  readonly hits: number;
  /** The reads that memory or Redis could answer. */
  readonly answered: number;
  readonly loads: number;
  /** Of requests; null where there were none. */
  readonly p95Ms: number | null;
}

interface Slot {
  readonly index: number;
  readonly counted: Counted;
}

export const maxPoints = 12;
export const pointMs = 5 * 60_000;

export class History {
  /** The oldest first. */
  #slots: readonly Slot[] = [];

  /** @param counted since the last time. */
  add(counted: Counted, nowMs: number): void {
    const index = Math.floor(nowMs / pointMs);
    const kept = this.#slots.filter((slot) => slot.index > index - maxPoints);
    const last = kept.at(-1);
    this.#slots =
      last?.index === index
        ? [...kept.slice(0, -1), { index, counted: sumOf([last.counted, counted]) }]
        : [...kept, { index, counted }];
  }

  points(nowMs: number): readonly HistoryPoint[] {
    return this.#slots.map(({ index, counted: { reads, events, latencies } }) => ({
      agoMs: Math.round(nowMs - index * pointMs),
      reads: readKinds.reduce((sum, kind) => sum + reads[kind], 0),
      ...hitShareOf(reads),
      loads: events.loads,
      p95Ms: quantileMs(latencies.request, 0.95) ?? null,
    }));
  }
}
