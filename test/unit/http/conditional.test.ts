import { describe, expect, it } from 'vitest';
import { isMatch, isNotModified, isUnmodified, writeCondition } from '../../../src/http/conditional.ts';
import type { TagCondition } from '../../../src/cache/tier.ts';
import { requestOf } from '../../support/call-handler.ts';

const conditionOf = (ifMatch: string | null, ifNoneMatch: string | null): TagCondition =>
  writeCondition(
    requestOf({
      headers: {
        ...(ifMatch === null ? {} : { 'if-match': ifMatch }),
        ...(ifNoneMatch === null ? {} : { 'if-none-match': ifNoneMatch }),
      },
    }),
  );
const isMalformed = expect.objectContaining({ code: 'invalid-header' }) as Error;

describe('If-None-Match of a read', () => {
  it.each([
    ['"abc"', true],
    ['W/"abc"', true],
    ['"x", "abc"', true],
    ['"x" ,W/"abc" , "y"', true],
    ['*', true],
    // Empty elements are passed over: RFC 9110, section 5.6.1.2.
    ['"x", , "abc"', true],
    [',,"abc" ,', true],
    ['"abd"', false],
    [',', false],
    ['"x" "abc"', false],
    ['"x", "y"', false],
    ['abc', false],
    ['"abc" "x"', false],
    ['', false],
  ])('%s', (field, notModified) => {
    expect(isNotModified(field, '"abc"')).toBe(notModified);
  });

  it('is optional', () => {
    expect(isNotModified(null, '"abc"')).toBe(false);
  });
});

describe('If-Modified-Since of a read', () => {
  const nowMs = Date.UTC(2026, 10, 26);
  const earlier = 'Wed, 25 Nov 2026 12:00:00 GMT';
  const later = 'Wed, 25 Nov 2026 12:00:01 GMT';

  it.each([
    [earlier, earlier, true],
    [later, earlier, true],
    [earlier, later, false],
    ['yesterday', earlier, false],
    [null, earlier, false],
    [earlier, undefined, false],
  ])('%s, of what was changed %s: %s', (since, modified, unmodified) => {
    expect(isUnmodified(since, modified, nowMs)).toBe(unmodified);
  });
});

describe('If-Match of a read', () => {
  it.each([
    ['"abc"', true],
    ['"x",, "abc"', true],
    ['*', true],
    ['W/"abc"', false],
    ['"x"', false],
    ['abc', false],
    ['', false],
  ])('%s', (field, matches) => {
    expect(isMatch(field, '"abc"')).toBe(matches);
  });

  it('is optional', () => {
    expect(isMatch(null, '"abc"')).toBe(true);
  });
});

describe('the condition of a write', () => {
  it.each([
    [null, null, { kind: 'none', etags: [] }],
    ['"abc"', null, { kind: 'match', etags: ['abc'] }],
    ['"abc", "def"', null, { kind: 'match', etags: ['abc', 'def'] }],
    ['*', null, { kind: 'match', etags: ['*'] }],
    [null, '*', { kind: 'none-match', etags: ['*'] }],
    [null, 'W/"abc", "def"', { kind: 'none-match', etags: ['abc', 'def'] }],
    [' "abc" , ,, "def",', null, { kind: 'match', etags: ['abc', 'def'] }],
    // The tag of a decoded representation may be that of the entry, or a tag that ends so.
    ['"abc--decoded"', null, { kind: 'match', etags: ['abc--decoded', 'abc'] }],
    ['"abc--gzipped"', null, { kind: 'match', etags: ['abc--gzipped', 'abc'] }],
  ])('If-Match %s, If-None-Match %s', (ifMatch, ifNoneMatch, expected) => {
    expect(conditionOf(ifMatch, ifNoneMatch)).toEqual(expected);
  });

  it('never matches a weak tag', () => {
    expect(conditionOf('W/"abc"', null)).toEqual({ kind: 'match', etags: [] });
  });

  it.each([
    ['"abc"', '*'],
    ['*', '"abc"'],
    ['"abc"', '"def"'],
  ])('is not two: If-Match %s, If-None-Match %s', (ifMatch, ifNoneMatch) => {
    expect(() => conditionOf(ifMatch, ifNoneMatch)).toThrow(isMalformed);
  });

  it.each(['abc', '"abc', '', ',', ' , ,', '"a" "b"', '"a", b', 'W/abc', '*, "a"'])(
    'does not pass over a malformed field: %s',
    (field) => {
      expect(() => conditionOf(field, null)).toThrow(isMalformed);
      expect(() => conditionOf(null, field)).toThrow(isMalformed);
    },
  );
});
