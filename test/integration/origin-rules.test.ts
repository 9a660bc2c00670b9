// ORIGIN_RULES over HTTP: the packaged app over two HTTP origins and two blob containers, read through and warmed.

import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { LocalStorage } from '../../local/storage.ts';
import { decodeEntry } from '../../src/cache/entry-decoder.ts';
import type { EntryHead } from '../../src/cache/entry.ts';
import type { WarmupReport } from '../../src/warmup/report.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalApp, type LocalApp } from '../support/local-app.ts';
import { heldApp } from '../support/openapi-contract.ts';
import { startOriginServer, type OriginServer } from '../support/origin-server.ts';

let shop: OriginServer;
let prices: OriginServer;
let storage: LocalStorage;
let app: LocalApp;

async function putBlob(container: string, name: string, headers: Record<string, string> = {}): Promise<void> {
  const common = { 'x-ms-blob-type': 'BlockBlob', 'Content-Type': 'text/plain' };
  const body = Buffer.from(`${container} ${name}`);
  const { status } = await storage.request('PUT', `/${container}/${name}`, { ...common, ...headers }, body);
  expect(status).toBe(201);
}

beforeAll(async () => {
  [shop, prices] = await Promise.all([startOriginServer(), startOriginServer()]);
  app = await startLocalApp({
    memory: true,
    storage: true,
    async prepare({ storage: own }) {
      storage = own ?? expect.unreachable();
      for (const container of ['default', 'images']) await storage.createContainer(container);
    },
    settings: () => ({
      CACHE_KEY_PREFIX: 'app:',
      CACHE_DEFAULT_TTL_SECONDS: '3600',
      ORIGIN_BLOB_CONTAINER_URL: `${storage.blobUrl}/default`,
      ORIGIN_RULES: JSON.stringify([
        { prefix: 'shop/', origin: `${shop.url}/{+key}`, tags: ['shop'] },
        { prefix: 'shop/prices/', origin: `${prices.url}/of/{key}`, ttlSeconds: 600, staleSeconds: 7 },
        { prefix: 'images/', origin: `${storage.blobUrl}/images`, ttlSeconds: 1200, tags: ['images'] },
        { prefix: 'images/logo' },
      ]),
    }),
  });
  app = await heldApp(app);
});
afterAll(async () => {
  await app?.stop();
  await Promise.all([shop?.stop(), prices?.stop()]);
});
afterEach(() => {
  shop.behaviour = 'normal';
  expect(app.host.crashes).toBe(0);
});

const suffix = (): string => randomBytes(4).toString('hex');

async function read(
  name: string,
): Promise<{ readonly status: number; readonly text: string; readonly headers: Headers }> {
  const response = await app.fetch(`/api/cache/${name}`);
  return { status: response.status, text: await response.text(), headers: response.headers };
}

async function headOf(name: string): Promise<EntryHead> {
  return eventually(async () => {
    const decoded = decodeEntry((await app.stack.redis.adminRaw('GET', `app:${name}`)) as Buffer);
    return decoded.kind === 'entry' ? decoded.entry : expect.unreachable(decoded.kind);
  });
}

async function warm(): Promise<WarmupReport> {
  const reports = (): readonly WarmupReport[] =>
    app.host.logs().flatMap(({ message }) => {
      const json = /entries are warm: warmup (?<json>\{.*\})$/u.exec(message)?.groups?.['json'];
      return json === undefined ? [] : [JSON.parse(json) as WarmupReport];
    });
  const before = reports().length;
  const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"input":""}' };
  expect((await app.fetch('/admin/functions/scheduledWarmup', init)).status).toBe(202);
  return eventually(() => reports()[before] ?? expect.unreachable('The warmup has not ended.'));
}

it('a key is loaded from the origin of its longest prefix, on the terms of that rule', async () => {
  const name = suffix();
  shop.put(`/shop/${name}`, {
    body: 'shop',
    headers: { 'Cache-Tag': 'a, shop', 'Cache-Control': 'max-age=60' },
  });
  prices.put(`/of/shop%2Fprices%2F${name}`, { body: 'price' });
  await putBlob('images', `images/${name}`, { 'x-ms-meta-cachetags': 'x' });
  await putBlob('default', `images/logo-${name}`);
  await putBlob('default', name);
  const answers = [
    await read(`shop/${name}`),
    await read(`shop/prices/${name}`),
    // However it is written.
    await read(encodeURIComponent(`images/${name}`)),
    await read(`images/logo-${name}`),
    await read(name),
  ];
  expect(answers.map(({ status, text }) => `${status} ${text}`)).toEqual([
    '200 shop',
    '200 price',
    `200 images images/${name}`,
    `200 default images/logo-${name}`,
    `200 default ${name}`,
  ]);
  expect(await headOf(`shop/${name}`)).toMatchObject({ tags: ['a', 'shop'] });
  const price = await headOf(`shop/prices/${name}`);
  expect(price).toMatchObject({ tags: undefined, loaded: { staleWhileRevalidateSeconds: 7 } });
  expect(price.freshness?.ttlSeconds).toBeGreaterThan(500);
  expect(price.freshness?.ttlSeconds).toBeLessThanOrEqual(600);
  const image = await headOf(`images/${name}`);
  expect(image.tags).toEqual(['x', 'images']);
  expect(image.freshness?.ttlSeconds).toBeLessThanOrEqual(1200);
  const logo = await headOf(`images/logo-${name}`);
  expect(logo.tags).toBeUndefined();
  expect(logo.freshness?.ttlSeconds).toBeGreaterThan(1200);
  // Tags are nobody's but the cache's.
  for (const { headers } of answers)
    expect([...headers.keys()].filter((field) => field.endsWith('tag'))).toEqual(['etag']);
});

it('an origin that holds off its callers holds off those of no other, and a PUT has tags', async () => {
  const name = suffix();
  prices.put(`/of/shop%2Fprices%2F${name}`, { body: 'price' });
  shop.behaviour = { status: 503, headers: { 'Retry-After': '60' } };
  const failed = await read(`shop/${name}`);
  expect(failed.status).toBe(502);
  expect(failed.headers.get('retry-after')).toBe('60');
  const loads = shop.loads();
  expect((await read(`shop/other-${name}`)).status).toBe(502);
  expect(shop.loads()).toBe(loads);
  expect(await read(`shop/prices/${name}`)).toMatchObject({ status: 200, text: 'price' });
  const put = await app.fetch(`/api/cache/shop/${name}`, {
    method: 'PUT',
    body: 'mine',
    headers: { 'Cache-Tag': 'a,b', 'Surrogate-Key': 'c' },
  });
  expect(put.status).toBe(201);
  expect((await headOf(`shop/${name}`)).tags).toEqual(['a', 'b', 'c']);
  const refused = await app.fetch('/api/cache/refused', {
    method: 'PUT',
    body: 'x',
    headers: { 'Cache-Tag': 'a b' },
  });
  expect([refused.status, await refused.json()]).toMatchObject([400, { code: 'invalid-header' }]);
});

it('the warmup lists each container for the keys that it serves, and writes on the terms of their rules', async () => {
  const name = suffix();
  for (const container of ['default', 'images']) {
    for (const key of [`images/${name}`, `images/logo-${name}`, name]) await putBlob(container, key);
  }
  await putBlob('default', `shop/${name}`);
  expect(await warm()).toMatchObject({ complete: true, failed: {} });
  for (const [key, container] of [
    [`images/${name}`, 'images'],
    [`images/logo-${name}`, 'default'],
    [name, 'default'],
  ]) {
    const answer = await read(key ?? '');
    expect([answer.headers.get('cache-status'), answer.text]).toEqual([
      expect.stringContaining('; hit;'),
      `${container} ${key}`,
    ]);
  }
  const image = await headOf(`images/${name}`);
  expect(image.tags).toEqual(['images']);
  expect(image.freshness?.ttlSeconds).toBeLessThanOrEqual(1200);
  // Served by an origin that lists nothing.
  expect(await app.stack.redis.admin('EXISTS', `app:shop/${name}`)).toBe(0);
  const again = await warm();
  expect(again).toMatchObject({ complete: true, loaded: 0, renewed: 0, failed: {} });
  expect(again.current).toBe(again.listed);
});
