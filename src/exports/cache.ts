// redis-entra-functions/cache: values in Redis, loaded once, renewed in time, and an outage that is no miss.

import type { Cache } from './cache-api.ts';
import { startCache } from './start-cache.ts';
import { resolveCacheOptions, type CacheOptions } from './cache-options.ts';

export { AppError, type ErrorCode } from '../util/errors.ts';
export type {
  Cache,
  Condition,
  DeleteOptions,
  FactoryContext,
  GetOptions,
  GetOrSetOptions,
  LifetimeOptions,
  PurgeTargets,
  SetOptions,
  WrapOptions,
} from './cache-api.ts';
export type { DeleteResult, GetResult, NotApplied, PurgeResult, SetResult } from './cache-results.ts';
export type { CacheOptions } from './cache-options.ts';
export type { OriginOptions, OriginRuleOptions } from './origin-options.ts';
export type { Cacheable, Serializer } from './cache-values.ts';

/**
 * A cache over a client of `createRedis`. Waits for nothing. Caches of equal options over one client share their loads;
 * they end with the client's `close()`.
 *
 * @example
 * ```ts
 * const redis = createRedis({ hostname: 'my-cache.westeurope.redis.azure.net', credential });
 * const cache = createCache({ redis, namespace: 'shop' });
 * const product = await cache.getOrSet(`product:${id}`, ({ signal }) => loadProduct(id, signal), {
 *   ttlSeconds: 60,
 *   staleSeconds: 300,
 * });
 * ```
 * @throws AppError `options-invalid` that names every option that is missing, wrong or unknown.
 */
export function createCache(options: CacheOptions): Cache {
  const settings = resolveCacheOptions(options);
  return startCache(options.redis, settings, options.serializer);
}
