// Ranges and Accept-Encoding, against oracles written from RFC 9110.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acceptsCodings } from '../../src/http/accept-encoding.ts';
import { isRangeCurrent, readRange } from '../../src/http/range.ts';

describe('a range', () => {
  it('is the bytes that it names', () => {
    const bound = fc.option(fc.nat(120), { nil: undefined });
    fc.assert(
      fc.property(fc.nat(100), bound, bound, (bytes, first, last) => {
        const all = Array.from({ length: bytes }, (_, at) => at);
        const isMeaningless =
          (first === undefined && last === undefined) ||
          (first !== undefined && last !== undefined && last < first);
        const named = all.filter((at) =>
          first === undefined ? at >= bytes - (last ?? 0) : at >= first && at <= (last ?? bytes),
        );
        const part = { kind: 'part', start: named[0], end: named.at(-1) };
        const right = named.length === 0 ? { kind: 'unsatisfiable' } : part;
        expect(readRange(`bytes=${first ?? ''}-${last ?? ''}`, bytes)).toEqual(
          isMeaningless ? { kind: 'whole' } : right,
        );
      }),
    );
  });

  it.each([
    null,
    '',
    'bytes',
    'bytes=',
    'bytes=-',
    'bytes=a-b',
    'bytes=1-2,4-5',
    'items=0-1',
    'bytes=0x1-2',
    '0-1',
  ])('%j is none', (range) => {
    expect(readRange(range, 10)).toEqual({ kind: 'whole' });
  });

  it('is answered where If-Range names the value by a strong tag, or by a date that is strong', () => {
    const lastModified = 'Thu, 01 Jan 2026 00:00:00 GMT';
    const state = { etag: '"a"', lastModified, dateMs: Date.UTC(2026, 0, 2) };
    expect(isRangeCurrent(null, state)).toBe(true);
    expect(isRangeCurrent('"a"', state)).toBe(true);
    expect(isRangeCurrent(lastModified, state)).toBe(true);
    expect(isRangeCurrent('Thursday, 01-Jan-26 00:00:00 GMT', state)).toBe(true);
    for (const field of ['"b"', 'W/"a"', 'a', '', '*', 'Thu, 01 Jan 2026 00:00:01 GMT']) {
      expect(isRangeCurrent(field, state), field).toBe(false);
    }
    expect(isRangeCurrent('W/"a"', { ...state, etag: 'W/"a"' })).toBe(false);
    expect(isRangeCurrent(lastModified, { ...state, dateMs: Date.UTC(2026, 0, 1) })).toBe(false);
    expect(isRangeCurrent(lastModified, { ...state, lastModified: undefined })).toBe(false);
  });
});

describe('Accept-Encoding', () => {
  it.each([
    ['gzip', ['gzip']],
    ['GZIP;Q=0.001', ['gzip']],
    ['x-gzip', ['gzip']],
    ['*', ['br']],
    ['gzip, br;q=0.5', ['gzip', 'br']],
    ['identity;q=0, *;q=0.1', ['zstd']],
    ['br ; q=1.000', ['br']],
    [null, []],
  ])('%j takes %j', (field, codings) => {
    expect(acceptsCodings(field, codings)).toBe(true);
  });

  it.each([
    [null, ['gzip']],
    ['', ['gzip']],
    ['identity', ['gzip']],
    ['gzip;q=0', ['gzip']],
    ['gzip;q=0, *', ['gzip']],
    ['*;q=0', ['gzip']],
    ['gzip;q=2', ['gzip']],
    ['gzip;q=0.0001', ['gzip']],
    ['gzip;level=1', ['gzip']],
    ['gzip', ['gzip', 'br']],
    ['gzipped', ['gzip']],
  ])('%j does not take %j', (field, codings) => {
    expect(acceptsCodings(field, codings)).toBe(false);
  });
});
