// Read-through on a real Redis; what needs none, as time limits and lifetimes, has unit tests by a clock of their own.

import type { CacheKind } from '../support/caches.ts';
import { onOneStack } from '../support/read-through-test.ts';
import { severalInstances } from './read-through/instances.ts';
import { redisInTrouble } from './read-through/redis-in-trouble.ts';
import { storedValues } from './read-through/stored-values.ts';

export function readThroughSuite(cache: CacheKind): void {
  const begin = onOneStack(cache);
  severalInstances(begin);
  // What is in one key does not depend on how many servers there are.
  if (!cache.cluster) storedValues(begin);
  // After all others: these take Redis away.
  redisInTrouble(begin);
}
