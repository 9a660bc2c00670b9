// What a cache reads and writes: values of all kinds, of this package, of HTTP, and of anybody else.

import { gzipSync } from 'node:zlib';
import { deserialize, serialize } from 'node:v8';
import { describe, expect } from 'vitest';
import { readCache } from '../../../src/functions/read-cache.ts';
import { writeCache } from '../../../src/functions/write-cache.ts';
import type { GetResult } from '../../../src/exports/cache.ts';
import type { AppEvent } from '../../../src/telemetry/events.ts';
import { callHandler, type Call, type Called } from '../../support/call-handler.ts';
import { it, type World } from '../../support/in-memory-cache.ts';
import { publicInstance, type PublicInstance } from '../../support/in-memory-public-cache.ts';

/** The same cache over HTTP. */
function overHttp(world: World, { instance }: PublicInstance) {
  const deps = {
    clock: world.clock,
    requestBudgetMs: 2000,
    budget: instance.budget,
    cache: instance.cache,
    emit: (event: AppEvent) => void instance.events.push(event),
    queryRule: 'reject',
    writesEnabled: true,
    defaultTtlSeconds: 300,
    maxValueBytes: 2 ** 20,
  } as const;
  const [read, write] = [readCache(deps), writeCache(deps)];
  const of = (key: string): Pick<Call, 'params'> => ({ params: { key } });
  return {
    get: async (key: string, headers = {}): Promise<Called> => callHandler(read, { ...of(key), headers }),
    put: async (key: string, type: string, body: string | Buffer): Promise<Called> =>
      callHandler(write, {
        method: 'PUT',
        ...of(key),
        headers: { 'content-type': type },
        body: Buffer.from(body),
      }),
  };
}

function valueOf(found: GetResult<unknown>): unknown {
  return found.kind === 'hit' ? found.value : found.kind;
}

describe('what getOrSet wrote', () => {
  it('is read over HTTP with its type, tag, lifetime and age', async ({ world }) => {
    const shop = publicInstance(world);
    const http = overHttp(world, shop);
    await shop.cache.getOrSet('json', () => ({ price: 1 }), { ttlSeconds: 60 });
    await shop.cache.getOrSet('bytes', () => Buffer.from('bytes'), { ttlSeconds: 60 });
    await world.clock.advance(5000);
    const json = await http.get('json');
    expect(json).toMatchObject({
      status: 200,
      body: '{"price":1}',
      headers: { 'content-type': 'application/json', 'cache-control': 'private, max-age=60', age: '5' },
    });
    const found = await shop.cache.get('json');
    expect(found).toMatchObject({ kind: 'hit', ageSeconds: 5, etag: json.headers['etag']?.slice(1, -1) });
    expect((await http.get('json', { 'if-none-match': json.headers['etag'] })).status).toBe(304);
    expect(await http.get('bytes')).toMatchObject({
      body: 'bytes',
      headers: { 'content-type': 'application/octet-stream' },
    });
  });

  it('that is nothing is a 404', async ({ world }) => {
    const shop = publicInstance(world);
    await shop.cache.getOrSet('none', () => null, { ttlSeconds: 60, negativeTtlSeconds: 5 });
    expect((await overHttp(world, shop).get('none')).status).toBe(404);
  });
});

describe('what others wrote', () => {
  it.for([
    ['application/json', '{"a":1}', { a: 1 }],
    ['application/problem+json; charset=utf-8', '[1]', [1]],
    ['text/plain', 'text ü', 'text ü'],
    ['text/html; charset=UTF-8', '<p>', '<p>'],
    ['text/plain; charset=latin1', Buffer.from([0xfc]), Buffer.from([0xfc])],
    ['text/plain', Buffer.from([0xfc]), Buffer.from([0xfc])],
    ['application/octet-stream', 'bytes', Buffer.from('bytes')],
    ['image/png', Buffer.from([1, 2]), Buffer.from([1, 2])],
  ] as const)('over HTTP is read by its type: %s', async ([type, body, value], { world }) => {
    const shop = publicInstance(world);
    await overHttp(world, shop).put('key', type, body);
    expect(await shop.cache.get('key')).toMatchObject({
      kind: 'hit',
      value,
      contentType: type,
      ageSeconds: 0,
    });
    expect(await shop.cache.getOrSet('key', () => 'never', { ttlSeconds: 1 })).toEqual(value);
  });

  it('is text, or bytes, where it is a plain Redis string', async ({ world }) => {
    const { cache } = publicInstance(world);
    world.server.set('text', Buffer.from('42'));
    world.server.set('bytes', Buffer.from([0xff]));
    expect(await cache.get('text')).toMatchObject({
      kind: 'hit',
      value: '42',
      ageSeconds: undefined,
      stale: false,
    });
    expect((await cache.getMany(['bytes', 'text', 'none'])).map(valueOf)).toEqual([
      Buffer.from([0xff]),
      '42',
      'miss',
    ]);
  });

  it('is decoded where an origin sent it in a coding; its refusals are no values', async ({ world }) => {
    const { cache, instance } = publicInstance(world);
    const loaded = {
      status: 200,
      codings: ['gzip'],
      fields: {},
      isWeak: false,
      loadMs: 1,
      revalidate: false,
      staleAllowed: true,
      staleWhileRevalidateSeconds: 0,
      staleIfErrorSeconds: 0,
      keptMs: 60_000,
    } as const;
    const write = async (name: string, more: object): Promise<unknown> =>
      instance.cache.write(
        { name, redisKey: name },
        {
          ...instance.entry(''),
          contentType: 'application/json',
          body: gzipSync('{"a":1}'),
          loaded,
          ...more,
        },
        { kind: 'none', etags: [] },
        world.clock.nowMs() + 1000,
      );
    await write('coded', {});
    await write('damaged', { body: Buffer.from('x') });
    await write('refused', { loaded: { ...loaded, status: 403, codings: [] } });
    expect(await cache.get('coded')).toMatchObject({ kind: 'hit', value: { a: 1 } });
    expect(await cache.get('damaged')).toEqual({ kind: 'miss' });
    expect(instance.events).toEqual([{ type: 'entryInvalid', reason: 'body' }]);
    await write('damaged', { body: Buffer.from('x') });
    const unusable = { kind: 'unavailable', error: { code: 'value-invalid' } };
    expect(await cache.get('refused')).toMatchObject(unusable);
    for (const name of ['damaged', 'refused']) {
      expect(await cache.getOrSet(name, () => 1, { ttlSeconds: 60 })).toBe(1);
    }
  });
});

describe('a serializer', () => {
  const serializer = { contentType: 'application/x-v8', encode: serialize, decode: deserialize };

  it('has the last word on all but bytes; JSON of others is read all the same', async ({ world }) => {
    const shop = publicInstance(world, { serializer });
    const value = new Map([['a', new Date(0)]]);
    expect(await shop.cache.getOrSet('map', () => value, { ttlSeconds: 60 })).toEqual(value);
    expect(await shop.cache.get('map')).toMatchObject({ value, contentType: 'application/x-v8' });
    await shop.cache.set('bytes', Buffer.from('bytes'));
    expect(await shop.cache.get('bytes')).toMatchObject({ value: Buffer.from('bytes') });
    await overHttp(world, shop).put('json', 'application/json', '1');
    expect(await shop.cache.get('json')).toMatchObject({ value: 1 });
    await overHttp(world, shop).put('broken', 'application/x-v8', 'x');
    expect(await shop.cache.get('broken')).toMatchObject({
      kind: 'unavailable',
      error: { code: 'value-invalid' },
    });
    await expect(shop.cache.set('fails', () => {})).rejects.toMatchObject({ code: 'value-invalid' });
  });
});

it('refuses what is no key, by name', async ({ world }) => {
  const { cache } = publicInstance(world);
  const wrong = [
    cache.get(5 as never),
    cache.getMany('key' as never),
    cache.set('', 1),
    cache.getOrSet('ref:own', () => 1, { ttlSeconds: 1 }),
  ];
  for (const call of wrong) await expect(call).rejects.toMatchObject({ code: 'options-invalid' });
});
