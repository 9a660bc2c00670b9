// What the origin's answers and its 304s make of an entry: RFC 9111, sections 3, 4.2 and 4.3.4.

import { describe, expect, it } from 'vitest';
import { EntryWriter } from '../../../src/cache/entry-writer.ts';
import { standingOf } from '../../../src/cache/freshness.ts';
import { decodeEntry } from '../../../src/cache/entry-decoder.ts';
import { encodeEntry } from '../../../src/cache/entry-encoder.ts';
import type { Entry } from '../../../src/cache/entry.ts';
import type { Tier } from '../../../src/cache/tier.ts';
import type { OriginResponse } from '../../../src/origin/origin.ts';
import { storagePermission, type Fields } from '../../../src/origin/storage.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const clock = new FakeClock();
const rules = { defaultTtlSeconds: 300, staleSeconds: 3600 };
// None of these tests stores anything.
const filler = new EntryWriter({ tier: {} as Tier, clock, random: () => 0, rules });

function answer(fields: Fields, more: Partial<OriginResponse> = {}): OriginResponse {
  const usual = { 'content-type': 'text/plain', etag: '"e"' };
  const body = Buffer.from('body');
  const said = { ...usual, ...fields };
  return { kind: 'answered', status: 200, body, codings: [], fields: said, restrictions: [], ...more };
}

const loaded = (fields: Fields, more: Partial<OriginResponse> = {}): Entry =>
  filler.entryOf(answer(fields, more), 10);
const renewed = (held: Entry, fields: Fields): Entry =>
  filler.updated(held, { fields, restrictions: [] }) ?? expect.unreachable();
const ageMs = ({ freshness }: Entry): number => clock.wallMs() - (freshness?.storedAtMs ?? 0);
const standing = (entry: Entry, inMs = 0): string => standingOf(entry, clock.wallMs() + inMs, 0);

describe('an answer', () => {
  it('counts from when the origin made it', () => {
    const entry = loaded({ 'cache-control': 'max-age=100', age: '30' });
    expect(ageMs(entry)).toBe(30_000);
    expect(entry.freshness?.ttlSeconds).toBe(100);
    expect(standing(entry, 69_000)).not.toBe('stale');
    expect(standing(entry, 71_000)).toBe('stale');
  });

  const ancient: readonly Fields[] = [
    { age: '9'.repeat(30) },
    { date: 'Mon, 01 Jan 0001 00:00:00 GMT' },
    { age: '2147483648', 'cache-control': 'max-age=2147483648' },
  ];
  it.each(ancient)('older than time itself can be stored all the same: %j', (fields) => {
    const entry = loaded(fields);
    expect(standing(entry)).toBe('expired');
    expect(decodeEntry(encodeEntry(entry))).toMatchObject({ kind: 'entry', entry: { etag: 'e' } });
  });

  it('that came by a redirect lives as long as the strictest link allows', () => {
    const now = clock.wallMs();
    const link = (said: string) => storagePermission({ 'cache-control': said }, 302, now);
    const year = { 'cache-control': 'max-age=31536000' };
    expect(loaded(year, { restrictions: [link('no-store')] })).toMatchObject({
      freshness: undefined,
      loaded: { notStored: { reason: 'Cache-Control: no-store', noStore: true } },
    });
    expect(loaded(year, { restrictions: [link('')] }).freshness).toBeUndefined();
    expect(loaded(year, { restrictions: [link('max-age=7')] }).freshness?.ttlSeconds).toBe(7);
  });

  it.each([
    [200, {}, true],
    [203, {}, true],
    [204, {}, true],
    [201, {}, false],
    [201, { 'cache-control': 'max-age=5' }, true],
    [302, {}, false],
    [302, { 'cache-control': 'max-age=5' }, true],
    [400, {}, false],
    [403, { 'cache-control': 'max-age=5' }, true],
    [429, {}, false],
    [499, { 'cache-control': 'max-age=5' }, true],
    [500, { 'cache-control': 'max-age=5' }, true],
  ])('of status %i with %j: stored %s, with its status', (status, fields, isStored) => {
    const entry = loaded(fields, { status });
    expect(entry.freshness !== undefined).toBe(isStored);
    expect(entry.loaded?.status).toBe(status);
  });

  it('keeps a weak tag as what it is, and hashes one that cannot be kept', () => {
    expect(loaded({ etag: 'W/"w"' })).toMatchObject({ etag: 'w', loaded: { isWeak: true } });
    expect(loaded({ etag: 'none' })).toMatchObject({ loaded: { isWeak: false } });
    expect(loaded({ etag: 'W/"ü"' })).toMatchObject({
      etag: expect.stringMatching(/^[\w-]{22}$/u) as string,
      loaded: { isWeak: false, fields: { etag: 'W/"ü"' } },
    });
  });
});

describe('a 304', () => {
  it.each(['no-store', 'private', 'no-store, max-age=9', 'private="x"'])(
    'that says %s ends the entry',
    (said) => {
      const held = loaded({ 'cache-control': 'max-age=1' });
      expect(renewed(held, { 'cache-control': said }).freshness).toBeUndefined();
    },
  );

  it.each(['no-cache', 'max-age=0, must-revalidate', 'max-age=9, no-cache'])(
    'that says %s leaves an entry that is validated each time, and not served when the origin fails',
    (said) => {
      const entry = renewed(loaded({ 'cache-control': 'max-age=1' }), { 'cache-control': said });
      expect(standing(entry)).toBe('expired');
      expect(entry.loaded?.staleIfErrorSeconds).toBe(0);
    },
  );

  it('that says nothing keeps the lifetime, and its own age and date count', () => {
    const held = loaded({ 'cache-control': 'max-age=300, must-revalidate' });
    const bare = renewed(held, {});
    expect([ageMs(bare), bare.freshness?.ttlSeconds, standing(bare)]).toEqual([0, 300, 'fresh']);
    expect(standing(bare, 301_000)).toBe('expired');
    const old = renewed(held, { age: '3000' });
    expect([ageMs(old), standing(old)]).toEqual([3_000_000, 'expired']);
    const date = new Date(clock.wallMs() - 100_000).toUTCString();
    const dated = renewed(held, { date });
    expect(ageMs(dated)).toBeGreaterThanOrEqual(100_000);
    expect(dated.loaded?.fields['date']).toBe(date);
    // The age of the one before is not that of the next.
    expect(ageMs(renewed(old, {}))).toBe(0);
  });

  it('replaces what it names and leaves the rest: fields, but neither tag, type, status nor coding', () => {
    const held = loaded(
      { 'cache-control': 'max-age=60', link: '</a>', 'content-language': 'de', etag: '"e"' },
      { codings: ['gzip'], status: 203 },
    );
    const entry = renewed(held, { 'cache-control': 'max-age=7', link: '</b>', etag: 'W/"e"' });
    expect(entry).toMatchObject({
      etag: 'e',
      contentType: 'text/plain',
      freshness: { ttlSeconds: 7 },
      loaded: {
        status: 203,
        codings: ['gzip'],
        isWeak: false,
        fields: { link: '</b>', 'content-language': 'de', etag: '"e"' },
      },
    });
    expect(entry.writeId).not.toBe(held.writeId);
  });

  it.each([
    ['"e"', { etag: '"e"' }, true],
    ['"e"', { etag: 'W/"e"' }, true],
    ['"e"', { etag: '"f"' }, false],
    ['"e"', { etag: 'W/"f"' }, false],
    ['W/"e"', { etag: 'W/"e"' }, true],
    ['W/"e"', { etag: '"e"' }, false],
    ['"e"', {}, true],
  ])('updates an entry %s where it names %j: %s', (etag, fields, isAbout) => {
    const held = loaded({ etag });
    expect(filler.updated(held, { fields, restrictions: [] }) !== undefined).toBe(isAbout);
  });

  it('of another date speaks of another state', () => {
    const held = loaded({ 'last-modified': 'Sat, 01 Nov 2025 10:00:00 GMT' });
    const about = (modified: string) =>
      filler.updated(held, { fields: { 'last-modified': modified }, restrictions: [] });
    expect(about('Sat, 01 Nov 2025 10:00:00 GMT')).toBeDefined();
    expect(about('Sat, 01 Nov 2025 10:00:01 GMT')).toBeUndefined();
  });
});

describe('what is kept of the fields', () => {
  it('is what can be sent and has room; what decides over it stays', () => {
    const { fields = {} } =
      loaded({
        link: 'x'.repeat(3000),
        'content-language': 'de',
        'content-disposition': 'ü',
        vary: 'a',
        age: '1',
      }).loaded ?? {};
    expect(Object.keys(fields).toSorted()).toEqual(['content-language', 'date', 'etag']);
  });

  it('are no validators where those alone are too large: then nothing is asked of them', () => {
    const { fields = {} } =
      loaded({ etag: `"${'x'.repeat(3000)}"`, 'cache-control': 'max-age=5' }).loaded ?? {};
    expect(fields['etag']).toBeUndefined();
    expect(fields['cache-control']).toBe('max-age=5');
  });
});
