import { describe, expect, it } from 'vitest';
import { isNotModified, writeCondition } from '../../src/http/conditional.ts';

describe('If-None-Match of a read', () => {
  it.each([
    ['"abc"', true],
    ['W/"abc"', true],
    ['"x", "abc"', true],
    ['"x" ,W/"abc" , "y"', true],
    ['*', true],
    ['"abd"', false],
    ['"x", "y"', false],
    ['abc', false],
    ['"abc" "x"', false],
    ['', false],
  ])('%s', (field, notModified) => {
    expect(isNotModified(field, 'abc')).toBe(notModified);
  });

  it('is optional', () => {
    expect(isNotModified(null, 'abc')).toBe(false);
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
    ['"abc"', '*', { kind: 'match', etags: ['abc'] }],
  ])('If-Match %s, If-None-Match %s', (ifMatch, ifNoneMatch, expected) => {
    expect(writeCondition(ifMatch, ifNoneMatch)).toEqual(expected);
  });

  it('never matches a weak tag', () => {
    expect(writeCondition('W/"abc"', null)).toEqual({ kind: 'match', etags: [] });
  });

  it.each(['abc', '"abc', '', '"a" "b"', 'W/abc', '*, "a"'])(
    'does not pass over a malformed field: %s',
    (field) => {
      expect(writeCondition(field, null)).toBe('malformed');
      expect(writeCondition(null, field)).toBe('malformed');
    },
  );
});
