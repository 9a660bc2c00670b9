// One client per process: however many requests come at once, and whatever happened before.

import { expect, it } from 'vitest';
import { systemAssigned } from '../../local/token-issuer.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalApp, type LocalApp } from '../support/local-app.ts';
import { lateMs, startControl } from '../support/timing.ts';

/** As the log says. */
const connectionsFor = ({ host }: LocalApp, purpose: string): number =>
  host
    .logs()
    .filter(
      ({ message }) => message.startsWith('connectionReady ') && message.includes(`"purpose":"${purpose}"`),
    ).length;

it('100 concurrent requests on a cold instance share one token request and one connection', async () => {
  await using app = await startLocalApp({ untilReady: false });
  const statuses = await Promise.all(
    Array.from({ length: 100 }, async () => (await app.fetch('/api/cache/absent')).status),
  );
  expect(new Set(statuses)).toEqual(new Set([404]));
  expect(app.stack.identity.calls).toHaveLength(1);
  // What hears announcements has one of its own, which comes later.
  await eventually(() => expect(connectionsFor(app, 'commands')).toBe(1));
  expect(app.stack.front.stats.connectionsAccepted).toBeLessThanOrEqual(2);
});

it('connects at the start of the app, before any request', async () => {
  await using app = await startLocalApp({ untilReady: false });
  await eventually(() => expect(app.stack.front.stats.auths).toBeGreaterThanOrEqual(1));
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
  using control = startControl(async () => (await app.fetch('/api/health/live')).text());
  app.stack.front.setBehaviour('normal');
  const normalAtMs = Date.now();
  await eventually(async () => expect((await app.fetch('/api/cache/absent')).status).toBe(404));
  expect(Date.now() - normalAtMs).toBeLessThan(2000 + lateMs + control.longestMs);
  expect(connectionsFor(app, 'commands')).toBe(1);
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
  await eventually(async () => expect((await app.fetch('/api/health/ready')).status).toBe(200));
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
