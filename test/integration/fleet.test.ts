// The roll call on a single endpoint.

import { fleetSuite } from '../contract/fleet.ts';
import { caches } from '../support/caches.ts';

fleetSuite(caches.single);
