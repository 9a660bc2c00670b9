import { describe, expect, it } from 'vitest';
import type { CacheAnswer, Forwarded } from '../../../src/cache/answer.ts';
import { newEntry, type Entry, type NotStored } from '../../../src/cache/entry.ts';
import { cacheStatus, freshnessHeaders } from '../../../src/http/cache-headers.ts';
import { AppError } from '../../../src/util/errors.ts';

const nowMs = Date.UTC(2026, 10, 26);
const entry = newEntry(Buffer.from('x'), 'text/plain', nowMs - 10_500, 60.7);
const foreign: Entry = { ...entry, freshness: undefined };
const fromOrigin = (status: number, notStored?: NotStored, revalidate = false): Entry => ({
  ...(notStored === undefined ? entry : foreign),
  loaded: {
    status,
    codings: [],
    fields: {},
    isWeak: false,
    loadMs: 1,
    revalidate,
    staleAllowed: true,
    staleWhileRevalidateSeconds: 0,
    staleIfErrorSeconds: 0,
    keptMs: 1,
    ...(notStored === undefined ? {} : { notStored }),
  },
});
const loaded = (one: Entry, more: Partial<Forwarded> = {}): CacheAnswer => ({
  kind: 'loaded',
  entry: one,
  forwarded: { why: 'miss', status: 200, stored: true, collapsed: false, ...more },
});
const error = new AppError('redis-unavailable', 'No connection.');
const noStore: NotStored = { reason: 'say "no" — \\', noStore: true };
const tooOld: NotStored = { reason: 'too old' };

describe('Cache-Status', () => {
  const cases: readonly (readonly [CacheAnswer, string])[] = [
    [{ kind: 'hit', entry, stale: false }, 'hit; ttl=50'],
    [{ kind: 'hit', entry: foreign, stale: false }, 'hit'],
    [{ kind: 'hit', entry, stale: true }, 'hit; ttl=50; detail=stale'],
    [
      { kind: 'hit', entry, stale: true, despite: 'origin-failed' },
      'fwd=stale; ttl=50; detail=origin-failed',
    ],
    [loaded(entry), 'fwd=miss; fwd-status=200; stored; ttl=50'],
    [loaded(entry, { collapsed: true, stored: false }), 'fwd=miss; fwd-status=200; collapsed; ttl=50'],
    [loaded(entry, { status: undefined }), 'fwd=miss; fwd-status=200; stored; ttl=50'],
    [loaded(fromOrigin(404), { status: undefined }), 'fwd=miss; fwd-status=404; stored; ttl=50'],
    [
      loaded(entry, { why: 'bypass' }),
      'fwd=bypass; fwd-status=200; stored; ttl=50; detail=cache-unavailable',
    ],
    [loaded(fromOrigin(200, noStore), { stored: false }), 'fwd=miss; fwd-status=200; detail="say ?no? ? ?"'],
    [{ kind: 'miss', origin: undefined }, 'fwd=miss'],
    [{ kind: 'miss', origin: 'asked' }, 'fwd=miss; fwd-status=404'],
    [{ kind: 'miss', origin: 'remembered' }, 'hit; detail=negative'],
    [{ kind: 'miss', origin: 'bypass' }, 'fwd=bypass; fwd-status=404; detail=cache-unavailable'],
    [{ kind: 'wrong-type' }, 'detail=wrong-type'],
    [{ kind: 'stored-value-too-large' }, 'detail=stored-value-too-large'],
    [{ kind: 'answer-too-large' }, 'detail=answer-too-large'],
    [{ kind: 'overloaded' }, 'detail=overloaded'],
    [{ kind: 'unavailable', error }, 'fwd=bypass; detail=cache-unavailable'],
    [{ kind: 'origin-failed', error }, 'fwd=miss; detail=origin-failed'],
    [{ kind: 'origin-pending', error }, 'fwd=miss; detail=origin-pending'],
  ];
  it.each(cases)('%#: %j', (answer, expected) => {
    expect(cacheStatus(answer, nowMs)).toBe(`redis-entra-functions; ${expected}`);
  });
});

describe('Cache-Control and Age', () => {
  it.each([
    ['an entry', entry, 'private, max-age=60', '10'],
    [
      'an entry of a clock that is ahead',
      newEntry(Buffer.from('x'), 'a/b', nowMs + 5000, 60),
      'private, max-age=60',
      '0',
    ],
    ['a string that somebody else wrote', foreign, 'private, no-cache', '0'],
    ['what must be validated each time', fromOrigin(200, undefined, true), 'private, no-cache', '10'],
    ['what may not be stored', fromOrigin(200, noStore), 'no-store', '0'],
    ['a refusal that is not stored', fromOrigin(403, tooOld), 'no-store', '0'],
    ['a value that is not stored', fromOrigin(200, tooOld), 'private, no-cache', '0'],
  ])('of %s', (_what, one, cacheControl, age) => {
    expect(freshnessHeaders(one, nowMs)).toEqual({ 'Cache-Control': cacheControl, Age: age });
  });
});
