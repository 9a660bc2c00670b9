// The client of ./redis over a local stack: connected, in trouble, closed.

import { ManagedIdentityCredential } from '@azure/identity';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { Stack } from '../../local/stack.ts';
import { createRedis, type Redis, type RedisEvent, type RedisOptions } from '../../src/exports/redis.ts';
import { eventually } from '../support/eventually.ts';
import { leakedPart } from '../support/scenario.ts';
import { adoptStack } from '../support/shared-client.ts';
import { startStack } from '../support/stack.ts';

const tokenLifetimeMs = 6000;
let stack: Stack;
let redis: Redis | undefined;

beforeAll(async () => {
  stack = await startStack({ tokenLifetimeMs, storage: false });
  adoptStack(stack);
});
afterEach(async () => {
  await redis?.close();
  stack?.front.setBehaviour('normal');
  stack?.identity.setBehaviour('normal');
});
afterAll(async () => stack?.stop());

function start(options: Partial<RedisOptions> = {}): Redis {
  const { hostname, port } = stack.front;
  redis = createRedis({ hostname, port, credential: new ManagedIdentityCredential(), ...options });
  return redis;
}

const reads = { key: 'k', idempotent: true };

it('connects by itself; commands, many keys, subscriptions, status and events', async () => {
  const client = start();
  const events: RedisEvent[] = [];
  client.onEvent('connectionReady', (event) => events.push(event));
  client.onEvent('connectionReauthenticated', (event) => events.push(event));
  await client.run((commands) => commands.set('k', 'v'), { key: 'k' });
  expect(await client.run((() => 'at once') as never, reads)).toBe('at once');
  const outcomes = await client.runMany(['k', 'absent'], (commands, keys) =>
    Promise.all(keys.map((key) => commands.get(key))),
  );
  expect(outcomes).toEqual([
    { ok: true, value: 'v' },
    { ok: true, value: null },
  ]);
  const heard: string[] = [];
  client.subscribe('news', () => {
    throw new Error('a bug of the listener');
  });
  const stop = client.subscribe('news', (message) => heard.push(message));
  await eventually(async () => {
    await client.run((commands) => commands.publish('news', 'hello'), { key: 'news' });
    expect(heard).toContain('hello');
  });
  stop();
  expect(client.status()).toMatchObject({ state: 'ready', connections: 2, token: { state: 'holding' } });
  expect(client.status().token.timeLeftMs).toBeLessThanOrEqual(tokenLifetimeMs);
  await eventually(() => expect(events.map(({ type }) => type)).toContain('connectionReauthenticated'));
  const said = JSON.stringify([client.status(), events]);
  expect(leakedPart(said, stack.issuer.issued)).toBeUndefined();
});

it('answers what is in flight when it is closed', async () => {
  const client = start();
  await client.run((commands) => commands.set('k', 'v'), { key: 'k' });
  const inFlight = Promise.all(
    Array.from({ length: 100 }, async () => client.run((commands) => commands.get('k'), reads)),
  );
  const closing = client.close();
  expect(new Set(await inFlight)).toEqual(new Set(['v']));
  await closing;
  await eventually(() => expect(stack.front.stats.live).toBe(0));
});

it('is closed while it connects, and leaves no connection', async () => {
  stack.front.setBehaviour('stall');
  const client = start();
  await eventually(() => expect(stack.front.stats.live).toBe(1));
  const waiting = client.run((commands) => commands.get('k'), reads);
  const told = expect(waiting).rejects.toMatchObject({ code: 'stopped' });
  await client.close();
  await told;
  stack.front.setBehaviour('normal');
  await eventually(() => expect(stack.front.stats.live).toBe(0));
  const again = start();
  expect(again).not.toBe(client);
  await again.run((commands) => commands.ping(), reads);
});

it('begins to work when its credential does, and says what is missing until then', async () => {
  const real = new ManagedIdentityCredential();
  let works = false;
  const getToken = async (scope: string) => {
    if (!works) throw new Error('no identity yet');
    return real.getToken(scope);
  };
  const client = start({ credential: { getToken } });
  const ping = async (timeoutMs: number) =>
    client.run((commands) => commands.ping(), { ...reads, timeoutMs });
  await expect(ping(300)).rejects.toMatchObject({
    code: 'token-unavailable',
    message: expect.stringContaining('no identity yet') as string,
  });
  expect(client.status().token).toMatchObject({ state: 'seeking', expiresAtMs: undefined });
  works = true;
  expect(await ping(20_000)).toBe('PONG');
});

it('says that a host name leads nowhere', async () => {
  const client = start({ hostname: 'no-such-cache.invalid' });
  await expect(
    client.run((commands) => commands.ping(), { ...reads, timeoutMs: 15_000 }),
  ).rejects.toMatchObject({
    code: 'redis-unavailable',
    message: expect.stringContaining('no-such-cache.invalid:') as string,
  });
  expect(client.status().lastFailure).toContain('no-such-cache.invalid');
});
