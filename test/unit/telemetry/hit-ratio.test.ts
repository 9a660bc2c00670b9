import { expect, it } from 'vitest';
import { hitRatioOf, hitShareOf } from '../../../src/telemetry/hit-ratio.ts';
import { Measures, type Counts, type ReadKind } from '../../../src/telemetry/measures.ts';

const ratio = (reads: Partial<Counts<ReadKind>>): number | null =>
  hitRatioOf(hitShareOf({ ...new Measures().reads, ...reads }));

it.each<[string, Partial<Counts<ReadKind>>, number | null]>([
  ['is unknown before the first read', {}, null],
  ['is unknown where nothing could be answered', { unavailable: 3, refused: 2, bypassed: 1 }, null],
  [
    'counts what either tier served, also stale',
    { memoryHit: 1, redisHit: 2, memoryStale: 3, redisStale: 4 },
    1,
  ],
  ['takes a miss that was loaded for a miss', { redisHit: 1, loaded: 1 }, 0.5],
  [
    'takes whatever else was not in the cache for one',
    { redisHit: 6, miss: 1, collapsed: 1, negative: 1, failed: 1 },
    0.6,
  ],
  [
    'leaves out what could not be asked, or may not be served',
    { redisHit: 3, miss: 1, unavailable: 90, bypassed: 9, refused: 9 },
    0.75,
  ],
])('the hit ratio %s', (_what, reads, expected) => {
  expect(ratio(reads)).toBe(expected);
});
