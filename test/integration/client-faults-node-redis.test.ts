// A node-redis client of somebody else's, kept logged in by createRedisAuth, through what the app goes through.

import { createClient } from 'redis';
import { expect, it } from 'vitest';
import { startStack } from '../../local/stack.ts';
import { createRedisAuth } from '../../src/exports/redis.ts';
import { credentialOf, goThroughFaults, tokenLifetimeMs } from '../support/client-faults.ts';
import { adoptStack } from '../support/shared-client.ts';

it('a node-redis client survives rotations, cuts, revoked tokens, a failing identity and refused AUTHs', async () => {
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
      work: async () => expect(await client.get('k')).toBe('v'),
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
