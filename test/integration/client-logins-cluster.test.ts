// Logins of cluster clients that somebody else makes: every node at the current token, with one AUTH a rotation.

import { Cluster as Cluster5 } from 'ioredis';
import { Cluster as Cluster6 } from 'ioredis-6';
import { createCluster } from 'redis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ClusterStack } from '../../local/stack.ts';
import { createRedisAuth, type RedisAuth } from '../../src/exports/redis.ts';
import { credentialOf, tokenLifetimeMs } from '../support/client-faults.ts';
import { eventually, sleep } from '../support/eventually.ts';
import { adoptStack } from '../support/shared-client.ts';
import { startStack } from '../support/stack.ts';

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

const keys = Array.from({ length: 24 }, (_, index) => `key ${index}`);

async function readAll(cluster: ClusterClient): Promise<void> {
  const values = await Promise.all(keys.map(async (key) => cluster.get(key)));
  expect(new Set(values)).toEqual(new Set(['v']));
}

/** Between two rotations: nothing is on its way. */
async function settled(auth: RedisAuth) {
  const seen = () => {
    const { token, connections, reauthenticated } = auth.status();
    return { rotations: token.rotations, connections, reauthenticated };
  };
  return eventually(async () => {
    const before = seen();
    for (let looks = 0; looks < 3; looks += 1) {
      await sleep(100);
      expect(seen()).toEqual(before);
    }
    return before;
  });
}

async function oneRotation(auth: RedisAuth, cluster: ClusterClient): Promise<void> {
  // While it still connects to somebody, a rotation says nothing.
  for (let attempts = 1; ; attempts += 1) {
    const before = await settled(auth);
    // After a loss ioredis connects to replicas, too.
    expect(before.connections).toBeGreaterThanOrEqual(3);
    await eventually(async () => {
      await readAll(cluster);
      expect(auth.status().token.rotations).toBeGreaterThan(before.rotations);
    });
    const after = await settled(auth);
    expect(auth.status().reauthenticationsFailed).toBe(0);
    if (after.connections !== before.connections && attempts < 4) continue;
    const rotated = after.rotations - before.rotations;
    expect(after).toMatchObject({
      connections: before.connections,
      reauthenticated: before.reauthenticated + rotated * before.connections,
    });
    return;
  }
}

it('every node is re-authenticated once a rotation, also after all connections were lost', async () => {
  const starts: readonly ((auth: RedisAuth) => ClusterClient | Promise<ClusterClient>)[] = [
    nodeRedis,
    (auth) => ioredis(auth, Cluster5),
    (auth) => ioredis(auth, Cluster6 as unknown as typeof Cluster5),
  ];
  const clients = await Promise.all(
    starts.map(async (start) => {
      const auth = createRedisAuth({ credential: credentialOf(stack) });
      return { auth, cluster: await start(auth) };
    }),
  );
  const each = async (step: (auth: RedisAuth, cluster: ClusterClient) => Promise<unknown>): Promise<void> => {
    await Promise.all(clients.map(async ({ auth, cluster }) => step(auth, cluster)));
  };
  try {
    await each(async (_auth, cluster) => Promise.all(keys.map(async (key) => cluster.set(key, 'v'))));
    await each(oneRotation);
    stack.front.cutAll();
    await each(async (_auth, cluster) => eventually(async () => readAll(cluster)));
    await each(oneRotation);
  } finally {
    for (const { cluster } of clients) cluster.stop();
    await eventually(() =>
      expect(clients.map(({ auth }) => auth.status().connections)).toEqual([0, 0, 0]),
    ).finally(() => {
      for (const { auth } of clients) auth.close();
    });
  }
});
