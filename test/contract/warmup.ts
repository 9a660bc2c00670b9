// The warmup on a real Redis; what becomes of entries, pages and runs without one has unit tests.

import type { CacheKind } from '../support/caches.ts';
import { warmupsOnOneStack } from '../support/warmups.ts';
import { interruptedRuns } from './warmup/interrupted-runs.ts';
import { oddEntries } from './warmup/odd-entries.ts';
import { whatIsWarmed } from './warmup/what-is-warmed.ts';

export function warmupSuite(cache: CacheKind): void {
  const warm = warmupsOnOneStack(cache);
  whatIsWarmed(warm);
  // What is in one key does not depend on how many servers there are.
  if (!cache.cluster) oddEntries(warm);
  interruptedRuns(warm);
}
