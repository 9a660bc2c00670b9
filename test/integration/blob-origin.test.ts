// The packaged app on blob storage, as `npm start` runs it: warmed by the admin endpoint, read through to the rest.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { originContainer, originSettings, seedStorage } from '../../local/commands/seed.ts';
import { makeDataset, onDemand, warmPrefix } from '../../local/dataset/dataset.ts';
import type { WarmupReport } from '../../src/warmup/report.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalApp, type LocalApp } from '../support/local-app.ts';

const dataset = makeDataset();
const warmSet = dataset.filter(({ name }) => name.startsWith(warmPrefix));

let app: LocalApp;

beforeAll(async () => {
  app = await startLocalApp({
    storage: true,
    instances: 2,
    settings: ({ storage }) => originSettings(storage ?? expect.unreachable()),
    prepare: async ({ storage }) => {
      if (storage !== undefined) await seedStorage(storage);
    },
  });
});
afterAll(async () => app?.stop());

/** Runs the warmup by the admin endpoint and returns what its line says. */
async function warm(): Promise<WarmupReport> {
  const before = reports().length;
  const { status } = await app.fetch('/admin/functions/scheduledWarmup', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '{"input":""}',
  });
  expect(status).toBe(202);
  return eventually(() => {
    const report = reports()[before];
    return report ?? expect.unreachable('The warmup has not ended.');
  }, 30_000);
}

function reports(): readonly WarmupReport[] {
  return app.host.logs().flatMap(({ message }) => {
    const json = /entries are warm: warmup (?<json>\{.*\})$/u.exec(message)?.groups?.['json'];
    return json === undefined ? [] : [JSON.parse(json) as WarmupReport];
  });
}

async function cacheStatus(name: string): Promise<string> {
  const response = await app.fetch(`/api/cache/${name}`);
  await response.arrayBuffer();
  expect(response.status).toBe(200);
  return response.headers.get('cache-status') ?? '';
}

it('warms what is under the prefix: each a hit with the bytes and the type of its blob', async () => {
  const bytes = warmSet.reduce((sum, { body }) => sum + body.length, 0);
  expect(await warm()).toMatchObject({
    listed: warmSet.length,
    loaded: warmSet.length,
    bytes,
    failed: {},
    complete: true,
  });
  for (const { name, body, contentType } of warmSet) {
    const response = await app.fetch(`/api/cache/${name}`);
    const received = Buffer.from(await response.arrayBuffer());
    expect(response.headers.get('cache-status')).toMatch(/^redis-entra-functions; hit; ttl=2\d\d$/u);
    expect(response.headers.get('content-type')).toBe(contentType);
    expect(received.equals(body), name).toBe(true);
  }
});

it('moves no body when it runs again, and only what has changed', async () => {
  expect(await warm()).toMatchObject({ loaded: 0, bytes: 0, failed: {}, complete: true });
  const name = `${warmPrefix}formats/de.txt`;
  await app.stack.storage?.putBlob(originContainer, name, 'changed', 'text/plain');
  expect(await warm()).toMatchObject({ loaded: 1, bytes: 7 });
  expect(await (await app.fetch(`/api/cache/${name}`)).text()).toBe('changed');
});

it('fills a miss outside the prefix once; the next read, on another instance, is a hit', async () => {
  expect(await cacheStatus(onDemand.languages)).toMatch(/; fwd=miss; fwd-status=200; stored; ttl=/u);
  expect(await cacheStatus(onDemand.languages)).toMatch(/; hit; ttl=/u);
});

it('serves a blob past its max-age as stale and renews it, for as long as its max-age says', async () => {
  expect(await cacheStatus(onDemand.shortLived)).toMatch(/; fwd=miss; .*ttl=[12]$/u);
  await eventually(async () =>
    expect(await cacheStatus(onDemand.shortLived)).toMatch(/; hit; ttl=-?\d; detail=stale$/u),
  );
  await eventually(async () => expect(await cacheStatus(onDemand.shortLived)).toMatch(/; hit; ttl=[012]$/u));
});

it('answers 404 where neither has the key, and remembers that for a moment', async () => {
  const first = await app.fetch('/api/cache/no/such/blob');
  expect(first.status).toBe(404);
  expect(first.headers.get('cache-status')).toBe('redis-entra-functions; fwd=miss; fwd-status=404');
  const second = await app.fetch('/api/cache/no/such/blob');
  expect(second.status).toBe(404);
  expect(second.headers.get('cache-status')).toBe('redis-entra-functions; hit; detail=negative');
});

it('loads what a batch lacks', async () => {
  await app.fetch(`/api/cache/${onDemand.languages}`, { method: 'DELETE' });
  const keys = [onDemand.languages, `${warmPrefix}index.html`, 'no/such/blob'];
  const response = await app.fetch('/api/batch', { method: 'POST', body: JSON.stringify({ keys }) });
  expect(await response.json()).toMatchObject({
    results: [{ status: 'hit', contentType: 'application/json' }, { status: 'hit' }, { status: 'miss' }],
  });
});
