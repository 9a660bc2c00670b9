// Purges on a single endpoint.

import { purgeSuite } from '../contract/purges.ts';
import { caches } from '../support/caches.ts';

purgeSuite(caches.single);
