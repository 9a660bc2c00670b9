// The roll call on a cluster.

import { fleetSuite } from '../contract/fleet.ts';
import { caches } from '../support/caches.ts';

fleetSuite(caches.cluster);
