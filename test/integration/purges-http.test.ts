// POST /api/purge as a client meets it: the packaged app in three processes, over an HTTP origin.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startLocalApp, type LocalApp } from '../support/local-app.ts';
import { heldApp } from '../support/openapi-contract.ts';
import { startOriginServer, type OriginServer } from '../support/origin-server.ts';

const instances = 3;
let origin: OriginServer;
let app: LocalApp;
beforeAll(async () => {
  origin = await startOriginServer();
  app = await startLocalApp({
    instances,
    settings: { ORIGIN_URL_TEMPLATE: `${origin.url}/{+key}`, REQUEST_BUDGET_MS: '5000' },
  });
  app = await heldApp(app);
});
afterAll(async () => {
  await app?.stop();
  await origin?.[Symbol.asyncDispose]();
});

interface Purged {
  readonly purgedAt: string;
  readonly expected: number;
  readonly acknowledged: number;
  readonly silent: readonly string[];
}

function post(body: unknown, to = app): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return to.fetch('/api/purge', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: text,
  });
}

async function purge(body: unknown): Promise<Purged> {
  const response = await post(body);
  expect(response.status).toBe(200);
  expect(response.headers.get('cache-control')).toBe('no-store');
  return (await response.json()) as Purged;
}

async function put(key: string, body: string, tags: string): Promise<void> {
  const headers = { 'Content-Type': 'text/plain', 'Cache-Tag': tags };
  const { status } = await app.fetch(`/api/cache/${key}?ttl=600`, { method: 'PUT', headers, body });
  expect([201, 204]).toContain(status);
}

/** As each instance says, for requests go round them in turn. */
async function read(key: string): Promise<readonly string[]> {
  const said: string[] = [];
  for (let turn = 0; turn < instances; turn += 1) {
    const response = await app.fetch(`/api/cache/${key}`);
    const text = await response.text();
    const isPurged = response.headers.get('cache-status')?.includes('detail=purged') === true;
    said.push(response.status === 200 ? `${isPurged ? 'purged ' : ''}${text}` : `${response.status}`);
  }
  return said;
}

const three = (text: string): readonly string[] => [text, text, text];

/** All hear of purges. */
async function untilHeard(): Promise<void> {
  await eventually(async () => {
    await read('none');
    expect(await purge({ keys: ['none'] })).toMatchObject({ expected: instances, acknowledged: instances });
  });
}

it('answers when all instances have taken it in, and is then true of all; later writes stay', async () => {
  await untilHeard();
  for (const [index, targets] of [
    { tags: ['red'] },
    { keys: ['written/a'] },
    { prefixes: ['written/'] },
    { prefixes: [''] },
  ].entries()) {
    await put('written/a', `a${index}`, 'red, green');
    await put('other/b', `b${index}`, 'green');
    expect(await read('written/a')).toEqual(three(`a${index}`));
    const before = Date.now();
    const purged = await purge({ ...targets, mode: 'remove' });
    expect(purged).toEqual({
      purgedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/u) as string,
      expected: instances,
      acknowledged: instances,
      silent: [],
    });
    expect(Math.abs(Date.parse(purged.purgedAt) - before)).toBeLessThan(60_000);
    expect(await read('written/a')).toEqual(three('404'));
    expect(await read('other/b')).toEqual(three(targets.prefixes?.[0] === '' ? '404' : `b${index}`));
  }
  await put('written/a', 'again', 'red');
  expect(await read('written/a')).toEqual(three('again'));
});

it('makes stale by a tag of the origin: what was loaded is served so, and loaded anew once', async () => {
  await untilHeard();
  const lifetime = { 'Cache-Control': 'max-age=600, stale-while-revalidate=600', 'Cache-Tag': 'spring' };
  origin.put('/product', { body: 'old', headers: lifetime });
  expect(await read('product')).toEqual(three('old'));
  const asked = (): number => origin.requests.filter(({ target }) => target === '/product').length;
  expect(asked()).toBe(1);
  origin.put('/product', { body: 'new', headers: lifetime });
  expect(await read('product')).toEqual(three('old'));
  await purge({ tags: ['spring'] });
  const response = await app.fetch('/api/cache/product');
  expect(await response.text()).toBe('old');
  expect(response.headers.get('cache-status')).toContain('detail=purged');
  await eventually(async () => expect(await read('product')).toEqual(three('new')));
  expect(asked()).toBe(2);

  // Where it must not be served stale, the next read waits for the origin.
  const strict = { 'Cache-Control': 'max-age=600, must-revalidate', 'Surrogate-Key': 'spring strict' };
  origin.put('/strict', { body: 'old', headers: strict });
  expect(await read('strict')).toEqual(three('old'));
  origin.put('/strict', { body: 'new', headers: strict });
  await purge({ tags: ['strict'] });
  expect(await read('strict')).toEqual(three('new'));
  // And by `remove` it is not there at all, until it is loaded.
  origin.put('/strict', { body: 'newer', headers: strict });
  await purge({ tags: ['spring'], mode: 'remove' });
  expect(await read('strict')).toEqual(three('newer'));
});

it('takes what the README and the guide show', async () => {
  for (const page of ['README.md', 'docs/local.md']) {
    const text = readFileSync(join(import.meta.dirname, '../..', page), 'utf8');
    const [, body = ''] = /-d '(.*)' \S+\/purge\b/u.exec(text) ?? [];
    origin.put('/cldr/shown', { body: 'value', headers: { 'Cache-Control': 'max-age=600' } });
    expect((await read('cldr/shown'))[0]).toBe('value');
    expect(await purge(body)).toMatchObject({ silent: [] });
    expect((await read('cldr/shown'))[0]).toBe('purged value');
    await eventually(async () => expect(await read('cldr/shown')).toEqual(three('value')));
  }
});

it('refuses what is no purge, and purges nothing then', async () => {
  await put('kept', 'value', 'kept');
  for (const [body, code] of [
    ['{"tags":["kept"]', 'invalid-body'],
    [['kept'], 'invalid-body'],
    [{}, 'invalid-body'],
    [{ keys: [] }, 'invalid-body'],
    [{ tags: ['kept'], mode: 'delete' }, 'invalid-body'],
    [{ tags: ['kept'], purge: true }, 'invalid-body'],
    [{ tags: ['kept', 'two words'], mode: 'remove' }, 'invalid-body'],
    [{ keys: ['kept', ''], mode: 'remove' }, 'invalid-key'],
    [
      { tags: ['kept'], keys: Array.from({ length: 1000 }, (_, n) => `${n}`), mode: 'remove' },
      'invalid-body',
    ],
  ] as const) {
    const response = await post(body);
    expect([response.status, ((await response.json()) as { readonly code: string }).code]).toEqual([
      400,
      code,
    ]);
  }
  expect((await app.fetch('/api/purge')).status).toBe(404);
  expect(await read('kept')).toEqual(three('value'));
});

it('is 405 where the cache is read-only, and 503 where Redis cannot be asked', async () => {
  await using other = await startLocalApp({ settings: { CACHE_WRITES: 'disabled' } });
  const refused = await post({ keys: ['a'] }, await heldApp<LocalApp>(other));
  expect(refused.status).toBe(405);
  expect(await refused.json()).toMatchObject({ code: 'writes-disabled' });
  // No method is: RFC 9110, section 10.2.1, has the empty field for what the configuration has switched off.
  expect(refused.headers.get('allow')).toBe('');
  await app.stack.redis.kill();
  await eventually(async () => {
    const response = await post({ keys: ['a'] });
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: 'cache-unavailable' });
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  });
});
