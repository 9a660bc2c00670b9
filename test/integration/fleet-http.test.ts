// The fleet as an operator meets it: the packaged app in several processes, the admin endpoint, /api/fleet.

import { expect, it } from 'vitest';
import type { Fleet } from '../../src/client/fleet.ts';
import { eventually, sleep } from '../support/eventually.ts';
import { startLocalApp, type LocalApp } from '../support/local-app.ts';
import { contractOf, heldTo, type OpenApiContract } from '../support/openapi-contract.ts';
import { lateMs, startControl } from '../support/timing.ts';

const isoPattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/u;

/** The same of all apps here: their routes are. */
let contract: OpenApiContract | undefined;

/** Held to the app's OpenAPI document. */
async function view(app: LocalApp): Promise<Fleet> {
  const ask = async (path: string, init?: RequestInit): Promise<Response> => app.fetch(path, init);
  contract ??= await contractOf(ask);
  const response = await heldTo(contract, ask)('/api/fleet');
  expect(response.status).toBe(200);
  return (await response.json()) as Fleet;
}

/** Calls the roll as an operator would, and waits for its record. */
async function callRoll(app: LocalApp): Promise<Fleet['rollCalls'][number]> {
  const before = (await view(app)).rollCalls.length;
  const response = await app.fetch('/admin/functions/reauthenticate', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '{"input":""}',
  });
  expect(response.status).toBe(202);
  return eventually(async () => {
    const { rollCalls } = await view(app);
    expect(rollCalls.length).toBeGreaterThan(before);
    return rollCalls[0] ?? expect.unreachable();
  });
}

/** The line of a roll call, which the host has a moment after its record is in Redis. */
function lineWith(app: LocalApp, text: string) {
  return eventually(
    () => app.host.logs().find(({ message }) => message.includes(text)) ?? expect.unreachable(`no "${text}"`),
  );
}

it('shows all instances and the roll call that the timer made, and the log line says the same', async () => {
  await using app = await startLocalApp({ instances: 3 });
  await eventually(async () => expect((await view(app)).instances).toHaveLength(3));
  // Also before the first roll call what is shown is what is so.
  for (const { tokenExpiresAt, connections } of (await view(app)).instances) {
    expect(tokenExpiresAt).toMatch(isoPattern);
    expect(connections).toBe(2);
  }
  for (let reads = 0; reads < 30; reads += 1) await app.fetch('/api/cache/absent');
  expect(await callRoll(app)).toMatchObject({
    expected: 3,
    answered: 3,
    failed: 0,
    silent: 0,
    silentInstances: [],
  });

  const seen = await view(app);
  expect(new Set(seen.instances.map(({ id }) => id)).size).toBe(3);
  expect(seen.instances.reduce((sum, { reads }) => sum + reads, 0)).toBe(30);
  for (const one of seen.instances) {
    expect(one).toMatchObject({ status: 'answered', connections: 2 });
    for (const time of [one.startedAt, one.tokenExpiresAt, one.lastRotationAt])
      expect(time).toMatch(isoPattern);
  }
  // Each counted for itself, and all of it once for all together.
  expect(seen.totals).toMatchObject({ hitRatio: 0, reads: { miss: 30, redisHit: 0, unavailable: 0 } });
  expect(seen.instances.reduce((sum, { measures }) => sum + (measures?.reads['miss'] ?? 0), 0)).toBe(30);
  const points = seen.instances.flatMap(({ history }) => history);
  expect(points.reduce((sum, { reads }) => sum + reads, 0)).toBe(30);
  for (const { at } of [...seen.minutes, ...points]) expect(at).toMatch(isoPattern);

  expect(seen.nextRollCallAt).toMatch(isoPattern);
  const line = await lineWith(app, '3 of 3 instances answered');
  expect(line.level).toBe('information');
  expect(line.message).toContain(`"id":"${seen.rollCalls[0]?.id}"`);
});

it('names an instance that was killed once, as a warning, and forgets it', async () => {
  await using app = await startLocalApp({ instances: 3 });
  await eventually(async () => expect((await view(app)).instances).toHaveLength(3));
  const before = (await view(app)).instances.map(({ id }) => id);
  app.host.signal(0, 'SIGKILL');
  // The host starts another in its place.
  await eventually(async () => expect((await view(app)).instances).toHaveLength(4));
  const first = await callRoll(app);
  expect(first).toMatchObject({ expected: 4, answered: 3, silent: 1 });
  const [ghost = ''] = first.silentInstances;
  expect(before).toContain(ghost);
  expect((await view(app)).instances.find(({ id }) => id === ghost)?.status).toBe('silent');
  const line = await lineWith(app, '3 of 4 instances answered');
  expect(line.level).toBe('warning');
  expect(line.message).toContain(ghost);
  // The invocation succeeded: one silent instance hides nothing.
  await lineWith(app, "'Functions.reauthenticate' (Succeeded");

  expect(await callRoll(app)).toMatchObject({ expected: 3, answered: 3, silent: 0 });
  expect((await view(app)).instances.map(({ id }) => id)).not.toContain(ghost);
});

it('an instance that was paused past its token recovers within a second and rejoins', async () => {
  const tokenLifetimeMs = 6000;
  await using app = await startLocalApp({ instances: 2, flex: true, tokenLifetimeMs });
  await eventually(async () => expect((await view(app)).instances).toHaveLength(3));
  // The one that serves no HTTP, so that no request waits for it.
  app.host.signal(2, 'SIGSTOP');
  // Longer than its token lives.
  await sleep(tokenLifetimeMs + 500);
  using control = startControl(async () => (await app.fetch('/api/health/live')).text());
  app.host.signal(2, 'SIGCONT');
  const resumedAtMs = Date.now();
  await eventually(async () => expect(await app.host.getFrom(2, 'ready', '/api/health/ready')).toBe(200));
  expect(Date.now() - resumedAtMs).toBeLessThan(1000 + lateMs + control.longestMs);
  await eventually(async () => expect(await callRoll(app)).toMatchObject({ answered: 3, silent: 0 }));
  expect(app.host.crashes).toBe(0);
});

it('on Flex Consumption the timer runs where no HTTP is served, and reaches all the same', async () => {
  await using app = await startLocalApp({ instances: 2, flex: true });
  await eventually(async () => expect((await view(app)).instances).toHaveLength(3));
  expect(await callRoll(app)).toMatchObject({ expected: 3, answered: 3 });
  const line = await lineWith(app, '3 of 3 instances answered');
  expect(line.source).toBe('instance-3');
});

it('HEAD, no-store, and 503 when Redis cannot be asked', async () => {
  await using app = await startLocalApp({ settings: { REQUEST_BUDGET_MS: '500' } });
  const head = await app.fetch('/api/fleet', { method: 'HEAD' });
  expect(head.status).toBe(200);
  expect(head.headers.get('cache-control')).toBe('no-store');
  expect(await head.text()).toBe('');
  await app.stack.redis.kill();
  await eventually(async () => expect((await app.fetch('/api/fleet')).status).toBe(503));
  const run = await app.host.runTimer('reauthenticate');
  expect(run.ok).toBe(true);
  expect(
    app.host.logs().some(({ level, message }) => level === 'warning' && message.includes('No roll call')),
  ).toBe(true);
});

it('is a page for whoever would rather have HTML, and JSON for all others', async () => {
  await using app = await startLocalApp();
  const typeFor = async (Accept: string): Promise<string | null> =>
    (await app.fetch('/api/fleet', { headers: { Accept } })).headers.get('content-type');
  expect(await typeFor('*/*')).toBe('application/json');
  expect(await typeFor('application/json, text/html;q=0.5')).toBe('application/json');
  expect(await typeFor('text/html;q=0, */*')).toBe('application/json');
  const chrome = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
  expect(await typeFor(chrome)).toBe('text/html; charset=utf-8');
});

it("keeps the app's own keys out of reach of HTTP", async () => {
  await using app = await startLocalApp();
  await eventually(async () => expect((await view(app)).instances).toHaveLength(1));
  for (const key of ['ref:\u001F{fleet}:roster', '\u001F{fleet}:roster', 'ref:{fleet}:roster', 'ref:']) {
    expect((await app.fetch(`/api/cache/${encodeURIComponent(key)}`)).status).toBe(400);
  }
});

it('says when the next roll call is due by its schedule, before the first one, too', async () => {
  await using app = await startLocalApp({ settings: { REAUTHENTICATE_SCHEDULE: '*/5 * * * * *' } });
  const { now, nextRollCallAt, rollCalls } = await view(app);
  expect(rollCalls).toEqual([]);
  const dueAtMs = Date.parse(nextRollCallAt ?? '');
  expect(dueAtMs % 5000).toBe(0);
  expect(dueAtMs).toBeGreaterThan(Date.parse(now));
  expect(dueAtMs - Date.parse(now)).toBeLessThanOrEqual(5000);
});
