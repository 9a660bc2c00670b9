// The warmup on a single endpoint.

import { warmupSuite } from '../contract/warmup.ts';
import { caches } from '../support/caches.ts';

warmupSuite(caches.single);
