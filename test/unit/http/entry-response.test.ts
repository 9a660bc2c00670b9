// What a client is answered of an entry: representations, conditions, ranges, statuses (RFC 9110; RFC 9111, section 4).

import { brotliCompressSync, gzipSync } from 'node:zlib';
import { HttpRequest, type HttpResponseInit } from '@azure/functions';
import { describe, expect, it } from 'vitest';
import { ByteBudget } from '../../../src/util/byte-budget.ts';
import { newEntry, type Entry, type Lifetime } from '../../../src/cache/entry.ts';
import { loadedEntry } from '../../../src/cache/loaded-entry.ts';
import { entryResponse } from '../../../src/http/entry-response.ts';
import { Problem } from '../../../src/http/problem.ts';
import type { ContentCoding } from '../../../src/origin/content-codings.ts';
import type { Fields } from '../../../src/origin/storage.ts';

const nowMs = Date.UTC(2026, 10, 26, 12);
const text = 'Ten bytes.'.repeat(10);
const date = new Date(nowMs - 30_000).toUTCString();
const modified = new Date(nowMs - 86_400_000).toUTCString();

function entry(
  fields: Fields = {},
  {
    status = 200,
    codings = [] as readonly ContentCoding[],
    body = Buffer.from(text),
    ...life
  }: {
    readonly status?: number;
    readonly codings?: readonly ContentCoding[];
    readonly body?: Buffer;
  } & Partial<Lifetime> = {},
): Entry {
  const lifetime = {
    freshness: { storedAtMs: nowMs - 33_000, ttlSeconds: 100 },
    revalidate: false,
    staleAllowed: true,
    staleWhileRevalidateSeconds: 0,
    staleIfErrorSeconds: 0,
    keptMs: 100_000,
    ...life,
  };
  const said = { date, etag: '"e"', ...fields };
  const answer = {
    kind: 'answered',
    status,
    body,
    codings,
    fields: { ...said, 'content-type': 'text/plain' },
  } as const;
  return loadedEntry({ ...answer, restrictions: [] }, said, lifetime, 1);
}

type Headers = Record<string, string>;
const ask = async (of: Entry, headers: Headers = {}, method = 'GET'): Promise<HttpResponseInit> => {
  const request = new HttpRequest({ method, url: 'http://localhost/api/cache/k', headers });
  const charge = new ByteBudget(2 ** 30).open();
  const answer = await entryResponse(request, of, {}, nowMs, charge).catch(problemResponse);
  if ('kind' in answer) return expect.unreachable(answer.kind);
  if (!('pieces' in answer)) return answer;
  const { pieces, ...head } = answer;
  return { ...head, body: Buffer.concat(pieces) };
};
const problemResponse = (error: unknown): HttpResponseInit =>
  error instanceof Problem ? error.toResponse() : expect.unreachable(String(error));
const textOf = ({ body }: HttpResponseInit): string => (body as Buffer).toString();
const headersOf = ({ headers }: HttpResponseInit): Headers => headers as Headers;

describe('an entry of the origin', () => {
  it('has its current age, its date, when it was changed, and what is kept', async () => {
    const answered = await ask(
      entry({ 'last-modified': modified, link: '</a>', 'cache-control': 'max-age=9' }),
    );
    expect(answered).toMatchObject({ status: 200, body: Buffer.from(text) });
    expect(headersOf(answered)).toEqual({
      Age: '33',
      'Accept-Ranges': 'bytes',
      'Cache-Control': 'private, max-age=100',
      'Content-Length': '100',
      'Content-Security-Policy': 'sandbox',
      'Content-Type': 'text/plain',
      Date: date,
      ETag: '"e"',
      'Last-Modified': modified,
      'X-Content-Type-Options': 'nosniff',
      link: '</a>',
    });
  });

  it('that must be validated each time is for clients to ask for each time, too', async () => {
    expect(headersOf(await ask(entry({}, { revalidate: true })))['Cache-Control']).toBe('private, no-cache');
  });

  it('by HEAD has the same headers', async () => {
    expect(headersOf(await ask(entry(), {}, 'HEAD'))).toEqual(headersOf(await ask(entry())));
  });

  it('that a client wrote has a strong tag, and nothing of an origin', async () => {
    const answered = await ask(newEntry(Buffer.from('x'), 'text/html', nowMs, 60));
    expect(headersOf(answered)).toMatchObject({ ETag: expect.stringMatching(/^"[\w-]{22}"$/u) as string });
    expect(Object.keys(headersOf(answered))).not.toContain('Date');
    expect(Object.keys(headersOf(answered))).not.toContain('Vary');
  });
});

describe('a condition', () => {
  const conditions: readonly [Headers, number][] = [
    [{ 'If-None-Match': '"e"' }, 304],
    [{ 'If-None-Match': 'W/"e"' }, 304],
    [{ 'If-None-Match': '"f"' }, 200],
    [{ 'If-Modified-Since': modified }, 304],
    [{ 'If-Modified-Since': date }, 304],
    [{ 'If-Modified-Since': new Date(nowMs - 86_401_000).toUTCString() }, 200],
    [{ 'If-Modified-Since': 'yesterday' }, 200],
    // The tag alone counts where there is one.
    [{ 'If-None-Match': '"f"', 'If-Modified-Since': modified }, 200],
    [{ 'If-Match': '"e"' }, 200],
    [{ 'If-Match': '"f"' }, 412],
  ];
  it.each(conditions)('%j: %i', async (headers, status) => {
    const answered = await ask(entry({ 'last-modified': modified }), headers);
    expect(answered.status).toBe(status);
    if (status === 304) {
      expect(answered.body).toBeUndefined();
      expect(headersOf(answered)).toMatchObject({ ETag: '"e"', Date: date, Age: '33' });
    }
  });

  it('on a weak tag: handed on as weak, found by If-None-Match and never by If-Match', async () => {
    const weak = entry({ etag: 'W/"e"' });
    expect(headersOf(await ask(weak))['ETag']).toBe('W/"e"');
    expect((await ask(weak, { 'If-None-Match': 'W/"e"' })).status).toBe(304);
    expect((await ask(weak, { 'If-Match': 'W/"e"' })).status).toBe(412);
    expect((await ask(weak, { 'If-Match': '"e"' })).status).toBe(412);
  });

  it('by date, where there is none of the last change, goes by when it was sent', async () => {
    expect((await ask(entry(), { 'If-Modified-Since': date })).status).toBe(304);
  });
});

describe('a range', () => {
  const ranges: readonly [Headers, number, string | undefined, string][] = [
    [{ Range: 'bytes=0-2' }, 206, 'bytes 0-2/100', 'Ten'],
    [{ Range: 'bytes=90-' }, 206, 'bytes 90-99/100', 'Ten bytes.'],
    [{ Range: 'bytes=-6' }, 206, 'bytes 94-99/100', 'bytes.'],
    [{ Range: 'bytes=90-1000' }, 206, 'bytes 90-99/100', 'Ten bytes.'],
    [{ Range: 'bytes=0-2,5-6' }, 200, undefined, text],
    [{ Range: 'lines=0-2' }, 200, undefined, text],
    [{ Range: 'bytes=2-0' }, 200, undefined, text],
    [{ Range: 'bytes=0-2', 'If-Range': '"e"' }, 206, 'bytes 0-2/100', 'Ten'],
    [{ Range: 'bytes=0-2', 'If-Range': '"f"' }, 200, undefined, text],
    [{ Range: 'bytes=0-2', 'If-Range': 'W/"e"' }, 200, undefined, text],
    [{ Range: 'bytes=0-2', 'If-Range': modified }, 206, 'bytes 0-2/100', 'Ten'],
  ];
  it.each(ranges)('%j: %i', async (headers, status, contentRange, body) => {
    const answered = await ask(entry({ 'last-modified': modified }), headers);
    expect(answered.status).toBe(status);
    expect(headersOf(answered)['Content-Range']).toBe(contentRange);
    expect(headersOf(answered)['Content-Length']).toBe(`${body.length}`);
    expect(textOf(answered)).toBe(body);
  });

  it('that nothing is in is 416 and says how much there is', async () => {
    const answered = await ask(entry(), { Range: 'bytes=100-' });
    expect(answered.status).toBe(416);
    expect(headersOf(answered)['Content-Range']).toBe('bytes */100');
  });

  it('is for GET only, and comes after conditions', async () => {
    expect((await ask(entry(), { Range: 'bytes=0-2' }, 'HEAD')).status).toBe(200);
    expect((await ask(entry(), { Range: 'bytes=0-2', 'If-None-Match': '"e"' })).status).toBe(304);
  });
});

describe('a coded entry', () => {
  const gzipped = gzipSync(text);
  const coded = entry({}, { codings: ['gzip'], body: gzipped });

  it('is sent as it is to who accepts the coding, with a tag of its own', async () => {
    const answered = await ask(coded, { 'Accept-Encoding': 'br;q=0.1, gzip' });
    expect(answered.body).toEqual(gzipped);
    expect(headersOf(answered)).toMatchObject({
      'Content-Encoding': 'gzip',
      'Content-Length': `${gzipped.length}`,
      ETag: '"e"',
      Vary: 'Accept-Encoding',
    });
  });

  const refusals: readonly Headers[] = [
    {},
    { 'Accept-Encoding': 'gzip;q=0' },
    { 'Accept-Encoding': 'identity' },
  ];
  it.each(refusals)('is decoded for a client that says %j', async (headers) => {
    const answered = await ask(coded, headers);
    expect(textOf(answered)).toBe(text);
    expect(headersOf(answered)).toMatchObject({ 'Content-Length': '100', Vary: 'Accept-Encoding' });
    expect(headersOf(answered)['Content-Encoding']).toBeUndefined();
    const { ETag = '' } = headersOf(answered);
    expect(ETag).not.toBe('"e"');
    // It is the tag of that representation, for all conditions and ranges.
    expect((await ask(coded, { ...headers, 'If-None-Match': ETag })).status).toBe(304);
    expect((await ask(coded, { ...headers, 'If-None-Match': '"e"' })).status).toBe(200);
    expect((await ask(coded, { ...headers, 'If-Match': ETag })).status).toBe(200);
    const part = await ask(coded, { ...headers, 'If-Range': ETag, Range: 'bytes=0-2' });
    expect([part.status, textOf(part)]).toEqual([206, 'Ten']);
  });

  it('in several codings is decoded through all of them', async () => {
    const twice = entry({}, { codings: ['gzip', 'br'], body: brotliCompressSync(gzipped) });
    expect(headersOf(await ask(twice, { 'Accept-Encoding': 'gzip, br' }))['Content-Encoding']).toBe(
      'gzip, br',
    );
    expect(textOf(await ask(twice, { 'Accept-Encoding': 'br' }))).toBe(text);
  });
});

describe('a coded entry that is to be decoded', () => {
  const coded = (body: Buffer): Entry => entry({}, { codings: ['gzip'], body });
  const request = new HttpRequest({ method: 'GET', url: 'http://localhost/api/cache/k' });
  const status = { 'Cache-Status': 'here; hit' };

  it('takes its decoded bytes from the budget', async () => {
    const budget = new ByteBudget(2 ** 20);
    await entryResponse(request, coded(gzipSync(text)), status, nowMs, budget.open());
    expect(budget.usedBytes).toBe(400);
  });

  it('is 503 where there is no memory for them, and says what the cache had', async () => {
    const charge = new ByteBudget(100).open();
    const answer = entryResponse(request, coded(gzipSync(text)), status, nowMs, charge);
    await expect(answer).rejects.toMatchObject({ code: 'overloaded', headers: status });
  });

  it('is damaged where it cannot be decoded: it was not, when it came', async () => {
    const charge = new ByteBudget(2 ** 20).open();
    const answer = entryResponse(request, coded(Buffer.from('no gzip')), status, nowMs, charge);
    expect(await answer).toEqual({ kind: 'damaged' });
  });
});

describe('an answer that is no value', () => {
  it.each([301, 403, 429, 503])(
    'of status %i is handed on as it is, whatever the conditions',
    async (status) => {
      const refused = entry({}, { status });
      const answered = await ask(refused, { 'If-None-Match': '"e"', Range: 'bytes=0-1' });
      expect(answered).toMatchObject({ status, body: Buffer.from(text) });
      expect(headersOf(answered)['ETag']).toBeUndefined();
    },
  );

  it('says what is left of its Retry-After', async () => {
    const retryAfter = async (value: string) =>
      headersOf(await ask(entry({ 'retry-after': value }, { status: 429 })))['Retry-After'];
    expect(await retryAfter('60')).toBe('27');
    expect(await retryAfter('5')).toBe('0');
    expect(await retryAfter(new Date(nowMs + 9000).toUTCString())).toBe('9');
    expect(await retryAfter('soon')).toBeUndefined();
  });

  it('without content has no body, nor a length', async () => {
    const answered = await ask(entry({}, { status: 204, body: Buffer.alloc(0) }));
    expect(answered).toMatchObject({ status: 204 });
    expect(answered.body).toBeUndefined();
    expect(headersOf(answered)['Content-Length']).toBeUndefined();
  });
});
