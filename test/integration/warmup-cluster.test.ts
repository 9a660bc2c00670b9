// The warmup on a cluster.

import { warmupSuite } from '../contract/warmup.ts';
import { caches } from '../support/caches.ts';

warmupSuite(caches.cluster);
