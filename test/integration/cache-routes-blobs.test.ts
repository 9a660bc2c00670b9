// The packaged app on blob storage, as `npm start` runs it: warmed by the admin endpoint, read through to the rest.

import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { originContainer, originSettings, seedStorage } from '../../local/commands/seed.ts';
import { makeDataset, onDemand, warmPrefix } from '../../local/dataset/dataset.ts';
import { decodeEntry } from '../../src/cache/entry-decoder.ts';
import type { WarmupReport } from '../../src/warmup/report.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalApp, type LocalApp } from '../support/local-app.ts';
import { heldApp } from '../support/openapi-contract.ts';
import { cacheStatusOf } from '../support/timing.ts';

const dataset = makeDataset();
const warmSet = dataset.filter(({ name }) => name.startsWith(warmPrefix));

let app: LocalApp;

beforeAll(async () => {
  app = await startLocalApp({
    memory: true,
    storage: true,
    instances: 2,
    settings: ({ storage }) => originSettings(storage ?? expect.unreachable()),
    prepare: async ({ storage }) => {
      if (storage !== undefined) await seedStorage(storage);
    },
  });
  app = await heldApp(app);
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
  });
}

function reports(): readonly WarmupReport[] {
  return app.host.logs().flatMap(({ message }) => {
    const json = /entries are warm: warmup (?<json>\{.*\})$/u.exec(message)?.groups?.['json'];
    return json === undefined ? [] : [JSON.parse(json) as WarmupReport];
  });
}

async function cacheStatus(name: string): Promise<string> {
  const startedAtMs = performance.now();
  const response = await app.fetch(`/api/cache/${name}`);
  await response.arrayBuffer();
  expect(response.status).toBe(200);
  const { redis } = app.stack;
  return cacheStatusOf(response, performance.now() - startedAtMs, { redis, name });
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

it('takes at most half the bytes in Redis that it would take plain', async () => {
  const bytes = { stored: 0, plain: 0 };
  for (const { name, body } of warmSet) {
    const stored = await app.stack.redis.adminRaw('GET', name);
    if (!Buffer.isBuffer(stored)) return expect.unreachable(name);
    const decoded = decodeEntry(stored);
    if (decoded.kind !== 'entry') return expect.unreachable(decoded.kind);
    bytes.stored += stored.length;
    bytes.plain += stored.length - decoded.entry.body.length + body.length;
  }
  expect(bytes.plain).toBeGreaterThan(500_000);
  expect(bytes.stored / bytes.plain).toBeLessThan(0.5);
});

it('moves no body when it runs again, and only what has changed', async () => {
  expect(await warm()).toMatchObject({ loaded: 0, bytes: 0, failed: {}, complete: true });
  const name = `${warmPrefix}formats/de.txt`;
  await app.stack.storage?.putBlob(originContainer, name, 'changed', 'text/plain');
  expect(await warm()).toMatchObject({ loaded: 1, bytes: 7 });
  expect(await (await app.fetch(`/api/cache/${name}`)).text()).toBe('changed');
});

it('fills a miss outside the prefix once; the next read, on another instance, is a hit', async () => {
  expect(await cacheStatus(onDemand.languages)).toMatch(/^fwd=miss; fwd-status=200; stored; ttl=/u);
  expect(await cacheStatus(onDemand.languages)).toMatch(/^hit; ttl=/u);
});

it('serves a blob past its max-age as stale and renews it, for as long as its max-age says', async () => {
  expect(await cacheStatus(onDemand.shortLived)).toMatch(/^fwd=miss; .*ttl=[12]$/u);
  await eventually(async () =>
    expect(await cacheStatus(onDemand.shortLived)).toMatch(/^hit; ttl=-?\d; detail=stale$/u),
  );
  await eventually(async () => expect(await cacheStatus(onDemand.shortLived)).toMatch(/^hit; ttl=[012]$/u));
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

it('serves a static site whose blobs are coded: as they are, decoded, in parts, and not at all to who has them', async () => {
  const page = `<!doctype html><title>Site</title>${'<p>Text.</p>'.repeat(200)}`;
  const script = `export const values = [${'1, '.repeat(500)}];`;
  const put = async (
    name: string,
    body: Buffer,
    type: string,
    fields: Record<string, string>,
  ): Promise<void> => {
    const headers = { 'x-ms-blob-type': 'BlockBlob', 'Content-Type': type, ...fields };
    const { status } =
      (await app.stack.storage?.request('PUT', `/${originContainer}/${name}`, headers, body)) ?? {};
    expect(status).toBe(201);
  };
  const coded = (coding: string) => ({ 'x-ms-blob-content-encoding': coding });
  await put('site/index.html', gzipSync(page), 'text/html', coded('gzip'));
  await put('site/app.js', brotliCompressSync(script), 'text/javascript', coded('Br'));
  await put('site/plain.txt', Buffer.from('plain'), 'text/plain', coded('Identity'));
  await put('site/folder', Buffer.alloc(0), 'text/plain', { 'x-ms-meta-hdi_isfolder': 'true' });
  const read = async (name: string, headers: Record<string, string> = {}): Promise<Response> =>
    app.fetch(`/api/cache/site/${name}`, { headers: { 'Accept-Encoding': 'identity', ...headers } });

  for (const [name, content, coding] of [
    ['index.html', page, 'gzip'],
    ['app.js', script, 'br'],
    ['plain.txt', 'plain', null],
  ] as const) {
    const decoded = await read(name);
    expect([decoded.status, await decoded.text()]).toEqual([200, content]);
    expect(decoded.headers.get('content-encoding')).toBeNull();
    expect(decoded.headers.get('last-modified')).toMatch(/GMT$/u);
    // As a browser, or `curl --compressed`, asks.
    const compressed = await read(name, { 'Accept-Encoding': 'gzip, deflate, br' });
    expect(await compressed.text()).toBe(content);
    expect(compressed.headers.get('content-encoding')).toBe(coding);
    for (const { headers } of [decoded, compressed]) {
      const accepted = headers.has('content-encoding') ? 'gzip, br' : 'identity';
      const condition = { 'If-None-Match': headers.get('etag') ?? '', 'Accept-Encoding': accepted };
      expect((await read(name, condition)).status).toBe(304);
    }
    const since = { 'If-Modified-Since': decoded.headers.get('last-modified') ?? '' };
    expect((await read(name, since)).status).toBe(304);
    const part = await read(name, { Range: 'bytes=1-4', 'If-Range': decoded.headers.get('etag') ?? '' });
    expect([part.status, await part.text()]).toEqual([206, content.slice(1, 5)]);
  }
  expect((await read('folder')).status).toBe(404);
});
