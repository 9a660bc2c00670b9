// Logins of cluster clients that somebody else makes: every node at the current token, with one AUTH a rotation.

import { Cluster as Cluster5 } from 'ioredis';
import { Cluster as Cluster6 } from 'ioredis-6';
import { createCluster } from 'redis';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { startStack, type ClusterStack } from '../../local/stack.ts';
import { createRedisAuth, type RedisAuth } from '../../src/exports/redis.ts';
import { credentialOf, tokenLifetimeMs } from '../support/client-faults.ts';
import { eventually } from '../support/eventually.ts';
import { adoptStack } from '../support/shared-client.ts';

let stack: ClusterStack;

beforeAll(async () => {
  stack = await startStack({ tokenLifetimeMs, storage: false, cluster: true });
  adoptStack(stack);
});
afterAll(async () => stack?.stop());

interface ClusterClient {
  set(key: string, value: string): Promise<unknown>;
  get(key: string): Promise<string | null>;
  stop(): void;
}

function ioredis(auth: RedisAuth, Cluster: typeof Cluster5): ClusterClient {
  const { hostname: host, port } = stack.front;
  const cluster = new Cluster([{ host, port }], {
    dnsLookup: (address, done) => done(null, address),
    redisOptions: { tls: { servername: host } },
    lazyConnect: true,
  });
  cluster.on('error', () => {});
  auth.attachIoredis(cluster);
  return {
    set: async (key, value) => cluster.set(key, value),
    get: async (key) => cluster.get(key),
    stop: () => cluster.disconnect(),
  };
}

async function nodeRedis(auth: RedisAuth): Promise<ClusterClient> {
  const { hostname, port } = stack.front;
  const cluster = createCluster({
    rootNodes: [{ socket: { host: hostname, port, tls: true } }],
    defaults: {
      socket: { tls: true, servername: hostname },
      credentialsProvider: auth.credentialsProvider,
    },
  });
  cluster.on('error', () => {});
  auth.attach(cluster);
  await cluster.connect();
  return {
    set: async (key, value) => cluster.set(key, value),
    get: async (key) => cluster.get(key),
    stop: () => cluster.destroy(),
  };
}

describe.concurrent.each([
  { library: 'node-redis', start: nodeRedis },
  { library: 'ioredis 5', start: async (auth: RedisAuth) => Promise.resolve(ioredis(auth, Cluster5)) },
  {
    library: 'ioredis 6',
    start: async (auth: RedisAuth) => Promise.resolve(ioredis(auth, Cluster6 as unknown as typeof Cluster5)),
  },
])('a cluster client of $library', ({ start }) => {
  it('has every node re-authenticated once a rotation, also after all connections were lost', async ({
    expect,
  }) => {
    using auth = createRedisAuth({ credential: credentialOf(stack) });
    const cluster = await start(auth);
    const keys = Array.from({ length: 24 }, (_, index) => `key ${index}`);
    const readAll = async (): Promise<void> => {
      const values = await Promise.all(keys.map(async (key) => cluster.get(key)));
      expect(new Set(values)).toEqual(new Set(['v']));
    };
    const oneRotation = async (): Promise<void> => {
      await eventually(() => expect(auth.status().connections).toBe(3));
      const before = auth.status();
      await eventually(async () => {
        await readAll();
        expect(auth.status().token.rotations).toBe(before.token.rotations + 1);
      }, 2 * tokenLifetimeMs);
      await eventually(() => expect(auth.status().reauthenticated).toBe(before.reauthenticated + 3));
      expect(auth.status().reauthenticationsFailed).toBe(0);
    };
    try {
      for (const key of keys) await cluster.set(key, 'v');
      await oneRotation();
      stack.front.cutAll();
      await eventually(readAll);
      await oneRotation();
      await readAll();
      cluster.stop();
      await eventually(() => expect(auth.status().connections).toBe(0));
    } finally {
      cluster.stop();
    }
  });
});
