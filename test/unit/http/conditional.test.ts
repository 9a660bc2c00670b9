import { describe, expect, it } from 'vitest';
import { isMatch, isNotModified, writeCondition } from '../../../src/http/conditional.ts';

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
  ])('If-Match %s, If-None-Match %s', (ifMatch, ifNoneMatch, expected) => {
    expect(writeCondition(ifMatch, ifNoneMatch)).toEqual(expected);
  });

  it('never matches a weak tag', () => {
    expect(writeCondition('W/"abc"', null)).toEqual({ kind: 'match', etags: [] });
  });

  it.each([
    ['"abc"', '*'],
    ['*', '"abc"'],
    ['"abc"', '"def"'],
  ])('is not two: If-Match %s, If-None-Match %s', (ifMatch, ifNoneMatch) => {
    expect(writeCondition(ifMatch, ifNoneMatch)).toBe('malformed');
  });

  it.each(['abc', '"abc', '', ',', ' , ,', '"a" "b"', '"a", b', 'W/abc', '*, "a"'])(
    'does not pass over a malformed field: %s',
    (field) => {
      expect(writeCondition(field, null)).toBe('malformed');
      expect(writeCondition(null, field)).toBe('malformed');
    },
  );
});
