// What an answer lets a shared cache do with it (RFC 9111), for generated and for odd fields.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatHttpDate } from '../../src/origin/http-date.ts';
import {
  hasExplicitLifetime,
  storagePermission,
  strictest,
  type Fields,
  type StoragePermission,
} from '../../src/origin/storage.ts';

const nowMs = Date.UTC(2026, 0, 1, 12);
const after = (seconds: number): string => formatHttpDate(nowMs + seconds * 1000);
const permit = (cacheControl: string, more: Fields = {}, status = 200) =>
  storagePermission({ 'cache-control': cacheControl, ...more }, status, nowMs);
const allowed = (lifetimeSeconds: number | undefined, more: object = {}) => ({
  kind: 'allowed',
  lifetimeSeconds,
  ageSeconds: 0,
  revalidate: false,
  staleAllowed: true,
  staleWhileRevalidateSeconds: undefined,
  staleIfErrorSeconds: undefined,
  ...more,
});

const space = fc.constantFrom('', ' ', '\t', '   ');
const anyCase = (name: string) =>
  fc.array(fc.boolean(), { minLength: name.length, maxLength: name.length }).map((upper) =>
    Array.from(name)
      .map((letter, at) => (upper[at] ? letter.toUpperCase() : letter))
      .join(''),
  );
const lifetime = fc.integer({ min: 1, max: 2_000_000 });
const harmless = fc.constantFrom(
  'public',
  'immutable',
  'max-stale=5',
  'x="a, no-store"',
  'ext="private"',
  'no-transform',
  '',
  'no-storage',
);
const anything = fc.dictionary(
  fc.constantFrom('cache-control', 'cdn-cache-control', 'age', 'expires', 'date', 'vary'),
  fc.string({ unit: 'binary' }),
);

/** Directives with what the grammar allows around them. */
function list(directives: fc.Arbitrary<readonly string[]>): fc.Arbitrary<string> {
  return fc
    .tuple(directives, fc.infiniteStream(space))
    .map(([parts, spaces]) =>
      parts.map((part) => `${spaces.next().value}${part}${spaces.next().value}`).join(),
    );
}

describe('what an answer lets a cache do', () => {
  it('is told for whatever the fields hold, with no time below zero', () => {
    fc.assert(
      fc.property(anything, fc.integer({ min: 200, max: 599 }), (fields, status) => {
        const permission = storagePermission(fields, status, nowMs);
        if (permission.kind === 'forbidden') return;
        expect(permission.lifetimeSeconds ?? 0).toBeGreaterThanOrEqual(0);
        expect(permission.ageSeconds).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('is nothing where no-store or private stands anywhere, also in an element that is malformed', () => {
    const forbidding = fc
      .constantFrom(
        'no-store',
        'private',
        'private="x"',
        'no-store=1',
        'no-store x',
        'public; no-store',
        'a private',
      )
      .chain(anyCase);
    const others = fc.array(
      fc.oneof(
        harmless,
        lifetime.map((seconds) => `max-age=${seconds}`),
      ),
    );
    const directives = fc
      .tuple(others, forbidding, others)
      .map(([some, one, more]) => [...some, one, ...more]);
    fc.assert(
      fc.property(list(directives), (cacheControl) => {
        expect(permit(cacheControl).kind).toBe('forbidden');
      }),
    );
  });

  it('is never longer than the shortest lifetime that is given', () => {
    const given = fc.array(lifetime, { minLength: 1, maxLength: 4 });
    const withLifetimes = given.chain((seconds) => {
      const directives = seconds.map((value, at) =>
        at % 2 === 0 ? `max-age=${value}` : `max-age="${value}"`,
      );
      const all = fc.array(harmless).map((more) => [...more, ...directives]);
      return fc.tuple(fc.constant(Math.min(...seconds)), list(all));
    });
    fc.assert(
      fc.property(withLifetimes, fc.nat(3_000_000), ([shortest, cacheControl], age) => {
        expect(permit(cacheControl, { age: `${age}` })).toEqual(
          allowed(shortest, { ageSeconds: age, revalidate: age >= shortest }),
        );
      }),
    );
  });

  it.each([
    ['', allowed(undefined)],
    ['public, max-age=60', allowed(60)],
    ['MAX-AGE=60', allowed(60)],
    ['max-age=60, s-maxage=10', allowed(10, { staleAllowed: false })],
    ['s-maxage=600, max-age=60', allowed(600, { staleAllowed: false })],
    ['max-age=60, must-revalidate', allowed(60, { staleAllowed: false })],
    ['proxy-revalidate', allowed(undefined, { staleAllowed: false })],
    ['max-age=60, x="private"', allowed(60)],
    ['max-age=60, x="a\\", no-store, \\"b"', allowed(60)],
    ['max-age=99999999999999999999', allowed(2 ** 31)],
    ['max-age=60, no-cache', allowed(60, { revalidate: true, staleAllowed: false })],
    ['no-cache="set-cookie", max-age=60', allowed(60, { revalidate: true, staleAllowed: false })],
    ['max-age=60, stale-while-revalidate=30', allowed(60, { staleWhileRevalidateSeconds: 30 })],
    [
      'max-age=60, stale-while-revalidate=0, stale-if-error="9"',
      allowed(60, { staleWhileRevalidateSeconds: 0, staleIfErrorSeconds: 9 }),
    ],
    ['max-age=60, stale-if-error=soon', allowed(60, { staleIfErrorSeconds: 0 })],
    ['public; max-age=5', allowed(5)],
    ['max-age=60, no-store, must-understand', allowed(60)],
  ])('%j allows', (cacheControl, permission) => {
    expect(permit(cacheControl)).toEqual(permission);
  });

  it.each([
    'max-age=0',
    'max-age=-1',
    'max-age=1.5',
    'max-age=abc',
    'max-age',
    'max-age = 60',
    'max-age="60',
    's-maxage=0, max-age=60',
  ])('%j allows nothing without asking the origin again', (cacheControl) => {
    expect(permit(cacheControl)).toMatchObject({ kind: 'allowed', revalidate: true });
  });

  it.each([
    'no-store',
    'private',
    'must-revalidate; no-store',
    'public; private',
    'max-age=60, x="a, no-store',
  ])('%j forbids', (cacheControl) => {
    expect(permit(cacheControl).kind).toBe('forbidden');
  });

  it('says so where whoever asked the cache may not store it either', () => {
    expect(permit('private, no-store')).toMatchObject({ noStore: true });
    expect(permit('private')).not.toHaveProperty('noStore');
  });

  it('comes from Expires only where Cache-Control gives no lifetime', () => {
    expect(permit('', { expires: after(3600) })).toEqual(allowed(3600));
    expect(permit('', { expires: after(3600), date: after(600) })).toEqual(allowed(3000));
    expect(permit('max-age=60', { expires: after(3600) })).toEqual(allowed(60));
    expect(permit('', { expires: after(3600).toUpperCase() })).toEqual(allowed(3600));
    for (const expires of ['0', '-1', 'soon', after(0), after(-1), after(3600).replace('GMT', 'UTC')]) {
      expect(permit('', { expires })).toMatchObject({ lifetimeSeconds: 0, revalidate: true });
      expect(permit('max-age=60', { expires })).toEqual(allowed(60));
    }
  });

  it('knows how old the answer is, by its Age or by its Date, whichever says more', () => {
    const ages = fc.option(fc.nat(100_000), { nil: undefined });
    fc.assert(
      fc.property(ages, ages, (age, sinceDate) => {
        // A clock that is a few seconds behind says nothing of the answer's age.
        const bySeconds = sinceDate !== undefined && sinceDate > 10 ? sinceDate : 0;
        expect(
          permit('max-age=200000', {
            ...(age === undefined ? {} : { age: `${age}` }),
            ...(sinceDate === undefined ? {} : { date: after(-sinceDate) }),
          }),
        ).toMatchObject({ ageSeconds: Math.max(age ?? 0, bySeconds) });
      }),
    );
    for (const date of [after(3600), 'yesterday', ''])
      expect(permit('max-age=60', { date })).toEqual(allowed(60));
    for (const age of ['x', '-1', '1.5', '']) expect(permit('max-age=60', { age })).toEqual(allowed(60));
    expect(permit('max-age=60', { age: '7, 99' })).toMatchObject({ ageSeconds: 7 });
  });

  it('is nothing where the answer depends on more than can be named', () => {
    expect(permit('max-age=60', { vary: 'Accept, *' }).kind).toBe('forbidden');
    expect(permit('max-age=60', { vary: 'Accept' })).toEqual(allowed(60));
  });

  it.each([
    [[200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501], 'allowed'],
    [[201, 202, 206, 299, 302, 303, 307, 400, 403, 418, 500, 502, 503, 599], 'forbidden'],
  ] as const)('of %j without a lifetime is %s; with one, or public, it may be stored', (statuses, kind) => {
    for (const status of statuses) {
      expect(permit('', {}, status).kind).toBe(kind);
      expect(permit('max-age=60', {}, status)).toEqual(allowed(60));
      expect(permit('public', {}, status)).toEqual(allowed(undefined));
    }
  });

  it('is nothing of a status that must be understood and is not', () => {
    expect(permit('max-age=60, must-understand', {}, 299).kind).toBe('forbidden');
    expect(permit('max-age=60, no-store, must-understand', {}, 599).kind).toBe('forbidden');
  });

  it('is found at once also in a field made to take long', () => {
    // Were it by the square of the length, this would take hours.
    const spaces = ' '.repeat(1_000_000);
    for (const field of [`a${spaces}b`, `a=${spaces}b`]) expect(permit(field)).toEqual(allowed(undefined));
    for (const part of ['"\\', 'a=', '"', '\\"', 'a =', ',;']) {
      const field = part.repeat(500_000);
      expect(permit(field, { 'cdn-cache-control': field }).kind).toBe('forbidden');
    }
  });
});

describe('CDN-Cache-Control', () => {
  const cdn = (field: string, cacheControl = 'max-age=60') =>
    permit(cacheControl, { 'cdn-cache-control': field });

  it.each([
    ['max-age=600', allowed(600)],
    ['max-age=600;foo=bar, must-revalidate', allowed(600, { staleAllowed: false })],
    ['must-revalidate=?0, max-age=600', allowed(600)],
    ['foobar, max-age=600', allowed(600)],
    ['max-age=10, max-age=600', allowed(600)],
    ['max-age=0', allowed(0, { revalidate: true })],
  ])('%j goes before Cache-Control and Expires', (field, permission) => {
    expect(cdn(field)).toEqual(permission);
    expect(permit('no-store', { 'cdn-cache-control': field, expires: after(-60) })).toEqual(permission);
  });

  it.each([
    '',
    'max-age =600',
    'max-age= 600',
    'MAX-AGE=600',
    'max-age=600,',
    'max-age=600;',
    '=',
    'a b',
    '"x"',
  ])('%j is no dictionary, and as if it were not there', (field) => {
    expect(cdn(field)).toEqual(allowed(60));
  });

  it('forbids what it forbids, also where it is malformed', () => {
    for (const field of ['no-store', 'private', 'max-age=600, No-Store;;', 'a b private']) {
      expect(cdn(field).kind, field).toBe('forbidden');
    }
  });
});

describe('a chain of redirects', () => {
  const permissions: fc.Arbitrary<StoragePermission> = fc
    .tuple(
      fc.constantFrom('', 'no-store', 'private', 'no-cache', 'must-revalidate', 'stale-if-error=5'),
      fc.option(fc.nat(1000)),
      fc.nat(500),
    )
    .map(([directive, seconds, age]) =>
      permit([directive, seconds === null ? '' : `max-age=${seconds}`].join(), { age: `${age}` }),
    );
  const leftOf = (of: StoragePermission): number =>
    of.kind === 'forbidden' ? -Infinity : (of.lifetimeSeconds ?? Infinity) - of.ageSeconds;

  it('allows what its strictest link allows', () => {
    fc.assert(
      fc.property(fc.array(permissions, { maxLength: 3 }), permissions, (chain, end) => {
        const result = strictest(chain, end);
        const all = [...chain, end];
        expect(leftOf(result)).toBe(Math.min(...all.map(leftOf)));
        if (result.kind === 'forbidden') return;
        const links = all.filter((link) => link.kind === 'allowed');
        expect(result.revalidate).toBe(links.some(({ revalidate }) => revalidate));
        expect(result.staleAllowed).toBe(links.every(({ staleAllowed }) => staleAllowed));
      }),
    );
  });
});

it('a lifetime is explicit where Cache-Control, CDN-Cache-Control or Expires gives one', () => {
  expect(hasExplicitLifetime({ 'cache-control': 'max-age=1' }, nowMs)).toBe(true);
  expect(hasExplicitLifetime({ 'cdn-cache-control': 'max-age=1' }, nowMs)).toBe(true);
  expect(hasExplicitLifetime({ expires: after(1) }, nowMs)).toBe(true);
  for (const cacheControl of ['', 'public', 'max-age=0', 'max-age=x']) {
    expect(hasExplicitLifetime({ 'cache-control': cacheControl }, nowMs)).toBe(false);
  }
});
