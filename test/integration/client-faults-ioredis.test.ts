// ioredis clients of somebody else's, kept logged in by createRedisAuth, through what the app goes through.

import { Redis as Redis5 } from 'ioredis';
import { Redis as Redis6 } from 'ioredis-6';
import { describe, it } from 'vitest';
import type { Stack } from '../../local/stack.ts';
import { createRedisAuth } from '../../src/exports/redis.ts';
import { credentialOf, goThroughFaults, tokenLifetimeMs } from '../support/client-faults.ts';
import { eventually } from '../support/eventually.ts';
import { adoptStack } from '../support/shared-client.ts';
import { startStack } from '../support/stack.ts';

const optionsOf = ({ front }: Stack) => ({
  host: front.hostname,
  port: front.port,
  tls: { servername: front.hostname },
  lazyConnect: true,
});

const versions = [
  { version: 5, make: (stack: Stack) => new Redis5(optionsOf(stack)), handshakeIsAuth: true },
  { version: 6, make: (stack: Stack) => new Redis6(optionsOf(stack)), handshakeIsAuth: false },
];

describe.concurrent.each(versions)('ioredis $version', ({ make, handshakeIsAuth }) => {
  it('survives rotations, cuts, revoked tokens, a failing identity and refused AUTHs', async ({ expect }) => {
    const stack = await startStack({ tokenLifetimeMs, storage: false });
    adoptStack(stack);
    using auth = createRedisAuth({ credential: credentialOf(stack) });
    const said: unknown[] = [];
    const client = make(stack);
    client.on('error', (error: unknown) => said.push(error));
    try {
      auth.attachIoredis(client);
      await client.set('k', 'v');
      const copy = client.duplicate();
      copy.on('error', (error: unknown) => said.push(error));
      await copy.ping();
      const listeners = client.listenerCount('ready');
      await goThroughFaults({
        stack,
        status: () => auth.status(),
        work: async () => {
          if ((await client.get('k')) !== 'v') throw new Error('Another value.');
        },
        handshakeIsAuth,
        failsWhenCut: false,
        authenticating: 2,
        output: () => JSON.stringify(said),
      });
      expect(client.listenerCount('ready')).toBe(listeners);
      expect(auth.status().connections).toBe(2);
      client.disconnect();
      await copy.quit();
      await eventually(() => expect(auth.status().connections).toBe(0));
    } finally {
      client.disconnect();
      await stack.stop();
    }
  });
});
