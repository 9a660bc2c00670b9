// Starts a public cache over a public client: the one way to make it, for createCache and for the app.

import type { Cache } from './cache-api.ts';
import { CacheHandle } from './cache-handle.ts';
import { cachePartsFor, type CacheSettings } from './cache-parts.ts';
import type { Serializer } from './cache-values.ts';
import type { Redis } from './redis-api.ts';
import { partsOf } from './redis-parts.ts';

/** Waits for nothing. */
export function startCache(redis: Redis, settings: CacheSettings, serializer?: Serializer): Cache {
  return new CacheHandle(cachePartsFor(partsOf('createCache', redis), settings), serializer);
}
