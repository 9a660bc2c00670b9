// The two published node-redis samples this project grew out of, done with its own parts and any credential.
// "Hello World": fetch a token, SET and GET over TLS with it as the password, close.
// "Handle Reauthentication": still working after the token it started with has expired.

import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Stack, StackCredential } from '../../local/stack.ts';
import { eventually } from '../support/eventually.ts';
import { adoptStack, startSharedClient } from '../support/shared-client.ts';
import { startStack } from '../support/stack.ts';

const tokenLifetimeMs = 6000;
let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ tokenLifetimeMs, storage: false });
  adoptStack(stack);
});
afterAll(async () => stack?.stop());

const call = (key: string, idempotent: boolean) => ({
  key,
  deadlineAtMs: Date.now() + 20_000,
  idempotent,
});

describe.each<StackCredential>(['managed-identity', 'client-secret', 'client-certificate'])(
  'with %s',
  (kind) => {
    it('hello world: set, get and close over TLS with the token as the password', async () => {
      const { redis, keeper } = startSharedClient(stack, { credential: kind });
      const value = randomBytes(16).toString('hex');
      expect(await redis.run((client) => client.set('hello', value), call('hello', false))).toBe('OK');
      expect(await redis.run((client) => client.get('hello'), call('hello', true))).toBe(value);
      await redis.close();
      keeper.stop();
      await eventually(() => expect(stack.front.stats.live).toBe(0));
      await expect(redis.run((client) => client.get('hello'), call('hello', true))).rejects.toMatchObject({
        code: 'stopped',
      });
    });

    it('handle reauthentication: still working after the token it started with has expired', async () => {
      const { redis, keeper } = startSharedClient(stack, { credential: kind });
      try {
        await redis.run((client) => client.set('session', 'alive'), call('session', false));
        const firstExpiresAtMs = keeper.status().expiresAtMs ?? 0;
        expect(firstExpiresAtMs).toBeGreaterThan(Date.now());
        const connected = stack.front.connections.filter(({ closedAtMs }) => closedAtMs === undefined);
        while (Date.now() < firstExpiresAtMs + 500) {
          expect(await redis.run((client) => client.get('session'), call('session', true))).toBe('alive');
          await new Promise((resolve) => {
            setTimeout(resolve, 50);
          });
        }
        expect(keeper.status().rotations).toBeGreaterThanOrEqual(2);
        // On the connection it started with: it was re-authenticated, not replaced.
        expect(stack.front.connections.filter(({ closedAtMs }) => closedAtMs === undefined)).toEqual(
          connected,
        );
      } finally {
        await redis.close();
        keeper.stop();
      }
    });
  },
);
