// Read-through on a real Redis: instances in one process, an origin that counts what it is asked.

import type { CacheKind } from '../support/caches.ts';
import { onOneStack } from '../support/read-through-test.ts';
import { manyReads } from './read-through/many-reads.ts';
import { misses } from './read-through/misses.ts';
import { redisInTrouble } from './read-through/redis-in-trouble.ts';
import { removals } from './read-through/removals.ts';
import { slowLoads } from './read-through/slow-loads.ts';
import { staleEntries } from './read-through/stale-entries.ts';
import { storedValues } from './read-through/stored-values.ts';
import { unstorable } from './read-through/unstorable.ts';

export function readThroughSuite(cache: CacheKind): void {
  const begin = onOneStack(cache);
  for (const tests of [slowLoads, staleEntries, removals, unstorable, storedValues, misses]) tests(begin);
  manyReads(begin);
  // After all others: these take Redis away.
  redisInTrouble(begin);
}
