// The tier and the locks over a real Redis server.

import { tierOverRedis } from '../contract/tier-over-redis.ts';
import { caches } from '../support/caches.ts';

tierOverRedis(caches.single);
