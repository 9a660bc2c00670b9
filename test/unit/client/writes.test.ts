import { describe, expect, it } from 'vitest';
import type { PutOptions, PutValue } from '../../../src/client/write.ts';
import { clientSubject as subject } from '../../support/client-subject.ts';
import { settle } from '../../support/fake-clock.ts';
import { problemAnswer } from '../../support/scripted-fetch.ts';

const created = (): Response => new Response(null, { status: 201, headers: { ETag: '"new"' } });

describe('what is written', () => {
  it.each<readonly [PutValue, string, unknown]>([
    ['grüße', 'text/plain; charset=utf-8', 'grüße'],
    [new Uint8Array([1, 2]), 'application/octet-stream', new Uint8Array([1, 2])],
    [{ json: { a: [1] } }, 'application/json', '{"a":[1]}'],
    [{ json: null }, 'application/json', 'null'],
  ])('%o', async (value, type, body) => {
    const { client, asked } = subject([created()]);
    expect(await client.put('a', value)).toEqual({ kind: 'created', etag: '"new"' });
    expect(asked).toMatchObject([{ method: 'PUT', url: 'https://app.example/api/cache/a', body }]);
    expect(asked[0]?.headers.get('content-type')).toBe(type);
  });

  it('bytes are not copied', async () => {
    const { client, asked } = subject([created()]);
    const bytes = new Uint8Array(3);
    await client.put('a', bytes);
    expect(asked[0]?.body).toBe(bytes);
  });

  it.each<readonly [PutOptions, string, Record<string, string>]>([
    [{ ttlSeconds: 60, contentType: 'text/html' }, '?ttl=60', { 'content-type': 'text/html' }],
    [{ tags: ['a', 'B:1'] }, '', { 'cache-tag': 'a,B:1' }],
    [{ ifAbsent: true }, '', { 'if-none-match': '*' }],
    [{ ifMatch: '"one"' }, '', { 'if-match': '"one"' }],
    [{ ifNoneMatch: '"one"', tags: [] }, '', { 'if-none-match': '"one"' }],
  ])('with %o', async (options, query, headers) => {
    const { client, asked } = subject([created()]);
    await client.put('a', 'x', options);
    expect(asked[0]?.url).toBe(`https://app.example/api/cache/a${query}`);
    expect(Object.fromEntries(asked[0]?.headers ?? [])).toEqual({
      'content-type': 'text/plain; charset=utf-8',
      ...headers,
    });
  });

  it.each<readonly [string, PutValue, PutOptions, string]>([
    ['a tag that would be two', 'x', { tags: ['a,b'] }, 'invalid-header'],
    ['an empty tag', 'x', { tags: [''] }, 'invalid-header'],
    ['a field of two lines', 'x', { ifMatch: 'a\r\nb: c' }, 'invalid-header'],
    ['what has no JSON', { json: undefined }, {}, 'value-invalid'],
    ['what has no end in JSON', { json: 1n }, {}, 'value-invalid'],
  ])('not sent: %s', async (_name, value, options, code) => {
    const { client, asked } = subject([created()]);
    await expect(client.put('a', value, options)).rejects.toMatchObject({ code });
    expect(asked).toEqual([]);
  });

  it.each(['.', '..', 'a%2Fb', '%2f'])('not sent: the key %s, which would be another one', async (key) => {
    const { client, asked } = subject([created()]);
    await expect(client.put(key, 'x')).rejects.toMatchObject({ code: 'invalid-key' });
    await expect(client.delete(key)).rejects.toMatchObject({ code: 'invalid-key' });
    expect(asked).toEqual([]);
  });
});

const refused = Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNREFUSED' } });

describe('what became of a write', () => {
  it.each([
    ['a new value', new Response(null, { status: 204 }), { kind: 'replaced' }],
    ['another state', problemAnswer(412, 'precondition-failed'), { kind: 'precondition-failed' }],
    [
      'no Redis',
      problemAnswer(503, 'cache-unavailable', { 'Retry-After': '1' }),
      { applied: 'no', code: 'cache-unavailable', retryAfterSeconds: 1 },
    ],
    ['a list', problemAnswer(422, 'wrong-type'), { applied: 'no', code: 'wrong-type' }],
    [
      'a lost reply of Redis',
      problemAnswer(503, 'write-outcome-unknown'),
      { applied: 'unknown', code: 'write-outcome-unknown' },
    ],
    ['a handler without an answer', problemAnswer(503, 'deadline-exceeded'), { applied: 'unknown' }],
    [
      'a lost process',
      new Response('', { status: 500 }),
      { applied: 'unknown', code: 'write-outcome-unknown', status: 500 },
    ],
    ['a proxy without an answer', new Response('', { status: 504 }), { applied: 'unknown' }],
    ['a busy platform', new Response('', { status: 429 }), { applied: 'no', code: 'server-failed' }],
    [
      'a lost connection',
      new TypeError('fetch failed'),
      { applied: 'unknown', code: 'write-outcome-unknown' },
    ],
    ['no connection', refused, { applied: 'no', code: 'network-failed' }],
  ])('%s, and it is sent once', async (_name, answer, result) => {
    const { client, asked } = subject([answer]);
    expect(await client.put('a', 'x')).toMatchObject(result);
    expect(asked).toHaveLength(1);
    if ('applied' in result) {
      expect(await client.delete('a')).toMatchObject(result);
      expect(await client.purge({ keys: ['a'] })).toMatchObject(result);
    }
  });

  it('is unknown when the time is up', async () => {
    const { client, clock } = subject(['silence']);
    const writing = client.put('a', 'x', { timeoutMs: 100 });
    await clock.advance(100);
    expect(await writing).toMatchObject({ applied: 'unknown', code: 'write-outcome-unknown' });
  });

  it('a read-only app, and a value that is too large, are thrown', async () => {
    for (const [status, code] of [
      [405, 'writes-disabled'],
      [413, 'value-too-large'],
      [400, 'invalid-ttl'],
    ] as const)
      await expect(subject([problemAnswer(status, code)]).client.put('a', 'x')).rejects.toMatchObject({
        code,
      });
  });

  it('a success of something else is none', async () => {
    for (const call of ['put', 'delete', 'purge'] as const) {
      const { client } = subject([new Response('<html>', { status: 200 })]);
      const outcome =
        call === 'put'
          ? client.put('a', 'x')
          : call === 'delete'
            ? client.delete('a')
            : client.purge({ keys: ['a'] });
      await expect(outcome).rejects.toMatchObject({ code: 'unexpected-answer' });
    }
  });
});

describe('a purge', () => {
  it('sends what is given and says who has taken it in', async () => {
    const answer = { purgedAt: '2026-01-01T00:00:00.000Z', expected: 2, acknowledged: 1, silent: ['b'] };
    const { client, asked } = subject([Response.json(answer)]);
    expect(await client.purge({ tags: ['t'], mode: 'remove' })).toEqual({
      ...answer,
      kind: 'purged',
      purgedAt: new Date(answer.purgedAt),
    });
    expect(asked).toMatchObject([
      { method: 'POST', url: 'https://app.example/api/purge', body: '{"tags":["t"],"mode":"remove"}' },
    ]);
  });

  it('says that there are too many', async () => {
    const { client } = subject([problemAnswer(429, 'too-many-purges', { 'Retry-After': '60' })]);
    expect(await client.purge({ prefixes: [''] })).toMatchObject({
      code: 'too-many-purges',
      applied: 'no',
      retryAfterSeconds: 60,
    });
  });
});

describe('a batch', () => {
  const item = (key: string): object => ({ key, status: 'miss' });

  it('has texts, bytes and reasons, in the order asked', async () => {
    const results = [
      { key: 'b', status: 'hit', value: '//4=', encoding: 'base64', contentType: 'image/x', etag: '"1"' },
      { key: 'n', status: 'miss' },
      {
        key: 't',
        status: 'hit',
        value: '\uFEFFgrüße',
        encoding: 'utf8',
        contentType: 'text/plain',
        etag: '"2"',
      },
      { key: 'l', status: 'unavailable', code: 'wrong-type' },
      { key: 'u', status: 'unavailable' },
      { key: 'x', status: 'unavailable', code: 'a-later-code' },
    ];
    const { client } = subject([Response.json({ results })]);
    const [bytes, none, text, ...others] = await client.batch(['b', 'n', 't', 'l', 'u', 'x']);
    if (bytes?.kind !== 'hit' || text?.kind !== 'hit') throw new Error('They are no hits.');
    expect([bytes.bytes(), bytes.etag, bytes.contentType]).toEqual([
      new Uint8Array([255, 254]),
      '"1"',
      'image/x',
    ]);
    expect([text.text(), text.bytes()]).toEqual(['grüße', new TextEncoder().encode('\uFEFFgrüße')]);
    expect(none).toEqual({ kind: 'miss', key: 'n' });
    expect(others.map((one) => one.kind === 'unavailable' && one.code)).toEqual([
      'wrong-type',
      'cache-unavailable',
      'server-failed',
    ]);
  });

  it('of 250 keys is three requests, and a part that fails is unavailable by itself', async () => {
    const keys = Array.from({ length: 250 }, (_, index) => `k${index}`);
    const part = (from: number, to: number): Response =>
      Response.json({ results: keys.slice(from, to).map(item) });
    const { client, asked } = subject([part(0, 100), problemAnswer(503, 'overloaded'), part(200, 250)], {
      retries: 0,
    });
    const items = await client.batch(keys);
    expect(asked).toHaveLength(3);
    expect(items.map(({ key }) => key)).toEqual(keys);
    expect(items.map(({ kind }) => kind === 'unavailable').indexOf(true)).toBe(100);
    expect(items.filter(({ kind }) => kind === 'unavailable')).toHaveLength(100);
  });

  it('of no key asks nobody', async () => {
    const { client, asked } = subject(['silence']);
    expect(await client.batch([])).toEqual([]);
    expect(asked).toEqual([]);
  });

  it('is tried again as a read is', async () => {
    const { client, clock, asked } = subject([
      new TypeError('fetch failed'),
      Response.json({ results: [item('a')] }),
    ]);
    const reading = client.batch(['a']);
    await clock.advance(1000);
    expect(await reading).toEqual([{ kind: 'miss', key: 'a' }]);
    expect(asked).toHaveLength(2);
  });

  it('gives up its other parts when one is refused', async () => {
    const keys = Array.from({ length: 200 }, (_, index) => `k${index}`);
    const { client, asked } = subject([problemAnswer(403, 'prefix-forbidden'), 'silence']);
    await expect(client.batch(keys)).rejects.toMatchObject({ code: 'prefix-forbidden' });
    await settle();
    expect(asked[1]?.signal.aborted).toBe(true);
  });

  it.each([
    ['no JSON', new Response('<html>')],
    ['fewer items', Response.json({ results: [] })],
    ['other keys', Response.json({ results: [item('b')] })],
    ['another form', Response.json({ results: [{ key: 'a', status: 'hit' }] })],
  ])('answered by %s is not answered by the app', async (_name, answer) => {
    await expect(subject([answer]).client.batch(['a'])).rejects.toMatchObject({ code: 'unexpected-answer' });
  });
});
