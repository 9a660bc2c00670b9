import { describe, expect, it } from 'vitest';
import { anybody, checkPrefixes } from '../../../../src/http/callers/caller.ts';
import { prefixesFaults, prefixesOf } from '../../../../src/http/callers/prefixes.ts';
import type { Problem } from '../../../../src/http/problem.ts';
import { callerId } from '../../../support/caller-tokens.ts';

const other = callerId.replace('0b1e', '0b1f');
const identity = (objectId: string, ...roles: readonly string[]) => ({ objectId, clientId: 'x', roles });

describe('the prefixes of a caller', () => {
  const of = prefixesOf({
    [callerId.toUpperCase()]: 'own/',
    'Team.Shop': 'shop/',
    'Team.Web': 'web/',
    'Cache.Admin': '',
  });

  it('are that of its object id, or else those of all its roles', () => {
    expect(of(identity(callerId))).toEqual(['own/']);
    expect(of(identity(callerId, 'Team.Shop', 'Cache.Admin'))).toEqual(['own/']);
    expect(of(identity(other, 'Cache.Read', 'Team.Shop', 'Team.Web'))).toEqual(['shop/', 'web/']);
    expect(of(identity(other, 'team.shop'))).toBeUndefined();
  });

  it('are none for whom nothing names, and for the empty one', () => {
    expect(of(identity(other, 'Cache.Read'))).toBeUndefined();
    expect(of(identity(other, 'Team.Shop', 'Cache.Admin'))).toBeUndefined();
    expect(prefixesOf()(identity(callerId))).toBeUndefined();
    expect(prefixesOf({ constructor: 'x/' })(identity(other, 'toString', '__proto__'))).toBeUndefined();
  });

  it.each([
    [null],
    ['shop/'],
    [['shop/']],
    [{ 'a role': 'shop/' }],
    [{ [callerId]: 'a/', [callerId.toUpperCase()]: 'b/' }],
    [Object.fromEntries(Array.from({ length: 1001 }, (_, n) => [`Role.${n}`, 'a/']))],
  ])('are refused as a whole where they are %j', (value) => {
    expect(prefixesFaults(value).map(({ at }) => at)).toEqual(['']);
  });

  it('are refused one by one', () => {
    const value = { ok: 'a/', number: 1, control: 'a\n', long: 'x'.repeat(1025), lone: '\uD800' };
    expect(prefixesFaults(value).map(({ at }) => at)).toEqual([
      '["number"]',
      '["control"]',
      '["long"]',
      '["lone"]',
    ]);
    expect(prefixesFaults({})).toEqual([]);
  });
});

describe('a confined caller', () => {
  const caller = { identity: identity(callerId), prefixes: ['shop/', 'web/'] };
  const codeOf = (...names: readonly string[]): string => {
    try {
      checkPrefixes(caller, names);
      return 'ok';
    } catch (error) {
      return (error as Problem).code;
    }
  };

  it('names what begins with one of its prefixes, and nothing else', () => {
    expect(codeOf('shop/', 'shop/a', 'web/b')).toBe('ok');
    for (const name of ['', 'shop', 'Shop/a', ' shop/a', 'other/shop/a', 'x']) {
      expect(codeOf('shop/a', name)).toBe('prefix-forbidden');
    }
    expect(() => checkPrefixes(anybody, ['', 'x'])).not.toThrow();
  });
});
