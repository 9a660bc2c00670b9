// What a cache and its client have counted since they were made: what reports, the fleet page and metrics are made of.

import { Histogram } from './histogram.ts';

/** How a read ended; each read is counted as one of these. */
export const readKinds = [
  /** Found, and fresh, in the memory of this process. */
  'memoryHit',
  'redisHit',
  /** Served although it was too old, or perhaps changed. */
  'memoryStale',
  'redisStale',
  /** Redis has none, and there is no origin, or that was asked for this read and has none. */
  'miss',
  /** Loaded from the origin for this read. */
  'loaded',
  /** Redis cannot be asked, and the origin answered instead, also that it has none. */
  'bypassed',
  /** By a load that another read, or another instance, had begun. */
  'collapsed',
  /** The origin was asked a short time ago and had none. */
  'negative',
  /** Redis cannot be asked. */
  'unavailable',
  /** The origin failed, or did not answer in time. */
  'failed',
  /** Not served as it is: of another type, too large, of a newer version, or there was no memory for it. */
  'refused',
] as const;
export type ReadKind = (typeof readKinds)[number];

/** Counted beside the reads. */
export const eventKinds = [
  'written',
  'removed',
  'writesFailed',
  /** Loads from origins and factories; `loadedBytes` of those that brought something. */
  'loads',
  'loadsFailed',
  'loadedBytes',
  /** Of the loads, those that renewed an entry in the background. */
  'renewals',
  'servedBytes',
  'purges',
  'purgesAdopted',
  'memoryEvictions',
  'memoryInvalidations',
  'warmed',
  'warmupsFailed',
] as const;
export type EventKind = (typeof eventKinds)[number];

export const latencyKinds = ['request', 'redis', 'origin', 'lockWait'] as const;
export type LatencyKind = (typeof latencyKinds)[number];

export type Counts<K extends string> = Record<K, number>;

/** Of one client and its caches. Its counts only grow. */
export class Measures {
  readonly reads: Counts<ReadKind> = zeros(readKinds);
  readonly events: Counts<EventKind> = zeros(eventKinds);
  /** In milliseconds. */
  readonly latencies: Readonly<Record<LatencyKind, Histogram>> = {
    request: new Histogram(),
    redis: new Histogram(),
    origin: new Histogram(),
    lockWait: new Histogram(),
  };
}

/** Keys that were answered for, from memory or by Redis, found or not. */
export function answeredReads({ reads }: Pick<Measures, 'reads'>): number {
  let answered = 0;
  for (const kind of readKinds) if (kind !== 'unavailable' && kind !== 'bypassed') answered += reads[kind];
  return answered;
}

function zeros<K extends string>(names: readonly K[]): Counts<K> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Counts<K>;
}
