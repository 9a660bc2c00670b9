// The HTTP contract, through the packaged app, the local host, and Redis behind the Entra front, or Garnet.

import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startContractApp, type ContractApp } from '../support/contract-app.ts';
import { exchange } from '../support/raw-http.ts';

let app: ContractApp;

beforeAll(async () => {
  app = await startContractApp({ settings: { CACHE_MAX_VALUE_BYTES: '2000000' } });
});
afterAll(async () => app?.stop());

async function put(
  key: string,
  body: string | Buffer<ArrayBuffer>,
  headers: Record<string, string> = {},
  query = '',
): Promise<Response> {
  return app.fetch(`/api/cache/${key}${query}`, { method: 'PUT', body, headers });
}

const get = (key: string, headers: Record<string, string> = {}): Promise<Response> =>
  app.fetch(`/api/cache/${key}`, { headers });

async function expectProblem(
  response: Response,
  status: number,
  code: string,
): Promise<Record<string, unknown>> {
  expect(response.status).toBe(status);
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(response.headers.get('cache-control')).toBe('no-store');
  const body = (await response.json()) as Record<string, unknown>;
  expect(body).toMatchObject({ status, code, title: expect.any(String), detail: expect.any(String) });
  return body;
}

/** A body whose length is not said: it goes out in chunks. */
function inChunks(body: string): Pick<RequestInit, 'body' | 'duplex'> {
  return { body: new Blob([body]).stream(), duplex: 'half' };
}

describe('reading', () => {
  it('answers a hit with body, type, strong tag and freshness', async () => {
    const written = await put(
      'greeting.json',
      '{"hello":"world"}',
      { 'content-type': 'application/json' },
      '?ttl=100',
    );
    expect(written.status).toBe(201);
    const response = await get('greeting.json');
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('{"hello":"world"}');
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('etag')).toMatch(/^"[\w-]{22}"$/u);
    expect(response.headers.get('etag')).toBe(written.headers.get('etag'));
    expect(response.headers.get('cache-control')).toBe('private, max-age=100');
    expect(Number(response.headers.get('age'))).toBeLessThan(5);
    expect(response.headers.get('cache-status')).toMatch(/^redis-entra-functions; hit; ttl=(?:100|9\d)$/u);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('answers HEAD like GET, without the body', async () => {
    await put('head', 'twelve bytes');
    const response = await app.fetch('/api/cache/head', { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-length')).toBe('12');
    expect(response.headers.get('etag')).toBe((await get('head')).headers.get('etag'));
    expect(await response.text()).toBe('');
  });

  it('answers 404 for a key that is not there', async () => {
    const response = await get('absent');
    expect(response.headers.get('cache-status')).toBe('redis-entra-functions; fwd=miss');
    await expectProblem(response, 404, 'not-found');
    expect((await app.fetch('/api/cache/absent', { method: 'HEAD' })).status).toBe(404);
  });

  it('answers 304 when the client has the entry', async () => {
    const etag = (await put('conditional', 'value')).headers.get('etag') ?? '';
    const part = await get('conditional', { Range: 'bytes=1-2', 'If-Range': etag });
    expect([part.status, await part.text(), part.headers.get('content-range')]).toEqual([
      206,
      'al',
      'bytes 1-2/5',
    ]);
    const beyond = await get('conditional', { Range: 'bytes=5-' });
    expect(beyond.headers.get('content-range')).toBe('bytes */5');
    await expectProblem(beyond, 416, 'range-not-satisfiable');
    for (const field of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const response = await get('conditional', { 'if-none-match': field });
      expect(response.status).toBe(304);
      expect(response.headers.get('etag')).toBe(etag);
      expect(response.headers.get('cache-control')).toBe('private, max-age=300');
      expect(await response.text()).toBe('');
    }
    expect((await get('conditional', { 'if-none-match': '"other"' })).status).toBe(200);
  });

  it('compresses a text, and answers the same bytes to whoever takes that and whoever does not', async () => {
    const text = 'Ein Wörterbuch mit 1,000 Wörtern. '.repeat(300);
    const { headers: written } = await put('long.txt', text, { 'content-type': 'text/plain; charset=utf-8' });
    const [plainTag, gzippedTag] = [
      written.get('etag') ?? '',
      `${written.get('etag')?.slice(0, -1)}--gzipped"`,
    ];
    expect(Number(await app.stack.redis.admin('STRLEN', 'long.txt'))).toBeLessThan(1000);
    for (const [accepted, coding, tag] of [
      ['gzip', 'gzip', gzippedTag],
      ['identity', null, plainTag],
    ] as const) {
      const response = await get('long.txt', { 'accept-encoding': accepted });
      expect(await response.text()).toBe(text);
      const { headers } = response;
      expect([headers.get('content-encoding'), headers.get('etag')]).toEqual([coding, tag]);
      expect(headers.get('vary')).toBe('Accept-Encoding');
      expect((await get('long.txt', { 'accept-encoding': accepted, 'if-none-match': tag })).status).toBe(304);
    }
    const part = await get('long.txt', { 'accept-encoding': 'gzip', range: 'bytes=4-15' });
    expect([part.status, await part.text()]).toEqual([206, 'Wörterbuch ']);
    const batch = await app.fetch('/api/batch', {
      method: 'POST',
      body: JSON.stringify({ keys: ['long.txt'] }),
    });
    expect(await batch.json()).toMatchObject({ results: [{ value: text, etag: plainTag }] });
    // Whichever tag a client has read, it changes what it has seen, and nothing else.
    expect((await put('long.txt', `${text}.`, { 'if-match': gzippedTag })).status).toBe(204);
    expect((await put('long.txt', text, { 'if-match': gzippedTag })).status).toBe(412);
    expect((await put('long.txt', text, { 'if-match': plainTag })).status).toBe(412);
  });

  it('answers 412 when the client asks for another state of the entry', async () => {
    const etag = (await put('expected', 'value')).headers.get('etag') ?? '';
    for (const field of [etag, `"other", , ${etag}`, '*']) {
      expect((await get('expected', { 'if-match': field })).status).toBe(200);
    }
    for (const field of ['"other"', `W/${etag}`, 'unquoted']) {
      const response = await get('expected', { 'if-match': field, 'if-none-match': etag });
      await expectProblem(response, 412, 'precondition-failed');
    }
    expect((await get('expected', { 'if-match': etag, 'if-none-match': etag })).status).toBe(304);
    const head = await app.fetch('/api/cache/expected', { method: 'HEAD', headers: { 'if-match': '"x"' } });
    expect(head.status).toBe(412);
    // There is no state to compare: 404 says more.
    expect((await get('not-there', { 'if-match': etag })).status).toBe(404);
  });

  it('serves a plain string that somebody else wrote as it is', async () => {
    await app.stack.redis.admin('SET', 'plain', 'written by redis-cli: äöü');
    const response = await get('plain');
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('written by redis-cli: äöü');
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('private, no-cache');
    expect(response.headers.get('age')).toBe('0');
    const etag = response.headers.get('etag') ?? '';
    expect((await get('plain', { 'if-none-match': etag })).status).toBe(304);
  });

  it('serves bytes that somebody else wrote as bytes', async () => {
    const bytes = Buffer.from([0xff, 0x00, 0xfe, 0x0d, 0x0a]);
    await app.stack.redis.admin('SET', 'raw', bytes);
    const response = await get('raw');
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    expect(Buffer.from(await response.arrayBuffer())).toEqual(bytes);
  });

  it('takes a value that begins as an entry and is none for absent: never a 500, nor 412 for ever', async () => {
    await put('poisoned', 'value', { 'content-type': 'text/html; charset=utf-8' });
    const { etag } = Object.fromEntries((await get('poisoned')).headers);
    const stored = (await app.stack.redis.adminRaw('GET', 'poisoned')) as Buffer;
    const poison = async (): Promise<void> => {
      const text = stored.toString('latin1').replace('charset=utf-8', '\r\nSet-Cookie: ');
      await app.stack.redis.admin('SET', 'poisoned', Buffer.from(text, 'latin1'));
    };
    await poison();
    await expectProblem(await get('poisoned'), 404, 'not-found');
    await expectProblem(await put('poisoned', 'new', { 'if-match': etag ?? '' }), 412, 'precondition-failed');
    expect((await put('poisoned', 'new', { 'if-none-match': '*' })).status).toBe(201);
    expect(await (await get('poisoned')).text()).toBe('new');
    await poison();
    expect((await app.fetch('/api/cache/poisoned', { method: 'DELETE' })).status).toBe(204);
    await poison();
    expect((await put('poisoned', 'newer')).status).toBe(201);
    const told = app.host.logs().filter(({ message }) => message.includes('entryInvalid'));
    expect(told.length).toBeGreaterThanOrEqual(1);
    expect(told.map(({ message }) => message).join(' ')).not.toMatch(/poisoned|Set-Cookie|value/u);
  });

  it('refuses a key of another type', async () => {
    await app.stack.redis.admin('RPUSH', 'list', 'a', 'b');
    await expectProblem(await get('list'), 422, 'wrong-type');
    await expectProblem(await put('list', 'x'), 422, 'wrong-type');
    await expectProblem(await app.fetch('/api/cache/list', { method: 'DELETE' }), 422, 'wrong-type');
    expect(await app.stack.redis.admin('LLEN', 'list')).toBe(2);
  });

  it('forgets an entry at the end of its lifetime', async () => {
    await put('short', 'x', {}, '?ttl=1');
    expect(Number(await app.stack.redis.admin('PTTL', 'short'))).toBeLessThanOrEqual(1000);
  });
});

describe('keys', () => {
  it.each([
    ['over-long', 'k'.repeat(1025)],
    ['a control character', 'a%0Ab'],
    ["the app's own", 'ref:roster'],
    ['the bookkeeping of another app on the same cache', 'other:%1F%7Bfleet%7D:roster'],
    ['empty', ''],
  ])('refused: %s', async (_what, key) => {
    await expectProblem(await get(key), 400, 'invalid-key');
    await expectProblem(await put(key, 'x'), 400, 'invalid-key');
    await expectProblem(await app.fetch(`/api/cache/${key}`, { method: 'DELETE' }), 400, 'invalid-key');
  });

  it('of 1,024 bytes, with slashes, spaces and other scripts mean what they say', async () => {
    const keys = ['k'.repeat(1024), 'a/b c//d', 'schlüssel/鍵/🔑', 'a?b#c&d=e', '100%', 'a+b'];
    for (const key of keys) {
      expect((await put(encodeURIComponent(key), key)).status).toBe(201);
      expect(await app.stack.redis.admin('EXISTS', key)).toBe(1);
      expect(await (await get(encodeURIComponent(key))).text()).toBe(key);
    }
    expect(await (await get('a/b%20c//d')).text()).toBe('a/b c//d');
  });
});

describe('what the host makes of a request', () => {
  // fetch() itself would remove dot segments.
  const raw = (method: string, path: string, body = ''): ReturnType<typeof exchange> => {
    const head = `${method} /api/cache/${path} HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n`;
    return exchange(app.host.port, `${head}${body}`);
  };

  it('a parameter may be written in any letter case, and one that nobody knows is refused', async () => {
    expect((await put('any-case', 'x', {}, '?TTL=70')).status).toBe(201);
    expect((await get('any-case')).headers.get('cache-control')).toBe('private, max-age=70');
    expect((await get('any-case?code=abc&clientId=me')).status).toBe(200);
    for (const query of ['?page=1', '?ttl=60&Page=1', '?ttl=60&x']) {
      await expectProblem(await put('any-case', 'y', {}, query), 400, 'invalid-query');
    }
    for (const query of ['?page=1', '?ttl=60', '?code=abc&page=2', '?page']) {
      await expectProblem(await get(`any-case${query}`), 400, 'invalid-query');
    }
    const removal = await app.fetch('/api/cache/any-case?all=1', { method: 'DELETE' });
    await expectProblem(removal, 400, 'invalid-query');
    expect(await (await get('any-case')).text()).toBe('x');
  });

  it('a parameter that comes twice is joined, and then no lifetime', async () => {
    for (const query of ['?ttl=60&ttl=70', '?TTL=60&ttl=70']) {
      await expectProblem(await put('twice-ttl', 'x', {}, query), 400, 'invalid-ttl');
    }
  });

  it('dot segments are gone before the app is asked, unless their slashes are encoded', async () => {
    expect((await raw('PUT', 'dots%2F..%2Fkey', 'encoded')).status).toBe('HTTP/1.1 201 Created');
    expect((await raw('PUT', 'dots/../key', 'removed')).status).toBe('HTTP/1.1 201 Created');
    expect(await app.stack.redis.admin('EXISTS', 'dots/../key', 'key')).toBe(2);
    expect((await raw('GET', 'dots/..')).status).toBe('HTTP/1.1 400 Bad Request');
  });

  it('a slash at the beginning of a key has to be encoded', async () => {
    expect((await put('%2Fkey', 'x')).status).toBe(201);
    expect(await app.stack.redis.admin('EXISTS', '/key')).toBe(1);
    const { status, body } = await raw('GET', '/key');
    expect([status, body]).toEqual(['HTTP/1.1 404 Not Found', '']);
  });
});

describe('writing', () => {
  it('gives back 1 MiB of random bytes and its type unchanged', async () => {
    const bytes = randomBytes(1_048_576);
    expect((await put('large', bytes, { 'content-type': 'image/x-random; v=1' })).status).toBe(201);
    const response = await get('large');
    expect(response.headers.get('content-type')).toBe('image/x-random; v=1');
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
  });

  it('says 201 for a new entry and 204 for a new value', async () => {
    expect((await put('twice', '1')).status).toBe(201);
    expect((await put('twice', '2')).status).toBe(204);
    expect(await (await get('twice')).text()).toBe('2');
  });

  it('keeps an empty value', async () => {
    expect((await put('empty-value', '')).status).toBe(201);
    const response = await get('empty-value');
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('');
  });

  it('refuses a value in chunks, of which the host passes nothing on, instead of storing an empty one', async () => {
    await put('chunked', 'before');
    const response = await app.fetch('/api/cache/chunked', { method: 'PUT', ...inChunks('after') });
    await expectProblem(response, 411, 'length-required');
    expect(await (await get('chunked')).text()).toBe('before');
  });

  it('refuses a value that is too large and stores nothing', async () => {
    await expectProblem(await put('too-large', randomBytes(2_000_001)), 413, 'value-too-large');
    expect((await get('too-large')).status).toBe(404);
  });

  it('refuses a type that could not be sent as a header again', async () => {
    const utf8 = Buffer.from('text/plain; q=ü').toString('latin1');
    for (const type of [utf8, `text/${'x'.repeat(255)}`]) {
      await expectProblem(await put('typed', 'x', { 'content-type': type }), 400, 'invalid-header');
    }
    // What is no UTF-8 does not get past the host.
    const response = await put('typed', 'x', { 'content-type': 'text/plain; q=ü' });
    expect([response.status, await response.text()]).toEqual([400, '']);
  });

  it('refuses bytes that are coded, which no reader would be told', async () => {
    for (const coding of ['gzip', 'identity, br', 'x-unknown']) {
      const response = await put('coded', 'x', { 'content-encoding': coding });
      expect(response.headers.get('accept-encoding')).toBe('identity');
      await expectProblem(response, 415, 'unsupported-encoding');
    }
    expect((await get('coded')).status).toBe(404);
    expect((await put('coded', 'x', { 'content-encoding': 'Identity' })).status).toBe(201);
  });

  it('refuses a part of a value, which would become the whole', async () => {
    await put('part', 'whole');
    const response = await put('part', 'wh', { 'content-range': 'bytes 0-1/5' });
    await expectProblem(response, 400, 'invalid-header');
    expect(await (await get('part')).text()).toBe('whole');
  });

  it('refuses both conditions at once', async () => {
    const etag = (await put('both', '1')).headers.get('etag') ?? '';
    const both = { 'if-match': '*', 'if-none-match': etag };
    await expectProblem(await put('both', '2', both), 400, 'invalid-header');
    expect(await (await get('both')).text()).toBe('1');
  });

  it.each(['0', '-1', '1.5', 'abc', '', '31536001', '1e3'])('refuses a ttl of "%s"', async (ttl) => {
    await expectProblem(await put('bad-ttl', 'x', {}, `?ttl=${ttl}`), 400, 'invalid-ttl');
  });

  it('with If-None-Match: * creates only', async () => {
    const once = { 'if-none-match': '*' };
    expect((await put('create-only', '1', once)).status).toBe(201);
    await expectProblem(await put('create-only', '2', once), 412, 'precondition-failed');
    expect(await (await get('create-only')).text()).toBe('1');
  });

  it('with If-Match changes only what the client has seen', async () => {
    const first = (await put('compare', '1')).headers.get('etag') ?? '';
    const second = await put('compare', '2', { 'if-match': first });
    expect(second.status).toBe(204);
    await expectProblem(await put('compare', '3', { 'if-match': first }), 412, 'precondition-failed');
    await expectProblem(
      await put('compare', '3', { 'if-match': `W/${second.headers.get('etag')}` }),
      412,
      'precondition-failed',
    );
    await expectProblem(await put('compare', '3', { 'if-match': 'unquoted' }), 400, 'invalid-header');
    await expectProblem(await put('never-there', '1', { 'if-match': '*' }), 412, 'precondition-failed');
    expect(await (await get('compare')).text()).toBe('2');
  });

  it("with If-Match works on somebody else's string by the tag that a read gave", async () => {
    await app.stack.redis.admin('SET', 'foreign', 'old');
    const etag = (await get('foreign')).headers.get('etag') ?? '';
    expect((await put('foreign', 'new', { 'if-match': etag })).status).toBe(204);
    await expectProblem(await put('foreign', 'newer', { 'if-match': etag }), 412, 'precondition-failed');
  });

  it('never loses an update of 20 concurrent writers with If-Match', async () => {
    await put('counter', '0');
    const increment = async (): Promise<void> => {
      for (;;) {
        const current = await get('counter');
        const next = `${Number(await current.text()) + 1}`;
        const written = await put('counter', next, { 'if-match': current.headers.get('etag') ?? '' });
        if (written.status === 204) return;
        expect(written.status).toBe(412);
      }
    };
    await Promise.all(Array.from({ length: 20 }, increment));
    expect(await (await get('counter')).text()).toBe('20');
  });
});

describe('removing', () => {
  it('answers 204, also when there is nothing', async () => {
    await put('gone', 'x');
    const remove = (): Promise<Response> => app.fetch('/api/cache/gone', { method: 'DELETE' });
    expect((await remove()).status).toBe(204);
    expect((await get('gone')).status).toBe(404);
    expect((await remove()).status).toBe(204);
  });

  it('with If-Match removes only what the client has seen', async () => {
    await put('guarded', '1');
    const remove = (etag: string): Promise<Response> =>
      app.fetch('/api/cache/guarded', { method: 'DELETE', headers: { 'if-match': etag } });
    await expectProblem(await remove('"other"'), 412, 'precondition-failed');
    expect((await remove((await get('guarded')).headers.get('etag') ?? '')).status).toBe(204);
  });
});

describe('a batch', () => {
  const batch = (body: unknown): Promise<Response> =>
    app.fetch('/api/batch', { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) });

  it('answers each key in the order asked, text as text and bytes as base64', async () => {
    const text = await put('batch/text', 'grüße', { 'content-type': 'text/plain; charset=utf-8' });
    const bytes = await put('batch/bytes', Buffer.from([0xff, 0xfe]), { 'content-type': 'image/x-two' });
    await app.stack.redis.admin('RPUSH', 'batch/list', 'x');
    const response = await batch({
      keys: ['batch/bytes', 'batch/none', 'batch/text', 'batch/list', 'batch/text'],
    });
    expect(response.status).toBe(200);
    const hit = {
      key: 'batch/text',
      status: 'hit',
      value: 'grüße',
      encoding: 'utf8',
      contentType: 'text/plain; charset=utf-8',
      etag: text.headers.get('etag'),
    };
    expect(await response.json()).toEqual({
      results: [
        {
          key: 'batch/bytes',
          status: 'hit',
          value: '//4=',
          encoding: 'base64',
          contentType: 'image/x-two',
          etag: bytes.headers.get('etag'),
        },
        { key: 'batch/none', status: 'miss' },
        hit,
        { key: 'batch/list', status: 'unavailable', code: 'wrong-type' },
        hit,
      ],
    });
  });

  it('of 100 keys costs one read a key and one round trip', async () => {
    const keys = Array.from({ length: 100 }, (_, index) => `batch/${index}`);
    const before = await commandCount();
    expect((await batch({ keys })).status).toBe(200);
    expect((await commandCount()) - before).toBe(100);
  });

  it.each([
    ['no JSON', '{"keys":'],
    ['no keys', {}],
    ['null', 'null'],
    ['keys that are no list', { keys: 'a' }],
    ['a key that is no string', { keys: ['a', 1] }],
    ['no key at all', { keys: [] }],
    ['101 keys', { keys: Array.from({ length: 101 }, () => 'k') }],
  ])('refuses %s', async (_what, body) => {
    await expectProblem(await batch(body), 400, 'invalid-body');
  });

  it('refuses a body that is not the UTF-8 that it claims to be', async () => {
    const post = async (body: Buffer<ArrayBuffer>, type: string): Promise<Response> =>
      app.fetch('/api/batch', { method: 'POST', headers: { 'Content-Type': type }, body });
    const latin1 = Buffer.from('{"keys":["caf\xe9"]}', 'latin1');
    for (const type of ['application/json', 'text/plain', 'application/octet-stream'])
      await expectProblem(await post(latin1, type), 400, 'invalid-body');
    const utf16 = Buffer.from('{"keys":["a"]}', 'utf16le');
    await expectProblem(await post(utf16, 'application/json; charset=utf-16'), 400, 'invalid-body');
    const utf8 = Buffer.from('{"keys":["café"]}');
    await expectProblem(await post(utf8, 'application/json; charset=iso-8859-1'), 400, 'invalid-body');
    expect((await post(utf8, 'application/json; charset="UTF-8"')).status).toBe(200);
  });

  it('says so where the body came in chunks', async () => {
    const init = { method: 'POST', ...inChunks('{"keys":["a"]}') };
    await expectProblem(await app.fetch('/api/batch', init), 411, 'length-required');
  });

  it('takes 100 of the longest keys in their longest form, and refuses what is far larger', async () => {
    const keys = Array.from({ length: 100 }, (_, index) => `${index}`.padStart(1024, 'a'));
    const escaped = JSON.stringify({ keys }).replaceAll('a', String.raw`\u0061`);
    const response = await batch(escaped);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ results: keys.map((key) => ({ key, status: 'miss' })) });
    await expectProblem(await batch(escaped.padEnd(2 ** 20 + 1)), 413, 'body-too-large');
  });

  it('names the key that is not valid', async () => {
    const body = await expectProblem(await batch({ keys: ['good', 'ref:roster'] }), 400, 'invalid-key');
    expect(body['detail']).toMatch(/^keys\[1\]/u);
  });

  async function commandCount(): Promise<number> {
    const info = String(await app.stack.redis.admin('INFO', 'commandstats'));
    return Number(/cmdstat_getrange:calls=(?<calls>\d+)/u.exec(info)?.groups?.['calls'] ?? 0);
  }
});

describe('health', () => {
  it('is open and tells nothing but what it has to', async () => {
    expect(await (await app.fetch('/api/health/live')).json()).toEqual({ status: 'live' });
    for (const probe of ['live', 'ready']) {
      const head = await app.fetch(`/api/health/${probe}`, { method: 'HEAD' });
      expect([head.status, await head.text()]).toEqual([200, '']);
    }
    const ready = await app.fetch('/api/health/ready');
    expect(ready.status).toBe(200);
    expect(await ready.json()).toEqual({ status: 'ready', tokenExpiresInSeconds: expect.any(Number) });
  });
});
