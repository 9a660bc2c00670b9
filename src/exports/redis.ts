// redis-entra-functions/redis: a Redis client that never loses its login.

import { TokenKeeper } from '../auth/token-keeper.ts';
import { createTokenSource, type TokenCredentialLike } from '../auth/token-source.ts';
import { clusteringPolicies, type ClusteringPolicy } from '../redis/create.ts';
import { emit } from '../telemetry/events.ts';
import { systemClock as clock } from '../util/clock.ts';
import { onePerProcess } from '../util/one-per-process.ts';
import { checkOptions, oneOf, text, trueOrFalse, wholeNumber } from './options.ts';
import { startRedis, type Redis } from './start-redis.ts';

export type { Redis, RunOptions } from './start-redis.ts';

export interface RedisOptions {
  /** Host name of the cache, without the port. */
  readonly hostname: string;
  /** Any credential of `@azure/identity`, or whatever has its `getToken`. */
  readonly credential: TokenCredentialLike;
  /** 10000 (Azure Managed Redis) where undefined; 6380 on Azure Cache for Redis. */
  readonly port?: number | undefined;
  readonly clusteringPolicy?: ClusteringPolicy | undefined;
  readonly tls?: boolean | undefined;
  readonly scope?: string | undefined;
  readonly username?: string | undefined;
  readonly namespace?: string | undefined;
  readonly timeoutMs?: number | undefined;
}

/** One per process and cache, however often it is called, or its module loaded. Connects by itself. */
export function createRedis(options: RedisOptions): Redis {
  checkOptions('createRedis', options, {
    hostname: {
      ...text('the host name of the cache, without the port', /^[\w.:-]{1,253}$/u),
      required: true,
    },
    credential: {
      expected: 'a TokenCredential: an object with getToken()',
      holds: (value) => typeof (value as TokenCredentialLike | null)?.getToken === 'function',
      required: true,
    },
    port: wholeNumber(1, 65_535),
    clusteringPolicy: oneOf(...clusteringPolicies),
    tls: trueOrFalse,
    scope: text('one scope', /^\S+$/u),
    username: text('a user name', /^\S+$/u),
    namespace: text('1 to 32 letters, digits, "-" or "_"', /^[\w-]{1,32}$/u),
    timeoutMs: wholeNumber(100, 230_000),
  });
  const { hostname, port = 10_000, username, namespace = 'ref' } = options;
  const { scope = 'https://redis.azure.com/.default', credential } = options;
  return onePerProcess(`redis ${hostname}:${port} ${namespace}`, () => {
    const source = createTokenSource({ credential, scope, oidRequired: username === undefined, clock });
    const keeper = new TokenKeeper({ source, clock, random: Math.random, emit });
    keeper.start();
    return startRedis(options, { credential, keeper });
  });
}
