// Read-through on a single endpoint.

import { readThroughSuite } from '../contract/read-through.ts';
import { caches } from '../support/caches.ts';

readThroughSuite(caches.single);
