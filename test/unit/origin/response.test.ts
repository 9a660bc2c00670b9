import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { conditionalHeaders, fieldsOf, readResponse, validatorsOf } from '../../../src/origin/response.ts';
import type { Answer } from '../../../src/origin/transport.ts';
import { FakeClock } from '../../support/fake-clock.ts';

async function* chunks(body: Buffer): AsyncGenerator<Buffer> {
  yield body;
}

function read(body: Buffer, more: Partial<Answer> = {}, options: object = {}) {
  const answer: Answer = {
    status: 200,
    headers: {},
    framing: { kind: 'length', bytes: body.length },
    body: chunks(body),
    ...more,
  };
  const said = { fields: {}, restrictions: [], tagging: { restrictions: [] } };
  const usual = { where: 'x', maxBytes: 100, ...said, clock: new FakeClock() };
  return readResponse(answer, { ...usual, ...options });
}

const value = Buffer.from('value');

describe('a response', () => {
  it('is read whole, and stays coded as it was sent', async () => {
    expect(await read(value)).toMatchObject({ kind: 'answered', body: value, codings: [], restrictions: [] });
    const body = gzipSync(value);
    const coded = await read(body, { headers: { 'content-encoding': 'gzip' } });
    expect(coded).toMatchObject({ kind: 'answered', body, codings: ['gzip'] });
    const empty = await read(Buffer.alloc(0), { headers: { 'content-encoding': 'gzip' } });
    expect(empty).toMatchObject({ kind: 'answered', codings: [] });
  });

  it('whose end is not announced may be served but not stored', async () => {
    expect(await read(value, { framing: { kind: 'chunked' } })).toMatchObject({ restrictions: [] });
    expect(await read(value, { framing: { kind: 'until-close' } })).toMatchObject({
      kind: 'answered',
      restrictions: [{ kind: 'forbidden' }],
    });
  });

  it('is too large by its announcement, by its bytes, or decoded', async () => {
    expect(await read(value, {}, { maxBytes: 4 })).toEqual({ kind: 'too-large', bytes: 5 });
    const chunked = { framing: { kind: 'chunked' } } as const;
    expect(await read(value, chunked, { maxBytes: 4 })).toEqual({ kind: 'too-large', bytes: undefined });
    const headers = { 'content-encoding': 'gzip' };
    const large = gzipSync(Buffer.alloc(1000));
    expect(await read(large, { headers })).toEqual({ kind: 'too-large', bytes: undefined });
  });

  it('is not read where it is not admitted', async () => {
    const asked: number[] = [];
    const admits = (bytes: number): boolean => asked.push(bytes) > 9;
    expect(await read(value, {}, { admits })).toEqual({ kind: 'not-admitted' });
    expect(await read(value, { framing: { kind: 'chunked' } }, { admits })).toEqual({ kind: 'not-admitted' });
    expect(asked).toEqual([5, 100]);
  });

  it('in an unknown or a damaged coding fails for this entry only', async () => {
    for (const coding of ['compress', 'gzip']) {
      const failing = read(value, { headers: { 'content-encoding': coding } });
      await expect(failing).rejects.toMatchObject({ code: 'origin-failed', isOfOneEntry: true });
    }
  });
});

it('the fields that matter are kept, those of one name joined', () => {
  const headers = { etag: '"a"', vary: 'a, b', link: ['<1>', '<2>'] as unknown as string, server: 'x' };
  expect(fieldsOf(headers, ['link'])).toEqual({ etag: '"a"', vary: 'a, b', link: '<1>, <2>' });
});

it('an entry is asked for by the validators that are valid', () => {
  const date = 'Thu, 01 Jan 2026 00:00:00 GMT';
  expect(validatorsOf({ etag: ' "a" ', 'last-modified': date }, 0)).toEqual({
    etag: '"a"',
    lastModified: date,
  });
  expect(validatorsOf({ etag: 'a', 'last-modified': 'yesterday' }, 0)).toEqual({});
  expect(validatorsOf({}, 0)).toEqual({});
  expect(conditionalHeaders()).toEqual({});
  expect(conditionalHeaders({ etag: 'W/"a"', lastModified: date })).toEqual({
    'If-None-Match': 'W/"a"',
    'If-Modified-Since': date,
  });
});
