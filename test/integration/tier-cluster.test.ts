// The tier and the locks on a cluster.

import { tierOverRedis } from '../contract/tier-over-redis.ts';
import { caches } from '../support/caches.ts';

tierOverRedis(caches.cluster);
