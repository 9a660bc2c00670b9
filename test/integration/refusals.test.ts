// What clients, probes and the log of the packaged app say of a Redis that refuses, or that others use as well.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemAssigned } from '../../local/token-issuer.ts';
import { eventually, sleep } from '../support/eventually.ts';
import { startLocalApp, type LocalApp } from '../support/local-app.ts';
import { heldApp } from '../support/openapi-contract.ts';

let app: LocalApp;

beforeAll(async () => {
  app = await startLocalApp({
    // Another app has started on the same cache.
    prepare: async ({ redis }) => {
      const other = { site: 'other-app', namespace: 'other', keyPrefix: '' };
      const field = `${Date.now()} ${JSON.stringify(other)}`;
      await redis.admin('HSET', 'redis-entra-functions:\u001Fapps', 'other-app', field);
    },
  });
  app = await heldApp(app);
});
afterAll(async () => app?.stop());
afterEach(async () => {
  await admin('CONFIG', 'SET', 'maxmemory', '0');
  await admin('ACL', 'SETUSER', systemAssigned.objectId, '+@all', '~*', '&*');
});

const admin = async (...command: string[]): Promise<unknown> => app.stack.redis.admin(...command);
const put = async (key: string): Promise<number> =>
  (await app.fetch(`/api/cache/${key}`, { method: 'PUT', body: 'value' })).status;
const get = async (key: string): Promise<number> => (await app.fetch(`/api/cache/${key}`)).status;

async function ready(): Promise<{ readonly status: number; readonly body: unknown }> {
  const response = await app.fetch('/api/health/ready');
  return { status: response.status, body: await response.json() };
}

/** The fields of the events of a cause that were logged so far. */
function logged(type: string, cause: string): readonly Record<string, unknown>[] {
  return app.host
    .logs()
    .filter(({ message }) => message.startsWith(`${type} `))
    .map(({ message }) => JSON.parse(message.slice(type.length + 1)) as Record<string, unknown>)
    .filter((fields) => fields['cause'] === cause);
}

const isReady = { status: 'ready', tokenExpiresInSeconds: expect.any(Number) };

// First of all, for while Redis refuses an app cannot enter itself.
it('another app whose entries are within reach is told at the start, with what to set', async () => {
  const line = await eventually(() => {
    const found = app.host.logs().find(({ message }) => message.startsWith('cacheShared '));
    return found ?? expect.unreachable('not told yet');
  });
  expect(line.message).toContain('"app":"other-app"');
  expect(line.message).toContain('CACHE_KEY_PREFIX');
});

describe('a Redis without memory', () => {
  it('is told once, is ready for reads only, and is told when it accepts again', async () => {
    expect(await put('key')).toBe(201);
    expect(await ready()).toEqual({ status: 200, body: isReady });
    await admin('CONFIG', 'SET', 'maxmemory', '1');
    for (let times = 0; times < 5; times += 1) expect(await put('key')).toBe(503);
    expect(await get('key')).toBe(200);
    await sleep(300);
    expect(await ready()).toEqual({ status: 200, body: { ...isReady, writes: 'refused' } });
    expect(await ready()).toEqual({ status: 200, body: { ...isReady, writes: 'refused' } });
    await eventually(() => expect(logged('commandRefused', 'out-of-memory')).toHaveLength(1));
    expect(logged('commandRefused', 'out-of-memory')[0]).toMatchObject({
      level: 'warn',
      command: 'EVAL',
      reason: expect.stringContaining('OOM'),
    });
    // A removal needs no memory, and says nothing of it.
    expect((await app.fetch('/api/cache/key', { method: 'DELETE' })).status).toBe(204);
    await sleep(1200);
    expect(await get('key')).toBe(404);
    expect(logged('commandAccepted', 'out-of-memory')).toEqual([]);

    await admin('CONFIG', 'SET', 'maxmemory', '0');
    expect(await put('key')).toBe(201);
    await eventually(() => expect(logged('commandAccepted', 'out-of-memory')).toHaveLength(1));
    expect(logged('commandAccepted', 'out-of-memory')[0]?.['refusals']).toBeGreaterThanOrEqual(5);
    expect(await ready()).toEqual({ status: 200, body: isReady });
  });
});

describe('an identity with too few rights', () => {
  it('that may not run scripts reads, and is ready for that', async () => {
    await admin('SET', 'foreign', 'value');
    await admin('ACL', 'SETUSER', systemAssigned.objectId, '-eval');
    await sleep(300);
    expect(await get('foreign')).toBe(200);
    expect(await put('foreign')).toBe(503);
    expect(await ready()).toEqual({ status: 200, body: { ...isReady, writes: 'refused' } });
    await eventually(() => expect(logged('commandRefused', 'no-permission')).toHaveLength(1));
    expect((await app.host.runTimer('reauthenticate')).ok).toBe(true);
    const line = app.host.logs().findLast(({ message }) => message.includes('1 of 1 instances answered'));
    expect(line).toMatchObject({
      level: 'warning',
      message: expect.stringContaining('"unrecorded":"Redis refused'),
    });
    await admin('ACL', 'SETUSER', systemAssigned.objectId, '+@all');
    expect(await put('foreign')).toBe(204);
    await eventually(() => expect(logged('commandAccepted', 'no-permission')).toHaveLength(1));
  });

  it('that may not read is not ready, and no detail says why', async () => {
    await admin('ACL', 'SETUSER', systemAssigned.objectId, '-@read');
    expect(await get('foreign')).toBe(503);
    expect(await ready()).toEqual({ status: 503, body: { status: 'unavailable' } });
    await admin('ACL', 'SETUSER', systemAssigned.objectId, '+@all');
    expect((await ready()).status).toBe(200);
  });
});

describe('the probes', () => {
  it.each(['live', 'ready'])('%s answers HEAD as GET, without the body', async (name) => {
    const response = await app.fetch(`/api/health/${name}`, { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.text()).toBe('');
  });

  it('ready leaves nothing behind, and a hundred probes at once are a few tries', async () => {
    const calls = async (): Promise<number> =>
      Number(/cmdstat_eval:calls=(\d+)/u.exec(String(await admin('INFO', 'commandstats')))?.[1] ?? 0);
    const before = await calls();
    await Promise.all(Array.from({ length: 100 }, async () => expect((await ready()).status).toBe(200)));
    expect((await calls()) - before).toBeLessThan(100);
    await eventually(async () => expect(await admin('KEYS', '*:ready:*')).toEqual([]));
  });
});
