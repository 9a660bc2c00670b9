// The hit ratio: one definition for the fleet page, reports and metrics.

import { readKinds, type Counts, type ReadKind } from './measures.ts';

/** Served from the cache, also where that was stale. A miss that was loaded is none. */
const hitKinds: ReadonlySet<ReadKind> = new Set(['memoryHit', 'redisHit', 'memoryStale', 'redisStale']);

/** What says nothing about the contents of the cache: it could not be asked, or what it has may not be served. */
const unansweredKinds: ReadonlySet<ReadKind> = new Set(['unavailable', 'bypassed', 'refused']);

export interface HitShare {
  readonly hits: number;
  /** The reads that memory or Redis could answer. */
  readonly answered: number;
}

export function hitShareOf(reads: Readonly<Counts<ReadKind>>): HitShare {
  let hits = 0;
  let answered = 0;
  for (const kind of readKinds) {
    if (hitKinds.has(kind)) hits += reads[kind];
    if (!unansweredKinds.has(kind)) answered += reads[kind];
  }
  return { hits, answered };
}

/** From 0 to 1; null where there was nothing to answer. */
export function hitRatioOf({ hits, answered }: HitShare): number | null {
  return answered === 0 ? null : hits / answered;
}
