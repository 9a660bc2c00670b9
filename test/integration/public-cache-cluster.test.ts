import { publicCacheSuite } from '../contract/public-cache.ts';
import { caches } from '../support/caches.ts';

publicCacheSuite(caches.cluster);
