// One client per process: however many requests come at once, and whatever happened before.

import { expect, it } from 'vitest';
import { systemAssigned } from '../../local/token-issuer.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalApp } from '../support/local-app.ts';

it('100 concurrent requests on a cold instance share one token request and one connection', async () => {
  await using app = await startLocalApp({ untilReady: false });
  const statuses = await Promise.all(
    Array.from({ length: 100 }, async () => (await app.fetch('/api/cache/absent')).status),
  );
  expect(new Set(statuses)).toEqual(new Set([404]));
  expect(app.stack.identity.calls).toHaveLength(1);
  expect(app.stack.front.stats.connectionsAccepted).toBe(1);
});

it('connects at the start of the app, before any request', async () => {
  await using app = await startLocalApp({ untilReady: false });
  await eventually(() => expect(app.stack.front.stats.auths).toBe(1));
});

it('a failed first connect poisons nothing: the next requests find the cache', async () => {
  await using app = await startLocalApp({
    untilReady: false,
    settings: { REQUEST_BUDGET_MS: '500' },
    prepare: ({ front }) => front.setBehaviour('refuse'),
  });
  for (let requests = 0; requests < 3; requests += 1) {
    expect((await app.fetch('/api/cache/absent')).status).toBe(503);
  }
  app.stack.front.setBehaviour('normal');
  await eventually(async () => expect((await app.fetch('/api/cache/absent')).status).toBe(404), 2000);
  expect(app.stack.front.stats.live).toBe(1);
});

it('an identity without an access policy is told which object id needs one, and tried ever less often', async () => {
  await using app = await startLocalApp({ untilReady: false, settings: { REQUEST_BUDGET_MS: '500' } });
  const oid = systemAssigned.objectId;
  await app.stack.front.unassign(oid);
  app.stack.front.cutAll();
  await eventually(async () => expect((await app.fetch('/api/health/ready')).status).toBe(503));
  await eventually(() => {
    const logged = app.host
      .logs()
      .map(({ message }) => message)
      .join('\n');
    expect(logged).toContain(`object id ${oid}`);
    expect(logged).toContain('access policy assignment');
  });
  app.stack.front.assign(oid);
  await eventually(async () => expect((await app.fetch('/api/health/ready')).status).toBe(200), 10_000);
});

it('the timer can be run through the admin endpoint, as on Azure', async () => {
  await using app = await startLocalApp({ tokenLifetimeMs: 20_000 });
  const response = await app.fetch('/admin/functions/reauthenticate', {
    method: 'POST',
    body: '{"input":""}',
    headers: { 'content-type': 'application/json' },
  });
  expect(response.status).toBe(202);
  await eventually(() => {
    const logged = app.host.logs().map(({ message }) => message);
    expect(logged.some((message) => message.includes('1 of 1 instances answered: rollCall {'))).toBe(true);
  });
});

it('CACHE_WRITES=disabled makes the HTTP side read-only', async () => {
  await using app = await startLocalApp({
    settings: { CACHE_WRITES: 'disabled', CACHE_KEY_PREFIX: 'site:' },
  });
  const put = await app.fetch('/api/cache/key', { method: 'PUT', body: 'x' });
  expect(put.status).toBe(405);
  expect(put.headers.get('allow')).toBe('GET, HEAD');
  expect(await put.json()).toMatchObject({ code: 'writes-disabled' });
  expect((await app.fetch('/api/cache/key', { method: 'DELETE' })).status).toBe(405);
  await app.stack.redis.admin('SET', 'site:key', 'prefixed');
  expect(await (await app.fetch('/api/cache/key')).text()).toBe('prefixed');
});
