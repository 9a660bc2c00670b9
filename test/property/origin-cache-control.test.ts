import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  parseHttpDate,
  readRetryAfter,
  renewedPermission,
  storagePermission,
} from '../../src/origin/cache-control.ts';
import { conditionalHeader, readValidators } from '../../src/origin/validators.ts';

const nowMs = Date.UTC(2026, 0, 1, 12);
const httpDate = (ms: number): string => new Date(ms).toUTCString();
const permit = (cacheControl: string, more: object = {}) =>
  storagePermission({ cacheControl, ...more }, nowMs);
const allowed = (maxAgeSeconds: number | undefined, staleAllowed = true) => ({
  kind: 'allowed',
  maxAgeSeconds,
  staleAllowed,
});

const space = fc.constantFrom('', ' ', '\t', '   ');
const anyCase = (name: string) =>
  fc.array(fc.boolean(), { minLength: name.length, maxLength: name.length }).map((upper) =>
    name
      .split('')
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
const fields = fc.record(
  {
    cacheControl: fc.string({ unit: 'binary' }),
    age: fc.string(),
    expires: fc.string(),
    date: fc.string(),
    vary: fc.string(),
  },
  { requiredKeys: [] },
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
  it('is told for whatever the fields hold, with a lifetime above zero', () => {
    fc.assert(
      fc.property(fields, (some) => {
        const permission = storagePermission(some, nowMs);
        if (permission.kind === 'allowed') expect(permission.maxAgeSeconds ?? 1).toBeGreaterThan(0);
      }),
    );
  });

  it('is nothing where any directive forbids it, wherever that stands', () => {
    const forbidding = fc
      .constantFrom(
        'no-store',
        'no-cache',
        'private',
        'private="x"',
        'no-cache="a, b"',
        'no-store=1',
        'no-store x',
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

  it('is never longer than the shortest lifetime that is given, less its age', () => {
    const given = fc.array(lifetime, { minLength: 1, maxLength: 4 });
    const withLifetimes = given.chain((seconds) => {
      const directives = seconds.flatMap((value, at) => [
        at % 2 === 0 ? `max-age=${value}` : `max-age="${value}"`,
      ]);
      const all = fc.array(harmless).map((more) => [...more, ...directives]);
      return fc.tuple(fc.constant(Math.min(...seconds)), list(all));
    });
    fc.assert(
      fc.property(withLifetimes, fc.option(fc.nat(3_000_000)), ([shortest, cacheControl], age) => {
        const left = shortest - (age ?? 0);
        const permission = permit(cacheControl, age === null ? {} : { age: `${age}` });
        if (left > 0) expect(permission).toEqual(allowed(left));
        else expect(permission.kind).toBe('forbidden');
      }),
    );
  });

  it.each([
    ['', allowed(undefined)],
    ['public, max-age=60', allowed(60)],
    ['MAX-AGE = 60', allowed(60)],
    ['max-age=60, s-maxage=10', allowed(10, false)],
    ['s-maxage=600, max-age=60', allowed(600, false)],
    ['max-age=60, must-revalidate', allowed(60, false)],
    ['proxy-revalidate', allowed(undefined, false)],
    ['max-age=60, x="private"', allowed(60)],
    ['max-age=60, x="a\\", no-store, \\"b"', allowed(60)],
    ['max-age=99999999999999999999', allowed(2 ** 31)],
  ])('%j allows', (cacheControl, permission) => {
    expect(permit(cacheControl)).toEqual(permission);
  });

  it.each([
    'no-store',
    'max-age=60, no-cache',
    'private',
    'max-age=0',
    'max-age=-1',
    'max-age=1.5',
    'max-age=abc',
    'max-age',
    'max-age="60',
    's-maxage=0, max-age=60',
    'max-age=60, x="a, no-store',
  ])('%j forbids', (cacheControl) => {
    expect(permit(cacheControl).kind).toBe('forbidden');
  });

  it('comes from Expires only where Cache-Control gives no lifetime', () => {
    const inAnHour = { expires: httpDate(nowMs + 3_600_000) };
    expect(permit('', inAnHour)).toEqual(allowed(3600));
    expect(permit('', { ...inAnHour, date: httpDate(nowMs + 600_000) })).toEqual(allowed(3000));
    expect(permit('max-age=60', inAnHour)).toEqual(allowed(60));
    for (const expires of ['0', '-1', 'soon', httpDate(nowMs), httpDate(nowMs - 1000)]) {
      expect(permit('', { expires }).kind).toBe('forbidden');
      expect(permit('max-age=60', { expires })).toEqual(allowed(60));
    }
  });

  it('is less by what the answer is old, by its Age or by its Date, whichever says more', () => {
    const ages = fc.option(fc.nat(100_000), { nil: undefined });
    fc.assert(
      fc.property(lifetime, ages, ages, (seconds, age, sinceDate) => {
        // A clock that is a few seconds behind says nothing of the answer's age.
        const bySeconds = sinceDate !== undefined && sinceDate > 10 ? sinceDate : 0;
        const left = seconds - Math.max(age ?? 0, bySeconds);
        const permission = permit(`max-age=${seconds}`, {
          age: age === undefined ? undefined : `${age}`,
          date: sinceDate === undefined ? undefined : httpDate(nowMs - sinceDate * 1000),
        });
        if (left > 0) expect(permission).toEqual(allowed(left));
        else expect(permission.kind).toBe('forbidden');
      }),
    );
    // An hour old: ten of its 70 minutes are left.
    const hourOld = { date: httpDate(nowMs - 3_600_000), expires: httpDate(nowMs + 600_000) };
    expect(permit('', hourOld)).toEqual(allowed(600));
    for (const date of [httpDate(nowMs + 3_600_000), 'yesterday', '']) {
      expect(permit('max-age=60', { date })).toEqual(allowed(60));
    }
  });

  it('is nothing where the answer depends on more than can be named', () => {
    expect(permit('max-age=60', { vary: 'Accept, *' }).kind).toBe('forbidden');
    expect(permit('max-age=60', { vary: 'Accept' })).toEqual(allowed(60));
  });

  it('is what came with the body where a 304 does not repeat it', () => {
    expect(renewedPermission({}, nowMs)).toBeUndefined();
    expect(renewedPermission({ vary: 'Accept', age: '5', date: httpDate(nowMs) }, nowMs)).toBeUndefined();
    expect(renewedPermission({ vary: '*' }, nowMs)).toMatchObject({ kind: 'forbidden' });
    expect(renewedPermission({ cacheControl: 'public' }, nowMs)).toEqual(allowed(undefined));
    expect(renewedPermission({ expires: httpDate(nowMs + 60_000) }, nowMs)).toEqual(allowed(60));
  });

  it('is found at once also in a field made to take long', () => {
    // Were it by the square of the length, this would take hours.
    const spaces = ' '.repeat(1_000_000);
    for (const field of [`a${spaces}b`, `a=${spaces}b`]) expect(permit(field)).toEqual(allowed(undefined));
  });
});

describe('times', () => {
  it('in any form of an HTTP date are read to the second', () => {
    const years = { min: new Date('1970-01-01T00:00:00Z'), max: new Date('2069-12-31T23:59:59Z') };
    fc.assert(
      fc.property(fc.date({ ...years, noInvalidDate: true }), (date) => {
        const ms = Math.floor(date.getTime() / 1000) * 1000;
        const [day = '', dayOfMonth = '', month = '', year = '', time = ''] = httpDate(ms).split(/,? /u);
        expect(parseHttpDate(httpDate(ms))).toBe(ms);
        expect(parseHttpDate(` ${httpDate(ms)} `)).toBe(ms);
        expect(parseHttpDate(`${day} ${month} ${dayOfMonth.replace(/^0/u, ' ')} ${time} ${year}`)).toBe(ms);
      }),
    );
    expect(parseHttpDate('Sunday, 06-Nov-94 08:49:37 GMT')).toBe(Date.UTC(1994, 10, 6, 8, 49, 37));
  });

  it.each(['', '0', '60', '2026-01-01', '2026-01-01T00:00:00Z', 'Thu, 99 Jan 2026 00:00:00 GMT', 'now'])(
    'that are none: %j',
    (text) => {
      expect(parseHttpDate(text)).toBeUndefined();
    },
  );

  it('to ask again are from now to an hour, or unknown', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.nat().map(String), fc.date().map(String)), (field) => {
        const seconds = readRetryAfter(field, nowMs) ?? 0;
        expect(seconds).toBeGreaterThanOrEqual(0);
        expect(seconds).toBeLessThanOrEqual(3600);
      }),
    );
    expect(readRetryAfter('120', nowMs)).toBe(120);
    expect(readRetryAfter(httpDate(nowMs + 30_000), nowMs)).toBe(30);
    expect(readRetryAfter(httpDate(nowMs - 30_000), nowMs)).toBe(0);
    expect(readRetryAfter('86400', nowMs)).toBe(3600);
    for (const field of [undefined, '', '-1', '1.5', 'soon'])
      expect(readRetryAfter(field, nowMs)).toBeUndefined();
  });
});

describe('validators', () => {
  const tagLike = fc
    .tuple(
      fc.constantFrom('W/', ''),
      fc.array(fc.constantFrom('a', 'b', ' ', '\r\n', '\0', '"', ',', 'ÿ', '鍵')),
    )
    .map(([weak, characters]) => `${weak}"${characters.join('')}"`);

  it('never become a header that says more than they do', () => {
    fc.assert(
      fc.property(tagLike, fc.string(), (tag, date) => {
        const { validator } = readValidators(tag, date);
        for (const value of Object.values({ ...conditionalHeader(tag), ...conditionalHeader(validator) })) {
          expect(value).toMatch(/^[\u0020-\u007E\u0080-\u00FF]+$/u);
        }
      }),
    );
  });

  it.each([
    ['"v1"', { etag: 'v1', validator: '"v1"' }],
    ['W/"v1"', { etag: undefined, validator: 'W/"v1"' }],
    ['""', { etag: '', validator: '""' }],
    ['v1', { etag: undefined, validator: undefined }],
    ['"v1', { etag: undefined, validator: undefined }],
    ['"a"b"', { etag: undefined, validator: undefined }],
    ['"a b"', { etag: undefined, validator: undefined }],
    ['w/"v1"', { etag: undefined, validator: undefined }],
  ])('of %j', (tag, validators) => {
    expect(readValidators(tag, undefined)).toEqual(validators);
  });

  it('are the date where there is no tag, and then ask by the date', () => {
    const date = httpDate(nowMs);
    expect(readValidators(undefined, date)).toEqual({ etag: undefined, validator: date });
    expect(readValidators('"v1"', date).validator).toBe('"v1"');
    expect(readValidators(undefined, 'yesterday').validator).toBeUndefined();
    expect(conditionalHeader(date)).toEqual({ 'If-Modified-Since': date });
    expect(conditionalHeader('W/"v1"')).toEqual({ 'If-None-Match': 'W/"v1"' });
    expect(conditionalHeader('v1')).toEqual({});
    expect(conditionalHeader(undefined)).toEqual({});
  });
});
