// Purges on a cluster.

import { purgeSuite } from '../contract/purges.ts';
import { caches } from '../support/caches.ts';

purgeSuite(caches.cluster);
