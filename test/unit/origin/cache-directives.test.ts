import { describe, expect, it } from 'vitest';
import {
  longestSeconds,
  readDirectives,
  readTargetedDirectives,
  secondsOf,
  wholeSeconds,
} from '../../../src/origin/cache-directives.ts';

const read = (field: string | undefined): unknown => Object.fromEntries(readDirectives(field));
const readTargeted = (field: string | undefined): unknown => {
  const directives = readTargetedDirectives(field);
  return directives && Object.fromEntries(directives);
};

describe('Cache-Control', () => {
  it.each([
    [undefined, {}],
    ['', {}],
    ['max-age=60, Public', { 'max-age': ['60'], public: [''] }],
    ['max-age="60"', { 'max-age': ['60'] }],
    [String.raw`private="a\"b, c"`, { private: ['a"b, c'] }],
    ['max-age=1, max-age=2', { 'max-age': ['1', '2'] }],
    ['public no-store', { public: [''], 'no-store': [''] }],
    ['max-age = 60', { 'max-age': [''], '60': [''] }],
    ['max-age="60', { 'max-age': [''], '60': [''] }],
    [',,', {}],
  ])('reads %j', (field, expected) => {
    expect(read(field)).toEqual(expected);
  });

  it('that is absurdly long forbids to store', () => {
    expect(read('x'.repeat(5000))).toEqual({ 'no-store': [''] });
  });

  it('is read in time, however it is made', () => {
    const before = process.cpuUsage();
    for (const field of [' '.repeat(16_000), `a${'="'.repeat(2000)}`, '"'.repeat(4000), 'a,'.repeat(2000)]) {
      read(field);
      readTargeted(field);
    }
    // Of the processor: whatever else the machine does is nobody's time here.
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(500);
  });
});

describe('a lifetime', () => {
  it('is the shortest of several, none left where one is no number, and undefined where there is none', () => {
    expect(secondsOf(readDirectives('max-age=9, max-age=3'), 'max-age')).toBe(3);
    expect(secondsOf(readDirectives('max-age=9, max-age=x'), 'max-age')).toBe(0);
    expect(secondsOf(readDirectives('public'), 'max-age')).toBeUndefined();
  });

  it.each([
    ['60', 60],
    [' 60 ', 60],
    ['99999999999999', longestSeconds],
    ['-1', undefined],
    ['1.5', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('of %j is %j seconds', (text, expected) => {
    expect(wholeSeconds(text)).toBe(expected);
  });
});

describe('CDN-Cache-Control', () => {
  it.each([
    [undefined, undefined],
    ['  ', undefined],
    ['x'.repeat(5000), undefined],
    ['max-age=60, no-store', { 'max-age': ['60'], 'no-store': [''] }],
    ['no-store=?0', {}],
    ['no-store, no-store=?0', {}],
    ['public=?1', { public: [''] }],
    ['max-age=60;a=1;b', { 'max-age': ['60'] }],
    ['max-age=1, max-age=2', { 'max-age': ['2'] }],
    ['Max-Age=60', undefined],
    ['max-age = 60', undefined],
    ['a,,b', undefined],
    [',a', undefined],
    ['a,', undefined],
  ])('reads %j', (field, expected) => {
    expect(readTargeted(field)).toEqual(expected);
  });
});
