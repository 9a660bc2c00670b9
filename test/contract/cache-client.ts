// What a typed client of the HTTP side keeps, over a whole app: docs/http.md, as results and errors.

import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { CacheClient, CacheClientOptions, GetResult, Hit } from '../../src/exports/client.ts';
import { expectFleetForm } from '../support/fleet-form.ts';
import type { ContractApp } from '../support/contract-app.ts';

export interface ClientWorld {
  readonly app: ContractApp;
  readonly client: (options?: Partial<CacheClientOptions>) => CacheClient;
  /** Of something that answers, and is no cache. */
  readonly elsewhereUrl: string;
}

/** @param begin of an app with CACHE_MAX_VALUE_BYTES 2,000,000, whose cache is empty at first. */
export function cacheClientSuite(begin: () => ClientWorld): void {
  const hit = (result: GetResult): Hit => {
    if (result.kind !== 'hit') throw new Error(`It is no hit: ${JSON.stringify(result)}`);
    return result;
  };

  it('gives back what it wrote, with its type, tag, age and lifetime', async () => {
    const client = begin().client();
    const written = await client.put('greeting', { json: { hello: 'wörld' } }, { ttlSeconds: 100 });
    expect(written).toEqual({ kind: 'created', etag: expect.stringMatching(/^"[\w-]{22}"$/u) });
    const read = hit(await client.get('greeting'));
    expect(read).toMatchObject({
      contentType: 'application/json',
      etag: (written as { readonly etag: string }).etag,
      stale: false,
      source: 'redis',
      status: 200,
    });
    expect(read.json()).toEqual({ hello: 'wörld' });
    expect(read.ageSeconds).toBeLessThan(20);
    expect(read.ttlSeconds).toBeGreaterThan(80);
    const bytes = new Uint8Array(randomBytes(1_048_576));
    expect(await client.put('bytes', bytes, { contentType: 'image/x-random; v=1' })).toMatchObject({
      kind: 'created',
    });
    const large = hit(await client.get('bytes'));
    expect(large.contentType).toBe('image/x-random; v=1');
    expect(Buffer.from(large.bytes()).equals(bytes)).toBe(true);
    expect(await client.put('greeting', '')).toMatchObject({ kind: 'replaced' });
    expect(hit(await client.get('greeting')).bytes()).toHaveLength(0);
  });

  it('knows a hit without its value, a miss, and what has not changed', async () => {
    const client = begin().client();
    const { etag } = (await client.put('head', 'twelve bytes')) as { readonly etag: string };
    const head = await client.head('head');
    expect(head).toMatchObject({ kind: 'hit', etag, contentType: 'text/plain; charset=utf-8' });
    expect(head).not.toHaveProperty('text');
    for (const read of ['get', 'head'] as const) {
      expect(await client[read]('absent')).toEqual({ kind: 'miss' });
      expect(await client[read]('head', { ifNoneMatch: etag })).toMatchObject({ kind: 'not-modified', etag });
      expect(await client[read]('head', { ifMatch: '"other"' })).toEqual({ kind: 'precondition-failed' });
    }
  });

  it('every key is the key that it names', async () => {
    const { app, client: make } = begin();
    const client = make();
    const keys = [
      'k'.repeat(1024),
      'a/b',
      'a//b',
      '/a',
      'a/',
      'a/./b',
      'a/../b',
      '../a',
      'a?b#c&d=e',
      '100%',
      '%41',
    ];
    keys.push('a+b', String.raw`a\..\b`, 'schlüssel/鍵/🔑', '"a b"', "it's~(*)!", '*', '...');
    for (const key of keys) {
      expect(await client.put(key, `value of ${key}`)).toMatchObject({ kind: 'created' });
      expect(await app.stack.redis.admin('EXISTS', key)).toBe(1);
      expect(hit(await client.get(key)).text()).toBe(`value of ${key}`);
      expect(await client.delete(key)).toEqual({ kind: 'deleted' });
      expect(await app.stack.redis.admin('EXISTS', key)).toBe(0);
    }
    for (const key of ['.', '..', 'a%2Fb']) {
      await app.stack.redis.admin('SET', key, `value of ${key}`);
      const read = hit(await client.get(key));
      expect(read.text()).toBe(`value of ${key}`);
      expect(await client.head(key, { ifNoneMatch: read.etag })).toMatchObject({ kind: 'not-modified' });
      await expect(client.put(key, 'x')).rejects.toMatchObject({ code: 'invalid-key' });
      expect(await client.purge({ keys: [key], mode: 'remove' })).toMatchObject({ kind: 'purged' });
      expect(await client.get(key)).toEqual({ kind: 'miss' });
    }
    await expect(client.get('ref:roster')).rejects.toMatchObject({ code: 'invalid-key', status: 400 });
  });

  it('writes under a condition, and loses no update of 10 writers', async () => {
    const client = begin().client();
    expect(await client.put('once', '1', { ifAbsent: true })).toMatchObject({ kind: 'created' });
    expect(await client.put('once', '2', { ifAbsent: true })).toEqual({ kind: 'precondition-failed' });
    expect(await client.delete('once', { ifMatch: '"other"' })).toEqual({ kind: 'precondition-failed' });
    await client.put('counter', { json: 0 });
    const increment = async (): Promise<void> => {
      for (;;) {
        const { etag = '', ...current } = hit(await client.get('counter'));
        const next = { json: (current.json() as number) + 1 };
        const { kind } = await client.put('counter', next, { ifMatch: etag });
        if (kind === 'replaced') return;
        if (kind !== 'precondition-failed') throw new Error(`It is ${kind}.`);
      }
    };
    await Promise.all(Array.from({ length: 10 }, increment));
    expect(hit(await client.get('counter')).json()).toBe(10);
  });

  it('reads a text that is stored compressed, and its tag holds for a write', async () => {
    const client = begin().client();
    const text = 'Ein Wörterbuch mit 1,000 Wörtern. '.repeat(300);
    await client.put('long.txt', text);
    const read = hit(await client.get('long.txt'));
    expect(read.text()).toBe(text);
    expect(await client.get('long.txt', { ifNoneMatch: read.etag })).toMatchObject({ kind: 'not-modified' });
    expect(await client.put('long.txt', 'short', { ifMatch: read.etag })).toMatchObject({ kind: 'replaced' });
  });

  it('reads many at once: texts, bytes, misses, and what cannot be read', async () => {
    const { app, client: make } = begin();
    const client = make();
    const keys = Array.from({ length: 250 }, (_, index) => `many/${index}`);
    await Promise.all(['many/0', 'many/249'].map(async (key) => client.put(key, `grüße ${key}`)));
    await client.put('many/150', new Uint8Array([0xff, 0xfe]));
    await app.stack.redis.admin('RPUSH', 'many/120', 'x');
    const items = await client.batch(keys);
    expect(items.map(({ key }) => key)).toEqual(keys);
    const told = items.filter(({ kind }) => kind !== 'miss');
    expect(
      told.map((item) =>
        item.kind === 'hit' ? [...item.bytes()] : item.kind === 'unavailable' && item.code,
      ),
    ).toEqual([
      [...Buffer.from('grüße many/0')],
      'wrong-type',
      [0xff, 0xfe],
      [...Buffer.from('grüße many/249')],
    ]);
  });

  it('purges by tag, and sees what is stale', async () => {
    const client = begin().client();
    for (const key of ['tagged/1', 'tagged/2']) await client.put(key, key, { tags: ['both', key] });
    expect(await client.purge({ tags: ['both'] })).toMatchObject({
      kind: 'purged',
      purgedAt: expect.any(Date),
      silent: [],
    });
    expect(await client.get('tagged/1')).toMatchObject({ kind: 'hit', stale: true });
    expect(await client.purge({ tags: ['tagged/1'], mode: 'remove' })).toMatchObject({ kind: 'purged' });
    expect((await client.batch(['tagged/1', 'tagged/2'])).map(({ kind }) => kind)).toEqual(['miss', 'hit']);
  });

  it('has the fleet in its types', async () => {
    const { app, client } = begin();
    await app.host.runTimer('reauthenticate');
    const fleet = await client().fleet();
    if (fleet.kind !== 'fleet') throw new Error(`It is ${fleet.code}.`);
    expect(fleet.instances).toMatchObject([{ status: 'answered', failure: null }]);
    expect(fleet.rollCalls[0]).toMatchObject({ expected: 1, answered: 1 });
    expectFleetForm(fleet);
  });

  describe('what the caller has to change is thrown', () => {
    it.each<readonly [string, string, (client: CacheClient) => Promise<unknown>]>([
      ['a lifetime', 'invalid-ttl', async (client) => client.put('a', 'x', { ttlSeconds: 0 })],
      ['a tag', 'invalid-header', async (client) => client.put('a', 'x', { ifMatch: 'unquoted' })],
      ['a purge of nothing', 'invalid-body', async (client) => client.purge({})],
      ['a large value', 'value-too-large', async (client) => client.put('a', new Uint8Array(2_000_001))],
    ])('%s', async (_name, code, act) => {
      await expect(act(begin().client())).rejects.toMatchObject({ name: 'CacheRequestError', code });
    });

    it('an address at which there is no cache is no cache that misses everything', async () => {
      const { client, elsewhereUrl } = begin();
      const elsewhere = client({ url: elsewhereUrl });
      for (const read of ['get', 'head'] as const)
        await expect(elsewhere[read]('a')).rejects.toMatchObject({ code: 'unexpected-answer', status: 404 });
      await expect(elsewhere.put('a', 'x')).rejects.toMatchObject({ code: 'unexpected-answer' });
      await expect(elsewhere.batch(['a'])).rejects.toMatchObject({ code: 'unexpected-answer' });
    });
  });

  it('a key of another type is unavailable, and so is all of a silent cache: never a miss', async () => {
    const { app, client: make } = begin();
    const client = make({ retries: 0, timeoutMs: 60_000 });
    await app.stack.redis.admin('RPUSH', 'list', 'a');
    expect(await client.get('list')).toMatchObject({ kind: 'unavailable', code: 'wrong-type', status: 422 });
    expect(await client.head('list')).toMatchObject({ kind: 'unavailable', code: 'wrong-type' });
    expect(await client.put('list', 'x')).toMatchObject({ code: 'wrong-type', applied: 'no' });
    const [over, reason] = [new AbortController(), new Error('The caller gave up.')];
    const { signal } = over;
    await app.silenceRedis(true);
    try {
      const abandoned = expect(client.get('absent', { signal })).rejects.toBe(reason);
      const late = await client.get('absent', { timeoutMs: 50 });
      expect(late).toMatchObject({ kind: 'unavailable', code: 'deadline-exceeded' });
      over.abort(reason);
      await abandoned;
      await expect(client.put('absent', 'x', { signal })).rejects.toBe(reason);
      const [read, head, batch, removal] = await Promise.all([
        client.get('absent'),
        client.head('absent'),
        client.batch(['absent']),
        client.delete('absent'),
      ]);
      expect(read).toMatchObject({
        code: 'cache-unavailable',
        status: 503,
        retryAfterSeconds: expect.any(Number),
      });
      expect(head).toMatchObject({ code: 'cache-unavailable' });
      expect(batch).toMatchObject([{ key: 'absent', kind: 'unavailable', code: 'cache-unavailable' }]);
      expect(removal).toMatchObject({
        kind: 'unavailable',
        applied: expect.stringMatching(/^(?:no|unknown)$/u),
      });
    } finally {
      await app.silenceRedis(false);
    }
    // A read that is tried again outlives the outage.
    expect(await make({ retries: 10, timeoutMs: 30_000 }).get('absent')).toEqual({ kind: 'miss' });
  });
}
