// redis-entra-functions/redis: a Redis client that never loses its login.

import { TokenKeeper } from '../auth/token-keeper.ts';
import { createTokenSource, type TokenCredentialLike } from '../auth/token-source.ts';
import { clusteringPolicies, createRedis as createInternal, type ClusteringPolicy } from '../redis/create.ts';
import type { KeyOutcome, RedisClient, RedisStatus } from '../redis/redis.ts';
import { emit } from '../telemetry/events.ts';
import { systemClock as clock } from '../util/clock.ts';
import { onePerProcess } from '../util/one-per-process.ts';
import { checkOptions, oneOf, text, trueOrFalse, wholeNumber } from './options.ts';
import { redisParts, type RedisParts } from './redis-parts.ts';

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

export interface RunOptions {
  /** What the commands are about, all of it in one slot. */
  readonly key: string;
  readonly timeoutMs?: number | undefined;
  readonly idempotent?: boolean | undefined;
}

export interface Redis {
  run<T>(work: (client: RedisClient) => Promise<T>, options: RunOptions): Promise<T>;
  runMany<T>(
    keys: readonly string[],
    work: (client: RedisClient, keys: readonly string[]) => Promise<readonly T[]>,
    options?: Omit<RunOptions, 'key'>,
  ): Promise<readonly KeyOutcome<T>[]>;
  subscribe(channel: string, listener: (message: string) => void): () => void;
  status(): RedisStatus;
  close(): Promise<void>;
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
  const { hostname, port = 10_000, username, namespace = 'ref', timeoutMs = 2000 } = options;
  const { clusteringPolicy = 'EnterpriseCluster', tls = true } = options;
  const { scope = 'https://redis.azure.com/.default', credential } = options;
  return onePerProcess(`redis ${hostname}:${port} ${namespace}`, (): Redis => {
    const common = { clock, random: Math.random, emit };
    const source = createTokenSource({ credential, scope, oidRequired: username === undefined, clock });
    const keeper = new TokenKeeper({ source, ...common });
    keeper.start();
    const endpoint = { hostname, port, clusteringPolicy, tls, username };
    const redis = createInternal(endpoint, {
      keeper,
      failFastAfterMs: timeoutMs,
      instances: () => 1,
      ...common,
    });
    redis.start();
    const parts: RedisParts = { redis, keeper, credential, namespace, ...common };
    const callOptions = ({ timeoutMs: ownMs = timeoutMs, idempotent = false }: Omit<RunOptions, 'key'>) => ({
      deadlineAtMs: clock.nowMs() + ownMs,
      idempotent,
    });
    const handle = {
      [redisParts]: parts,
      run: <T>(work: (client: RedisClient) => Promise<T>, run: RunOptions) =>
        redis.run(work, { key: run.key, ...callOptions(run) }),
      runMany: <T>(
        keys: readonly string[],
        work: (client: RedisClient, keys: readonly string[]) => Promise<readonly T[]>,
        run: Omit<RunOptions, 'key'> = {},
      ) => redis.runMany(keys, work, callOptions(run)),
      subscribe: (channel: string, listener: (message: string) => void) => redis.subscribe(channel, listener),
      status: () => redis.status(),
      async close() {
        await redis.close();
        keeper.stop();
      },
    };
    return handle;
  });
}
