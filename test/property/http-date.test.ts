// HTTP dates, against what the grammar of RFC 9110, section 5.6.7, generates.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatHttpDate, parseHttpDate } from '../../src/origin/http-date.ts';
import { readRetryAfter } from '../../src/origin/retry-after.ts';

const nowMs = Date.UTC(2026, 0, 1, 12);
const read = (text: string | undefined) => parseHttpDate(text, nowMs);
const longDays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const anySecond = (from: string, to: string) =>
  fc
    .date({ min: new Date(from), max: new Date(to), noInvalidDate: true })
    .map((date) => Math.floor(date.getTime() / 1000) * 1000);

/** The three forms of one moment. */
function formsOf(ms: number): { readonly fixed: string; readonly rfc850: string; readonly asctime: string } {
  const fixed = formatHttpDate(ms);
  const [day = '', date = '', month = '', year = '', time = ''] = fixed.split(/,? /u);
  const longDay = longDays[new Date(ms).getUTCDay()] ?? '';
  return {
    fixed,
    rfc850: `${longDay}, ${date}-${month}-${year.slice(2)} ${time} GMT`,
    asctime: `${day} ${month} ${date.replace(/^0/u, ' ')} ${time} ${year}`,
  };
}

describe('HTTP dates', () => {
  it('are read to the second in all three forms, in any letter case, with white space around', () => {
    // Where two digits name the year without doubt: 50 years either way.
    fc.assert(
      fc.property(anySecond('1977-01-01T00:00:00Z', '2075-12-31T23:59:59Z'), fc.boolean(), (ms, lower) => {
        for (const form of Object.values(formsOf(ms))) {
          expect(read(lower ? form.toLowerCase() : form)).toBe(ms);
          expect(read(` ${form.toUpperCase()}\t`)).toBe(ms);
        }
      }),
    );
    fc.assert(
      fc.property(anySecond('0000-01-01T00:00:00Z', '9999-12-31T23:59:59Z'), (ms) => {
        const { fixed, asctime } = formsOf(ms);
        expect(read(fixed)).toBe(ms);
        expect(read(asctime)).toBe(ms);
      }),
    );
  });

  it('with a two-digit year are at most 50 years ahead', () => {
    expect(read('Sunday, 06-Nov-94 08:49:37 GMT')).toBe(Date.UTC(1994, 10, 6, 8, 49, 37));
    expect(read('Wednesday, 01-Jan-76 12:00:00 GMT')).toBe(Date.UTC(2076, 0, 1, 12));
    expect(read('Wednesday, 01-Jan-76 12:00:01 GMT')).toBe(Date.UTC(1976, 0, 1, 12, 0, 1));
    expect(parseHttpDate('Monday, 01-Jan-01 00:00:00 GMT', Date.UTC(2099, 5, 1))).toBe(Date.UTC(2101, 0, 1));
  });

  it('may be a leap second, and must exist', () => {
    expect(read('Sat, 31 Dec 2016 23:59:60 GMT')).toBe(Date.UTC(2017, 0, 1));
    expect(read('Thu, 29 Feb 2024 00:00:00 GMT')).toBe(Date.UTC(2024, 1, 29));
    for (const text of [
      'Sun, 29 Feb 2026 00:00:00 GMT',
      'Thu, 00 Jan 2026 00:00:00 GMT',
      'Thu, 99 Jan 2026 00:00:00 GMT',
      'Thu, 01 Jan 2026 24:00:00 GMT',
      'Thu, 01 Jan 2026 00:60:00 GMT',
      'Thu, 01 Jan 2026 00:00:61 GMT',
    ])
      expect(read(text), text).toBeUndefined();
  });

  it.each([
    '',
    '0',
    '60',
    'now',
    '2026-01-01',
    '2026-01-01T00:00:00Z',
    'Thu, 01 Jan 2026 00:00:00 UTC',
    'Thu, 01 Jan 2026 00:00:00 +0000',
    'Thu, 01 Jan 2026 00:00:00',
    'Thu, 1 Jan 2026 00:00:00 GMT',
    'Thu 01 Jan 2026 00:00:00 GMT',
    'Foo, 01 Jan 2026 00:00:00 GMT',
    'Thu, 01 Foo 2026 00:00:00 GMT',
    'Thu, 01  Jan 2026 00:00:00 GMT',
  ])('are not %j', (text) => {
    expect(read(text)).toBeUndefined();
  });

  it('are found, or not, in whatever a field holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const ms = read(text);
        if (ms !== undefined) expect(Number.isFinite(ms)).toBe(true);
      }),
    );
  });
});

describe('times to ask again', () => {
  it('are from now to an hour, or unknown', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.nat().map(String), fc.date().map(String)), (field) => {
        const seconds = readRetryAfter(field, nowMs) ?? 0;
        expect(seconds).toBeGreaterThanOrEqual(0);
        expect(seconds).toBeLessThanOrEqual(3600);
      }),
    );
    expect(readRetryAfter('120', nowMs)).toBe(120);
    expect(readRetryAfter(formatHttpDate(nowMs + 30_000), nowMs)).toBe(30);
    expect(readRetryAfter(formatHttpDate(nowMs - 30_000), nowMs)).toBe(0);
    expect(readRetryAfter('86400', nowMs)).toBe(3600);
    for (const field of [undefined, '', '-1', '1.5', 'soon']) {
      expect(readRetryAfter(field, nowMs)).toBeUndefined();
    }
  });
});
