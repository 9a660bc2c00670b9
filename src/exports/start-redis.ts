// Starts a public Redis client over a token keeper: the one way to make it, for createRedis and for the app, which asks
// for its first token before it loads this.

import type { TokenKeeper } from '../auth/token-keeper.ts';
import type { TokenCredentialLike } from '../auth/token-source.ts';
import { createRedis, type ClusteringPolicy } from '../redis/create.ts';
import type { KeyOutcome, RedisClient, RedisStatus } from '../redis/redis.ts';
import { emit, onEvent } from '../telemetry/events.ts';
import { systemClock as clock } from '../util/clock.ts';
import { Dependents } from './dependents.ts';
import { redisParts, type RedisParts } from './redis-parts.ts';

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

export interface StartRedisOptions {
  readonly hostname: string;
  readonly port?: number | undefined;
  readonly clusteringPolicy?: ClusteringPolicy | undefined;
  readonly tls?: boolean | undefined;
  readonly username?: string | undefined;
  readonly namespace?: string | undefined;
  readonly timeoutMs?: number | undefined;
}

/** What the client's tokens come from; the keeper has been started, and stops with the client. */
export interface StartedAuth {
  readonly credential: TokenCredentialLike;
  readonly keeper: TokenKeeper;
}

/** Begins to connect. Waits for nothing. */
export function startRedis(options: StartRedisOptions, { credential, keeper }: StartedAuth): Redis {
  const { hostname, port = 10_000, username, namespace = 'ref', timeoutMs = 2000 } = options;
  const { clusteringPolicy = 'EnterpriseCluster', tls = true } = options;
  const common = { clock, random: Math.random, emit };
  let instances = 1;
  const stopHearing = onEvent('rollCallHeard', ({ expected }) => (instances = expected));
  const redis = createRedis(
    { hostname, port, clusteringPolicy, tls, username },
    { keeper, failFastAfterMs: timeoutMs, instances: () => instances, ...common },
  );
  redis.start();
  const dependents = new Dependents();
  const close = async (): Promise<void> => {
    await dependents.stop();
    await redis.close();
    keeper.stop();
    stopHearing();
  };
  const shared = { credential, namespace, timeoutMs, dependents, caches: [], close };
  const parts: RedisParts = { redis, keeper, ...shared, ...common };
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
    close,
  };
  return handle;
}
