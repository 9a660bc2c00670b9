import { expect, describe, it } from 'vitest';
import { cacheClient } from '../../../src/client/cache-client.ts';
import { resolveClientOptions } from '../../../src/exports/client-options.ts';
import { clientSubject as subject } from '../../support/client-subject.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { entryAnswer, problemAnswer } from '../../support/scripted-fetch.ts';

const unavailable = (seconds?: number): Response =>
  problemAnswer(503, 'cache-unavailable', seconds === undefined ? {} : { 'Retry-After': `${seconds}` });

/** All at once: none may reject before it is looked at. */
async function expectRefused(calls: readonly Promise<unknown>[], error: object): Promise<void> {
  await Promise.all(calls.map(async (call) => expect(call).rejects.toMatchObject(error)));
}

describe('what a read says', () => {
  it('a hit: value, tag, type, age, lifetime and tier', async () => {
    const { client, asked } = subject([
      entryAnswer('{"a":1}', {
        'Content-Type': 'application/json',
        'Cache-Status': 'redis-entra-functions; hit; ttl=-3; detail=stale-memory',
      }),
    ]);
    const hit = await client.get('a b/c');
    expect(hit).toMatchObject({
      kind: 'hit',
      etag: '"one"',
      contentType: 'application/json',
      ageSeconds: 5,
      ttlSeconds: -3,
      stale: true,
      source: 'memory',
      status: 200,
    });
    if (hit.kind !== 'hit') throw new Error('It is no hit.');
    expect([hit.text(), hit.json(), hit.bytes()]).toEqual([
      '{"a":1}',
      { a: 1 },
      new TextEncoder().encode('{"a":1}'),
    ]);
    expect(hit.bytes()).toBe(hit.bytes());
    expect(asked).toMatchObject([{ method: 'GET', url: 'https://app.example/api/cache/a%20b/c' }]);
  });

  it('text that is no JSON is said to be none, without the text', async () => {
    const hit = await subject([entryAnswer('secret words')]).client.get('a');
    if (hit.kind !== 'hit') throw new Error('It is no hit.');
    const thrown = (() => {
      try {
        return hit.json();
      } catch (error) {
        return error as Error;
      }
    })();
    expect(thrown).toMatchObject({ name: 'CacheRequestError', code: 'value-invalid' });
    expect(String(thrown)).not.toContain('secret');
  });

  it.each([
    ['a miss', problemAnswer(404, 'not-found'), 'miss'],
    ['not modified', entryAnswer(null, {}, 304), 'not-modified'],
    ['another state', problemAnswer(412, 'precondition-failed'), 'precondition-failed'],
    ['a missing Redis', unavailable(100), 'unavailable'],
    ['an origin that fails', problemAnswer(502, 'origin-failed'), 'unavailable'],
    ['a list', problemAnswer(422, 'wrong-type'), 'unavailable'],
    [
      "the origin's own answer",
      new Response('no', { status: 403, headers: { 'Cache-Status': 'redis-entra-functions; hit' } }),
      'unavailable',
    ],
  ])('%s', async (_name, answer, kind) => {
    const { client, asked } = subject([answer]);
    expect(await client.get('a', { ifNoneMatch: '"one"', ifMatch: '"two"' })).toMatchObject({ kind });
    expect(asked).toHaveLength(1);
    expect(asked[0]?.headers.get('if-none-match')).toBe('"one"');
    expect(asked[0]?.headers.get('if-match')).toBe('"two"');
  });

  it.each([
    ['no route', new Response('', { status: 404 })],
    ['a page of something else', new Response('<html>', { status: 200 })],
    ['another 404', problemAnswer(404, 'no-such-thing')],
    ['a redirect', new Response(null, { status: 302, headers: { Location: 'https://other.example/' } })],
  ])('%s is no miss and no hit', async (_name, answer) => {
    for (const read of ['get', 'head'] as const) {
      await expect(subject([answer]).client[read]('a')).rejects.toMatchObject({ code: 'unexpected-answer' });
    }
  });

  it.each([
    [problemAnswer(400, 'invalid-key'), 'invalid-key'],
    [problemAnswer(401, 'unauthenticated'), 'unauthenticated'],
    [problemAnswer(403, 'forbidden'), 'forbidden'],
    [problemAnswer(403, 'prefix-forbidden'), 'prefix-forbidden'],
    [new Response('', { status: 401 }), 'unauthenticated'],
    [new Response('blocked', { status: 403 }), 'forbidden'],
  ])('%o is thrown as %s', async (answer, code) => {
    await expect(subject([answer]).client.get('a')).rejects.toMatchObject({
      name: 'CacheRequestError',
      code,
      status: answer.status,
    });
  });

  it('HEAD, whose problems have no body', async () => {
    const type = { 'Content-Type': 'application/problem+json' };
    const status = (text: string): Record<string, string> => ({
      ...type,
      'Cache-Status': `redis-entra-functions; ${text}`,
    });
    const answers = [
      new Response(null, { status: 404, headers: type }),
      new Response(null, { status: 422, headers: status('detail=wrong-type') }),
      new Response(null, { status: 502, headers: status('fwd=miss; detail=origin-failed') }),
    ];
    const results = [];
    for (const answer of answers) results.push(await subject([answer]).client.head('a'));
    expect(results).toMatchObject([{ kind: 'miss' }, { code: 'wrong-type' }, { code: 'origin-failed' }]);
  });

  it('a key without a path is read by a batch, conditions included', async () => {
    const results = [
      { key: 'a%2Fb', status: 'hit', value: 'x', encoding: 'utf8', contentType: 'text/plain', etag: '"one"' },
    ];
    const { client, asked } = subject([Response.json({ results })]);
    expect(await client.get('a%2Fb')).toMatchObject({ kind: 'hit', etag: '"one"', stale: undefined });
    expect(await client.head('a%2Fb')).toMatchObject({ kind: 'hit', contentType: 'text/plain' });
    expect(await client.get('a%2Fb', { ifNoneMatch: 'W/"one", "two"' })).toMatchObject({
      kind: 'not-modified',
    });
    expect(await client.get('a%2Fb', { ifMatch: '"two"' })).toEqual({ kind: 'precondition-failed' });
    expect(asked.map(({ url }) => url)).toEqual(
      Array.from({ length: 4 }, () => 'https://app.example/api/batch'),
    );
  });

  it.each(['', 'a\nb', '\uD800', 'k'.repeat(1025)])('an invalid key is not sent', async (key) => {
    const { client, asked } = subject([entryAnswer('x')]);
    await expectRefused(
      [client.get(key), client.head(key), client.put(key, ''), client.delete(key), client.batch([key])],
      { code: 'invalid-key' },
    );
    expect(asked).toEqual([]);
  });
});

describe('a read is tried again', () => {
  it('after the time in Retry-After, and not before', async () => {
    const { client, clock, asked } = subject([unavailable(2), entryAnswer('x')]);
    const reading = client.get('a');
    await clock.advance(2000);
    expect(asked).toHaveLength(1);
    await clock.advance(100);
    expect(await reading).toMatchObject({ kind: 'hit' });
    expect(clock.pendingTimers).toBe(0);
  });

  it.each([
    ['the connection is lost', new TypeError('fetch failed')],
    ['the process of the app has ended', new Response('', { status: 500 })],
    ['a proxy has no answer', new Response('', { status: 504 })],
    ['the front end has none', new Response('', { status: 502 })],
    ['the platform is busy', new Response('', { status: 429, headers: { 'Retry-After': '1' } })],
  ])('where %s', async (_name, answer) => {
    const { client, clock, asked } = subject([answer, answer, entryAnswer('x')]);
    const reading = client.get('a');
    await clock.advance(5000);
    expect(await reading).toMatchObject({ kind: 'hit' });
    expect(asked).toHaveLength(3);
  });

  it('as often as the client is told, and the last answer counts', async () => {
    const { client, clock, asked } = subject([unavailable(), unavailable(), unavailable(100)], {
      retries: 2,
    });
    const reading = client.head('a');
    await clock.advance(5000);
    expect(await reading).toMatchObject({ code: 'cache-unavailable', retryAfterSeconds: 100, status: 503 });
    expect(asked).toHaveLength(3);
  });

  it('only where the time that is left allows for it: then the answer comes at once', async () => {
    const { client, clock, asked } = subject([unavailable(5)]);
    expect(await client.get('a', { timeoutMs: 5000 })).toMatchObject({ retryAfterSeconds: 5 });
    expect(asked).toHaveLength(1);
    expect(clock.pendingTimers).toBe(0);
  });

  it.each([
    ['what is wrong with this one key', problemAnswer(422, 'wrong-type')],
    ['an origin that fails for this one key', problemAnswer(502, 'origin-failed')],
    [
      'a 429 of the origin',
      new Response('', { status: 429, headers: { 'Cache-Status': 'redis-entra-functions; hit' } }),
    ],
  ])('not for %s', async (_name, answer) => {
    const { client, asked } = subject([answer]);
    expect(await client.get('a')).toMatchObject({ kind: 'unavailable' });
    expect(asked).toHaveLength(1);
  });

  it('not when it was told not to', async () => {
    const { client, asked } = subject([unavailable()], { retries: 0 });
    expect(await client.get('a')).toMatchObject({ kind: 'unavailable' });
    expect(asked).toHaveLength(1);
  });
});

describe('the end of a call', () => {
  it('comes when its time is up, whatever fetch does, and the request is given up', async () => {
    const { client, clock, asked } = subject(['silence']);
    const reading = client.get('a', { timeoutMs: 300 });
    await clock.advance(300);
    expect(await reading).toMatchObject({ kind: 'unavailable', code: 'deadline-exceeded' });
    expect(asked[0]?.signal.aborted).toBe(true);
  });

  it('comes when the time is up while the body is read', async () => {
    const body = new ReadableStream({ start: (stream) => stream.enqueue(new Uint8Array(1)) });
    const { headers } = entryAnswer(null);
    const clock = new FakeClock();
    const fetch = async (): Promise<Response> => new Response(body, { headers });
    const options = { url: 'https://app.example/api', fetch, timeoutMs: 300 };
    const reading = cacheClient(resolveClientOptions(options, { clock, random: () => 0 })).get('a');
    await clock.advance(300);
    expect(await reading).toMatchObject({ code: 'deadline-exceeded' });
  });

  it('comes with the reason of the signal, before it, during it and while it waits', async () => {
    const reason = new Error('not needed any more');
    const early = subject([entryAnswer('x')]);
    await expect(early.client.get('a', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(early.asked).toEqual([]);
    for (const answer of ['silence', unavailable(2)] as const) {
      const { client, clock } = subject([answer]);
      const giveUp = new AbortController();
      const outcome = expect(client.get('a', { signal: giveUp.signal })).rejects.toBe(reason);
      await settle();
      giveUp.abort(reason);
      await outcome;
      expect(clock.pendingTimers).toBe(0);
    }
  });

  it('leaves nothing at the signal that many calls share', async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const counting = Object.assign(Object.create(signal) as AbortSignal, {
      throwIfAborted: () => {},
      addEventListener: () => (listeners += 1),
      removeEventListener: () => (listeners -= 1),
    });
    await subject([entryAnswer('x')]).client.get('a', { signal: counting });
    expect(listeners).toBe(0);
  });
});
