// Instances of the public cache on a real stack: each has a client and a token keeper of its own, as a process has.

import { ManagedIdentityCredential } from '@azure/identity';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import type { AnyStack } from '../../local/stack.ts';
import { TokenKeeper } from '../../src/auth/token-keeper.ts';
import { createTokenSource } from '../../src/auth/token-source.ts';
import { createCache, type Cache, type CacheOptions } from '../../src/exports/cache.ts';
import { partsOf } from '../../src/exports/redis-parts.ts';
import { defaultScope, resolveRedisOptions } from '../../src/exports/redis-options.ts';
import { startRedis } from '../../src/exports/start-redis.ts';
import type { Redis } from '../../src/exports/redis.ts';
import { systemClock as clock } from '../../src/util/clock.ts';
import type { CacheKind } from './caches.ts';
import { eventually } from './eventually.ts';
import { adoptStack } from './shared-client.ts';
import { startStack } from './stack.ts';

export interface PublicCaches {
  readonly stack: AnyStack;
  /** A cache of the namespace `shop`, when its client is connected. @param port another way to Redis. */
  start(options?: Partial<CacheOptions>, port?: number): Promise<Cache>;
  startMany(count: number, options?: Partial<CacheOptions>): Promise<readonly Cache[]>;
  /** Of the one that was started last. */
  readonly redis: Redis;
}

/** What a call gets whose test does not say it: what it is about is not how long a busy machine takes. */
const timeoutMs = 15_000;

/** On one stack for a whole file; what a test starts ends with it. Call it where the tests are declared. */
export function publicCaches({ cluster }: Pick<CacheKind, 'cluster'>): () => PublicCaches {
  const shared: { stack?: AnyStack } = {};
  const clients: Redis[] = [];
  beforeAll(async () => {
    shared.stack = await startStack({ storage: false, cluster });
    adoptStack(shared.stack);
  });
  afterEach(async () => {
    shared.stack?.front.setBehaviour('normal');
    await Promise.all(clients.splice(0).map(async (client) => client.close()));
  });
  afterAll(async () => shared.stack?.stop());
  const startClient = async (stack: AnyStack, port = stack.front.port): Promise<Redis> => {
    const credential = new ManagedIdentityCredential();
    const source = createTokenSource({ credential, scope: defaultScope, oidRequired: true, clock });
    const keeper = new TokenKeeper({ source, clock, random: Math.random, emit: () => {} });
    keeper.start();
    const { hostname } = stack.front;
    const clusteringPolicy = cluster ? 'OSSCluster' : 'EnterpriseCluster';
    const options = resolveRedisOptions({ hostname, port, clusteringPolicy, credential });
    const client = startRedis(options, { credential, keeper });
    clients.push(client);
    const { redis } = partsOf('test', client);
    await eventually(() => redis.ping(clock.nowMs() + 10_000));
    return client;
  };
  return () => {
    const stack = shared.stack ?? expect.unreachable('no stack');
    const start = async (options?: Partial<CacheOptions>, port?: number): Promise<Cache> =>
      createCache({ redis: await startClient(stack, port), namespace: 'shop', timeoutMs, ...options });
    return {
      stack,
      start,
      startMany: async (count, options) =>
        Promise.all(Array.from({ length: count }, async () => start(options))),
      get redis() {
        return clients.at(-1) ?? expect.unreachable('no client');
      },
    };
  };
}
