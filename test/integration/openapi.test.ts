// The OpenAPI document of an app whose callers have tokens, and its answers held to it: each operation, and each status
// that can be brought about. Those of the cache's other contract tests are held to it where they are asked for.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { Validator } from '@seriousme/openapi-schema-validator';
import { startLocalApp, type LocalApp } from '../support/local-app.ts';
import { heldTo, OpenApiContract, type OpenApiJson } from '../support/openapi-contract.ts';

let app: LocalApp;
let everything: string;
beforeAll(async () => {
  app = await startLocalApp({
    settings: ({ callerSettings }) => ({
      ...callerSettings,
      CACHE_MAX_VALUE_BYTES: '1000',
      HTTP_ENTRA_PREFIXES: '{"Team.Shop":"shop/"}',
    }),
  });
  everything = await app.stack.callers.token({
    roles: ['Cache.Read', 'Cache.Write', 'Cache.Purge', 'Fleet.Read'],
  });
});
afterAll(async () => app?.stop());

const bearer = (token: string): Record<string, string> => ({ Authorization: `Bearer ${token}` });

async function readDocument(token?: string): Promise<Response> {
  return app.fetch('/api/openapi.json', token === undefined ? {} : { headers: bearer(token) });
}

it('is there for any valid token, and for nobody else', async () => {
  expect((await readDocument()).status).toBe(401);
  const response = await readDocument(await app.stack.callers.token({ roles: [] }));
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('application/json');
  const document = (await response.json()) as OpenApiJson;
  expect(await new Validator().validate({ ...document })).toEqual({ valid: true });
  expect(document.servers).toEqual([{ url: '/api' }]);
  expect(Object.keys(document.paths)).toEqual([
    '/cache/{key}',
    '/batch',
    '/purge',
    '/fleet',
    '/openapi.json',
    '/health/live',
    '/health/ready',
  ]);
  expect(JSON.stringify(document)).not.toContain('x-functions-key');
});

it('says what every operation answers', async () => {
  const contract = new OpenApiContract((await (await readDocument(everything)).json()) as OpenApiJson);
  const fetch = heldTo(contract, async (path, init) => app.fetch(path, init));
  const none = await app.stack.callers.token({ roles: ['Other'] });
  const shop = await app.stack.callers.token({
    roles: ['Cache.Read', 'Cache.Write', 'Cache.Purge', 'Team.Shop'],
  });
  await app.stack.redis.admin('RPUSH', 'list', 'x');
  await app.stack.redis.admin('SET', 'large', 'x'.repeat(1001));

  type Request = RequestInit & { readonly path?: string; readonly token?: string | undefined };
  const ask = async ({ path = '/api/cache/key', token = everything, ...init }: Request): Promise<number> => {
    const headers = { ...(token === '' ? {} : bearer(token)), ...(init.headers as Record<string, string>) };
    return (await fetch(path, { ...init, headers })).status;
  };
  const put = { method: 'PUT', body: 'value' };
  const remove = { method: 'DELETE' };
  const batch = { method: 'POST', path: '/api/batch' };
  const purge = { method: 'POST', path: '/api/purge' };
  const cases: readonly (readonly [number, Request])[] = [
    [404, {}],
    [404, { method: 'HEAD' }],
    [201, put],
    [204, put],
    [200, {}],
    [200, { method: 'HEAD' }],
    [206, { headers: { Range: 'bytes=0-1' } }],
    [304, { headers: { 'If-None-Match': '*' } }],
    [304, { method: 'HEAD', headers: { 'If-None-Match': '*' } }],
    [400, { path: '/api/cache/key?page=2' }],
    [400, { path: '/api/cache/%01' }],
    [400, { headers: { Authorization: 'Bearer a b' } }],
    [401, { token: '' }],
    [401, { token: '', method: 'HEAD' }],
    [401, { token: 'a.b.c' }],
    [403, { token: none }],
    [403, { token: shop }],
    [412, { headers: { 'If-Match': '"other"' } }],
    [416, { headers: { Range: 'bytes=100-' } }],
    [422, { path: '/api/cache/list' }],
    [422, { path: '/api/cache/large' }],
    [400, { ...put, path: '/api/cache/key?ttl=0' }],
    [400, { ...put, headers: { 'Cache-Tag': 'a b' } }],
    [401, { ...put, token: '' }],
    [403, { ...put, token: none }],
    [403, { ...put, token: shop }],
    [412, { ...put, headers: { 'If-None-Match': '*' } }],
    [413, { ...put, body: 'x'.repeat(1001) }],
    [415, { ...put, headers: { 'Content-Encoding': 'gzip' } }],
    [422, { ...put, path: '/api/cache/list' }],
    [201, { ...put, path: '/api/cache/shop/1', token: shop }],
    [400, { ...remove, path: '/api/cache/key?page=2' }],
    [403, { ...remove, token: none }],
    [412, { ...remove, headers: { 'If-Match': '"other"' } }],
    [422, { ...remove, path: '/api/cache/list', headers: { 'If-Match': '*' } }],
    [200, { ...batch, body: '{"keys":["key","none","list","large","key"]}' }],
    [200, { ...batch, body: '{"keys":["shop/1"]}', token: shop }],
    [400, { ...batch, body: '{}' }],
    [400, { ...batch, body: '{"keys":[""]}' }],
    [403, { ...batch, body: '{"keys":["key"]}', token: shop }],
    [413, { ...batch, body: 'x'.repeat(2 ** 20 + 1) }],
    [401, { ...batch, body: '{"keys":["key"]}', token: '' }],
    [200, { ...purge, body: '{"keys":["none"],"tags":["a"],"prefixes":["b/"],"mode":"remove"}' }],
    [400, { ...purge, body: '{"keys":[]}' }],
    [400, { ...purge, path: '/api/purge?all=1', body: '{"keys":["a"]}' }],
    [403, { ...purge, body: '{"prefixes":[""]}', token: shop }],
    [403, { ...purge, body: '{"keys":["a"]}', token: none }],
    [413, { ...purge, body: 'x'.repeat(8 * 2 ** 20 + 1) }],
    [204, remove],
    [200, { path: '/api/fleet' }],
    [200, { path: '/api/fleet', headers: { Accept: 'text/html' } }],
    [200, { path: '/api/fleet', method: 'HEAD' }],
    [403, { path: '/api/fleet', token: shop }],
    [200, { path: '/api/openapi.json' }],
    [200, { path: '/api/openapi.json', method: 'HEAD' }],
    [304, { path: '/api/openapi.json', headers: { 'If-None-Match': '*' } }],
    [401, { path: '/api/openapi.json', token: '' }],
    [200, { path: '/api/health/live', token: '' }],
    [200, { path: '/api/health/ready', token: '' }],
    [200, { path: '/api/health/ready', token: '', method: 'HEAD' }],
  ];
  for (const [status, request] of cases) {
    expect(await ask(request), JSON.stringify({ ...request, body: undefined, token: undefined })).toBe(
      status,
    );
  }
  // Where Redis is away.
  app.stack.front.setBehaviour('stall');
  const unavailable = await Promise.all(
    [
      {},
      put,
      remove,
      { ...batch, body: '{"keys":["key"]}' },
      { ...purge, body: '{"keys":["key"]}' },
      { path: '/api/fleet' },
      { path: '/api/health/ready' },
    ].map(ask),
  );
  expect(unavailable).toEqual([503, 503, 503, 200, 503, 503, 503]);
  expect(contract.seen.size).toBeGreaterThan(50);
});
