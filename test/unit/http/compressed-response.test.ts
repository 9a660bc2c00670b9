// An entry that the cache has compressed: which form a client gets, and what its conditions mean.

import { gzipSync } from 'node:zlib';
import { HttpRequest } from '@azure/functions';
import { describe, expect, it } from 'vitest';
import { newEntry, type Entry, type Loaded } from '../../../src/cache/entry.ts';
import { entryResponse } from '../../../src/http/entry-response.ts';
import { Problem } from '../../../src/http/problem.ts';
import { ByteBudget } from '../../../src/util/byte-budget.ts';
import { loaded } from '../../contract/tier-world.ts';

const text = 'Ten bytes.'.repeat(100);
const written: Entry = { ...newEntry(Buffer.from(text), 'text/plain', 1, 60), etag: 'e' };
const stored: Entry = { ...written, body: gzipSync(text), isGzipped: true };
const fromOrigin = (more: Partial<Loaded>): Entry => ({ ...stored, loaded: { ...loaded, ...more } });

type Headers = Readonly<Record<string, string>>;
const gzip = { 'accept-encoding': 'gzip' };
const [plainTag, gzippedTag] = ['"e"', '"e--gzipped"'];

async function ask(of: Entry, headers: Headers = {}, budget = new ByteBudget(2 ** 20)) {
  const request = new HttpRequest({ method: 'GET', url: 'http://localhost/', headers: { ...headers } });
  const answering = entryResponse(request, of, {}, 1000, budget.open());
  const answer = await answering.catch((error: unknown) =>
    error instanceof Problem ? error.toResponse() : expect.unreachable(String(error)),
  );
  if ('kind' in answer) return { ...answer, tag: undefined };
  const { ETag: tag, ...others } = answer.headers as Record<string, string>;
  const body = 'pieces' in answer ? Buffer.concat(answer.pieces) : undefined;
  return { status: answer.status, tag, headers: others, body };
}

describe('a compressed entry', () => {
  it('is sent as it is to who accepts gzip, under a tag of its own', async () => {
    const answer = await ask(stored, gzip);
    expect(answer).toMatchObject({
      status: 200,
      tag: gzippedTag,
      headers: {
        'Content-Encoding': 'gzip',
        Vary: 'Accept-Encoding',
        'Content-Length': `${stored.body.length}`,
      },
      body: stored.body,
    });
    expect((await ask(fromOrigin({ isWeak: true }), gzip)).tag).toBe('W/"e--gzipped"');
  });

  it('is plain for everybody else, under the tag that it was written with', async () => {
    for (const headers of [{}, { 'accept-encoding': 'br' }]) {
      const answer = await ask(stored, headers);
      const plain = { Vary: 'Accept-Encoding', 'Content-Length': '1000' };
      expect(answer).toMatchObject({ status: 200, tag: plainTag, headers: plain, body: Buffer.from(text) });
      expect(answer).not.toHaveProperty(['headers', 'Content-Encoding']);
    }
  });

  it('is plain for everybody where its origin forbids a transformation, since a 304 perhaps', async () => {
    const answer = await ask(fromOrigin({ fields: { 'cache-control': 'no-transform' } }), gzip);
    expect(answer).toMatchObject({ status: 200, tag: plainTag, body: Buffer.from(text) });
    expect(answer).not.toHaveProperty(['headers', 'Vary']);
  });

  it.each<[Headers, number, string]>([
    [{ 'if-none-match': plainTag }, 304, plainTag],
    [{ 'if-none-match': gzippedTag }, 200, plainTag],
    [{ 'if-none-match': '*' }, 304, plainTag],
    [{ ...gzip, 'if-none-match': gzippedTag }, 304, gzippedTag],
    // Written, or read by who accepted nothing: the client has a form that it accepts.
    [{ ...gzip, 'if-none-match': plainTag }, 304, plainTag],
    [{ ...gzip, 'if-none-match': `W/${plainTag}` }, 304, plainTag],
    [{ ...gzip, 'if-none-match': `${plainTag}, ${gzippedTag}` }, 304, gzippedTag],
    [{ ...gzip, 'if-none-match': '*' }, 304, gzippedTag],
    [{ ...gzip, 'if-none-match': '"f"' }, 200, gzippedTag],
    [{ ...gzip, 'if-match': plainTag }, 200, plainTag],
    [{ ...gzip, 'if-match': gzippedTag }, 200, gzippedTag],
    [{ ...gzip, 'if-match': '"f"' }, 412, gzippedTag],
    [{ ...gzip, 'if-match': plainTag, 'if-none-match': gzippedTag }, 200, plainTag],
  ])('asked for with %j answers %i, with the tag %s', async (headers, status, tag) => {
    const answer = await ask(stored, headers);
    expect(answer).toMatchObject({ status, tag });
    if (status !== 304) return;
    expect(answer).toMatchObject({ headers: { Vary: 'Accept-Encoding' } });
  });

  it.each<[Headers, number, string, string]>([
    [gzip, 206, plainTag, 'bytes'],
    [{ ...gzip, 'if-range': plainTag }, 206, plainTag, 'bytes'],
    // What a client has of another compression may differ in its bytes.
    [{ ...gzip, 'if-range': gzippedTag }, 200, plainTag, text],
  ])('in part is a part of the plain form: %j', async (headers, status, tag, body) => {
    const answer = await ask(stored, { ...headers, range: 'bytes=4-8' });
    expect(answer).toMatchObject({ status, tag, body: Buffer.from(body) });
  });

  it('counts its plain bytes before it is decompressed', async () => {
    const budget = new ByteBudget(2 ** 20);
    await ask(stored, {}, budget);
    expect(budget.usedBytes).toBe(4000);
    expect(await ask(stored, {}, new ByteBudget(3999))).toMatchObject({ status: 503 });
    expect(await ask(stored, gzip, new ByteBudget(0))).toMatchObject({ status: 200 });
  });

  it('is damaged where it cannot be decompressed', async () => {
    const damaged = { ...stored, body: stored.body.subarray(1) };
    expect(await ask(damaged)).toMatchObject({ kind: 'damaged' });
    expect(await ask(damaged, { 'if-none-match': plainTag })).toMatchObject({ status: 304 });
  });
});
