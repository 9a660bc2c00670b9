// redis-entra-functions/client: the cache over HTTP, typed, for Node.js and browsers.

import { cacheClient, type CacheClient } from '../client/cache-client.ts';
import { platformClock } from '../client/clock.ts';
import { resolveClientOptions, type CacheClientOptions } from './client-options.ts';

export type { CacheClient, PurgeTargets } from '../client/cache-client.ts';
export type { ValueSource } from '../client/cache-status.ts';
export type {
  Fleet,
  FleetCounts,
  FleetEvent,
  FleetHistoryPoint,
  FleetInstance,
  FleetInstanceMeasures,
  FleetMinute,
  FleetQuantiles,
  FleetReadOutcome,
  FleetRollCall,
} from '../client/fleet.ts';
export type { CallerToken, TokenCredentialLike } from '../client/identity.ts';
export type { ReadOptions } from '../client/read.ts';
export { CacheRequestError, type RequestErrorCode } from '../client/request-error.ts';
export type {
  BatchItem,
  DeleteResult,
  EntryState,
  GetResult,
  HeadHit,
  HeadResult,
  Hit,
  Miss,
  NotApplied,
  NotModified,
  PreconditionFailed,
  PurgeResult,
  PutResult,
  Unavailable,
  UnavailableCode,
} from '../client/results.ts';
export type { CallOptions } from '../client/scope.ts';
export type { CachedValue } from '../client/value.ts';
export type { DeleteOptions, PutOptions, PutValue } from '../client/write.ts';
export { AppError, type ErrorCode } from '../util/errors.ts';
export type { CacheClientOptions } from './client-options.ts';

/**
 * A client of the HTTP side, of the app or of `registerCacheRoutes`. It connects to nothing by itself and has nothing to
 * close; make one, and use it for all calls.
 *
 * Reads are tried again within their time, by `Retry-After`; writes are sent once. With a credential the token is kept
 * until it is near its end, and a 401 is answered by one other token.
 *
 * @example
 * ```ts
 * import { ManagedIdentityCredential } from '@azure/identity';
 * import { createCacheClient } from 'redis-entra-functions/client';
 *
 * const client = createCacheClient({
 *   url: 'https://my-app.azurewebsites.net/api',
 *   credential: new ManagedIdentityCredential(),
 *   scope: 'api://00000000-0000-0000-0000-000000000000/.default',
 * });
 * const result = await client.get('product:7');
 * switch (result.kind) {
 *   case 'hit':
 *     console.log(result.json(), result.ageSeconds, result.stale);
 *     break;
 *   case 'miss':
 *     await client.put('product:7', { json: { name: 'Lamp' } }, { ttlSeconds: 60, tags: ['products'] });
 *     break;
 *   case 'unavailable':
 *     console.warn(result.code);
 * }
 * ```
 * @throws AppError `options-invalid`: names every option that is missing, wrong or unknown.
 */
export function createCacheClient(options: CacheClientOptions): CacheClient {
  return cacheClient(resolveClientOptions(options, { clock: platformClock, random: Math.random }));
}
