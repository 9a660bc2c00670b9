// Read-through on a cluster.

import { readThroughSuite } from '../contract/read-through.ts';
import { caches } from '../support/caches.ts';

readThroughSuite(caches.cluster);
