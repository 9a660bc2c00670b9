// redis-entra-functions/redis: a Redis client that never loses its login.

import { TokenKeeper } from '../auth/token-keeper.ts';
import { createTokenSource } from '../auth/token-source.ts';
import { mendReplyQueue } from '../redis/reply-queue.ts';
import { EventHub } from '../telemetry/event-hub.ts';
import { emit } from '../telemetry/events.ts';
import { systemClock as clock } from '../util/clock.ts';
import { onePerCache } from './one-per-cache.ts';
import type { Redis } from './redis-api.ts';
import { resolveRedisOptions, type RedisOptions } from './redis-options.ts';
import { startRedis } from './start-redis.ts';

export type { TokenCredentialLike } from '../auth/token-source.ts';
export type { ClusteringPolicy } from '../redis/create.ts';
export type { KeyOutcome, RedisClient } from '../redis/redis.ts';
export { AppError, type ErrorCode } from '../util/errors.ts';
export {
  createRedisAuth,
  type Ioredis,
  type NodeRedis,
  type RedisAuth,
  type RedisAuthStatus,
  type RedisCredentialsProvider,
} from './redis-auth.ts';
export type { CallOptions, Redis, RedisEvent, RedisStatus, RunOptions } from './redis-api.ts';
export type { IdentityOptions, RedisOptions } from './redis-options.ts';

/**
 * The client of a cache: connects by itself, keeps its connections authenticated with the credential's current token,
 * and connects again after every loss. Waits for nothing and asks for the first token at once.
 *
 * There is one for each process, cache (`hostname`, `port`) and `namespace`, also where this module is loaded twice, as
 * an ES module and as CommonJS: called again with the same options it returns that one. Whose credential is used was
 * decided by the first call; another credential object makes no other cache.
 *
 * @example
 * ```ts
 * import { ManagedIdentityCredential } from '@azure/identity';
 * import { createRedis } from 'redis-entra-functions/redis';
 *
 * export const redis = createRedis({
 *   hostname: 'my-cache.westeurope.redis.azure.net',
 *   credential: new ManagedIdentityCredential(),
 * });
 * const visits = await redis.run((client) => client.incr('visits'), { key: 'visits' });
 * ```
 * @throws AppError `options-invalid`: names every option that is missing, wrong or unknown, or in which the client that
 * this process has of the cache differs.
 */
export function createRedis(options: RedisOptions): Redis {
  const resolved = resolveRedisOptions(options);
  return onePerCache('createRedis', resolved, (forget) => {
    const { scope, username } = resolved;
    const { credential } = options;
    const source = createTokenSource({ credential, scope, oidRequired: username === undefined, clock });
    const events = new EventHub(emit);
    const keeper = new TokenKeeper({ source, clock, random: Math.random, emit: events.emit });
    keeper.start();
    mendReplyQueue();
    return startRedis(resolved, { credential, keeper, events, onClosing: forget });
  });
}
