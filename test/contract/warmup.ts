// The warmup on a real Redis: instances in one process, an origin that counts what it is asked.

import type { CacheKind } from '../support/caches.ts';
import { warmupsOnOneStack } from '../support/warmups.ts';
import { interruptedRuns } from './warmup/interrupted-runs.ts';
import { oddEntries } from './warmup/odd-entries.ts';
import { whatIsWarmed } from './warmup/what-is-warmed.ts';

export function warmupSuite(cache: CacheKind): void {
  const warm = warmupsOnOneStack(cache);
  for (const tests of [whatIsWarmed, oddEntries, interruptedRuns]) tests(warm);
}
