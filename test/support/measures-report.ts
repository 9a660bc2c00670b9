// What an instance reports of its measures, for tests: nothing but what they say.

import { countedBy, nothingCounted, type Counted } from '../../src/fleet/counted.ts';
import type { MeasuresReport } from '../../src/fleet/instance-measures.ts';

export function measuresReport(more: Partial<MeasuresReport> = {}): MeasuresReport {
  return { now: nothingCounted, before: nothingCounted, memory: null, history: [], ...more };
}

/** @param requests how many there were in the first buckets of their latency. */
export function countedWith(
  reads: Partial<Counted['reads']>,
  events: Partial<Counted['events']> = {},
  requests: readonly number[] = [],
): Counted {
  return countedBy({
    read: (kind) => reads[kind] ?? 0,
    event: (kind) => events[kind] ?? 0,
    bucket: (kind, index) => (kind === 'request' ? (requests[index] ?? 0) : 0),
  });
}
