// The local Functions host around the packaged app: what happens when the app cannot load, and when it dies.

import { expect, it } from 'vitest';
import { startHost } from '../../local/functions-host/host.ts';
import { eventually } from '../support/eventually.ts';
import { packagedApp, startLocalApp } from '../support/local-app.ts';

it('says by name what is wrong with the settings when the app cannot be loaded', async () => {
  const settings = { REDIS_PORT: 'ten thousand', CACHE_WRITES: 'maybe' };
  await expect(startHost({ appDirectory: packagedApp, settings })).rejects.toThrow(
    /REDIS_HOSTNAME: expected [\s\S]*REDIS_PORT: expected [\s\S]*CACHE_WRITES: expected /u,
  );
});

it('starts another instance in the place of one that was killed, and goes on serving', async () => {
  await using app = await startLocalApp({ instances: 2 });
  const before = app.host.instances.map(({ pid }) => pid);
  app.host.signal(0, 'SIGKILL');
  await eventually(() => {
    const [first] = app.host.instances;
    expect(first?.state).toBe('running');
    expect(first?.pid).not.toBe(before[0]);
  });
  expect(app.host.crashes).toBe(1);
  await eventually(async () => {
    for (let requests = 0; requests < 4; requests += 1) {
      expect((await app.fetch('/api/health/ready')).status).toBe(200);
    }
  });
});

it('answers 404 for what no function is for', async () => {
  await using app = await startLocalApp();
  expect((await app.fetch('/api/nothing')).status).toBe(404);
  expect((await app.fetch('/api/cache/key', { method: 'POST', body: 'x' })).status).toBe(404);
  expect((await app.fetch('/admin/functions/nothing', { method: 'POST' })).status).toBe(404);
});

it('stops an app cleanly: what is in flight is answered, nothing is left, nothing was unhandled', async () => {
  const app = await startLocalApp();
  const pids = app.host.instances.map(({ pid }) => pid ?? 0);
  app.stack.front.setBehaviour('stall');
  const reads = Array.from({ length: 50 }, async () => (await app.fetch('/api/cache/absent')).status);
  await eventually(() => expect(app.host.inFlight).toBe(50));
  const stopping = app.stop();
  app.stack.front.setBehaviour('normal');
  expect(new Set(await Promise.all(reads))).toEqual(new Set([404]));
  await stopping;
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow();
  expect(app.host.crashes).toBe(0);
  expect(app.host.logs().filter(({ level }) => level === 'error' || level === 'critical')).toEqual([]);
});
