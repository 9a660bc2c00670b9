// The timer reaches every instance: roll calls over connections of their own, with real Redis and tokens.

import type { CacheKind } from '../support/caches.ts';
import { fleetsOnOneStack } from '../support/fleets.ts';
import { sharedCaches } from './fleet/shared-caches.ts';
import { refusals } from './fleet/refusals.ts';
import { renewal } from './fleet/renewal.ts';
import { trouble } from './fleet/trouble.ts';

export function fleetSuite(cache: CacheKind): void {
  const fleets = fleetsOnOneStack(cache);
  for (const tests of [renewal, refusals, sharedCaches, trouble]) tests(fleets);
}
