// createRedis, and a node-redis client of somebody else's that createRedisAuth keeps logged in, through what the app
// goes through.

import { createClient } from 'redis';
import { describe, it } from 'vitest';
import { createRedis, createRedisAuth } from '../../src/exports/redis.ts';
import { credentialOf, goThroughFaults, tokenLifetimeMs } from '../support/client-faults.ts';
import { adoptStack } from '../support/shared-client.ts';
import { startStack } from '../support/stack.ts';

describe.concurrent('through rotations, cuts, revoked tokens, a failing identity and refused AUTHs', () => {
  it('goes the client of createRedis, and no call fails', async ({ expect }) => {
    const stack = await startStack({ tokenLifetimeMs, storage: false });
    adoptStack(stack);
    const { hostname, port } = stack.front;
    const said: unknown[] = [];
    const redis = createRedis({ hostname, port, credential: credentialOf(stack), timeoutMs: 15_000 });
    for (const type of ['connectionLost', 'connectionFailed', 'connectionReauthenticationFailed'] as const) {
      redis.onEvent(type, (event) => said.push(event));
    }
    try {
      await redis.run((client) => client.set('k', 'v'), { key: 'k' });
      await goThroughFaults({
        stack,
        status: () => redis.status(),
        work: async () => {
          const value = await redis.run((client) => client.get('k'), { key: 'k', idempotent: true });
          if (value !== 'v') throw new Error('Another value.');
        },
        failsWhenCut: false,
        authenticating: 1,
        output: () => JSON.stringify([said, redis.status()]),
      });
      expect(redis.status().connections).toBe(1);
    } finally {
      await redis.close();
      await stack.stop();
    }
  });

  it('goes a client of node-redis, and no call fails but those on a connection that ends', async ({
    expect,
  }) => {
    const stack = await startStack({ tokenLifetimeMs, storage: false });
    adoptStack(stack);
    using auth = createRedisAuth({ credential: credentialOf(stack) });
    const said: unknown[] = [];
    auth.onEvent('connectionReauthenticationFailed', (event) => said.push(event));
    const client = createClient({
      socket: { host: stack.front.hostname, port: stack.front.port, tls: true },
      credentialsProvider: auth.credentialsProvider,
    });
    client.on('error', (error: unknown) => said.push(String(error)));
    try {
      auth.attach(client);
      await client.connect();
      await client.set('k', 'v');
      const listeners = client.listenerCount('ready');
      await goThroughFaults({
        stack,
        status: () => auth.status(),
        work: async () => {
          if ((await client.get('k')) !== 'v') throw new Error('Another value.');
        },
        failsWhenCut: true,
        authenticating: 1,
        output: () => JSON.stringify(said),
      });
      expect(client.listenerCount('ready')).toBe(listeners);
      expect(auth.status().connections).toBe(1);
      client.destroy();
      expect(auth.status().connections).toBe(0);
    } finally {
      if (client.isOpen) client.destroy();
      await stack.stop();
    }
  });
});
