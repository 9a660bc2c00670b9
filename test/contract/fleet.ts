// The timer reaches every instance: roll calls over connections of their own, with real Redis and tokens.

import type { CacheKind } from '../support/caches.ts';
import { fleetsOnOneStack } from '../support/fleets.ts';
import { forgeries } from './fleet/forgeries.ts';
import { refusals } from './fleet/refusals.ts';
import { registry } from './fleet/registry.ts';
import { renewalFailures } from './fleet/renewal-failures.ts';
import { rollCalls } from './fleet/roll-calls.ts';
import { sharedCaches } from './fleet/shared-caches.ts';

export function fleetSuite(cache: CacheKind): void {
  const fleets = fleetsOnOneStack(cache);
  registry(fleets);
  rollCalls(fleets);
  // Each of these concerns one key or one token: a cluster changes nothing.
  if (!cache.cluster) for (const tests of [renewalFailures, refusals, sharedCaches, forgeries]) tests(fleets);
}
