// What measures have counted, at one moment or between two: as values that can be subtracted and added up.

import { boundsMs } from '../telemetry/histogram.ts';
import {
  eventKinds,
  latencyKinds,
  readKinds,
  type Counts,
  type EventKind,
  type LatencyKind,
  type Measures,
  type ReadKind,
} from '../telemetry/measures.ts';

export interface Counted {
  readonly reads: Readonly<Counts<ReadKind>>;
  readonly events: Readonly<Counts<EventKind>>;
  /** How many there were in each bucket of a histogram. */
  readonly latencies: Readonly<Record<LatencyKind, readonly number[]>>;
}

export type CountedSoFar = Pick<Measures, 'reads' | 'events'> & {
  readonly latencies: Readonly<Record<LatencyKind, { readonly counts: readonly number[] }>>;
};

const buckets = boundsMs.length + 1;

export const nothingCounted: Counted = countedBy({
  read: () => 0,
  event: () => 0,
  bucket: () => 0,
});

/** As it is now. */
export function countedIn({ reads, events, latencies }: CountedSoFar): Counted {
  return countedBy({
    read: (kind) => reads[kind],
    event: (kind) => events[kind],
    bucket: (kind, index) => latencies[kind].counts[index] ?? 0,
  });
}

/** What came to it. Never negative, whatever is said of the time before. */
export function countedSince(now: Counted, before: Counted): Counted {
  return combined(now, before, (a, b) => Math.max(a - b, 0));
}

export function sumOf(all: readonly Counted[]): Counted {
  return all.reduce((sum, one) => combined(sum, one, (a, b) => a + b), nothingCounted);
}

/** @param by what the value of each count is. */
export function countedBy(by: {
  readonly read: (kind: ReadKind) => number;
  readonly event: (kind: EventKind) => number;
  readonly bucket: (kind: LatencyKind, index: number) => number;
}): Counted {
  return {
    reads: record(readKinds, by.read),
    events: record(eventKinds, by.event),
    latencies: record(latencyKinds, (kind) =>
      Array.from({ length: buckets }, (_, index) => by.bucket(kind, index)),
    ),
  };
}

function combined(a: Counted, b: Counted, of: (a: number, b: number) => number): Counted {
  return countedBy({
    read: (kind) => of(a.reads[kind], b.reads[kind]),
    event: (kind) => of(a.events[kind], b.events[kind]),
    bucket: (kind, index) => of(a.latencies[kind][index] ?? 0, b.latencies[kind][index] ?? 0),
  });
}

function record<K extends string, V>(names: readonly K[], valueOf: (name: K) => V): Record<K, V> {
  return Object.fromEntries(names.map((name) => [name, valueOf(name)])) as Record<K, V>;
}
