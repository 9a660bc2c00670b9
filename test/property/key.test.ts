import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkKey } from '../../src/cache/key.ts';

const rules = { prefix: '', namespace: 'ref' };

describe('keys', () => {
  it('are passed on exactly as they are, behind the prefix', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 }), (key) => {
        fc.pre(Buffer.byteLength(key) <= 1024 && !/\p{Cc}/u.test(key) && !key.startsWith('ref:'));
        expect(checkKey(key, { ...rules, prefix: 'p:' })).toEqual({
          kind: 'valid',
          key: { name: key, redisKey: `p:${key}` },
        });
      }),
    );
  });

  it("never reach the app's own, whatever the prefix", () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom('', 'r', 'ref', 'ref:', 'x:'), (key, prefix) => {
        const checked = checkKey(key, { ...rules, prefix });
        if (checked.kind === 'valid') expect(checked.key.redisKey.startsWith('ref:')).toBe(false);
      }),
    );
    expect(checkKey('ref:roster', rules).kind).toBe('invalid');
    expect(checkKey('f:roster', { ...rules, prefix: 're' }).kind).toBe('invalid');
    expect(checkKey('reference', rules).kind).toBe('valid');
  });

  it.each([
    ['empty', '', false],
    ['1,024 bytes', 'k'.repeat(1024), true],
    ['1,025 bytes', 'k'.repeat(1025), false],
    ['1,024 bytes in 256 characters', '😀'.repeat(256), true],
    ['1,028 bytes in 257 characters', '😀'.repeat(257), false],
    ['a line break', 'a\r\nb', false],
    ['a null character', 'a\0b', false],
    ['DEL', 'a\u007Fb', false],
    ['a C1 control', 'a\u0085b', false],
    ['half a surrogate pair', 'a\uD800', false],
    ['spaces and slashes', 'a b/c//d', true],
  ])('of %s', (_what, key, ok) => {
    expect(checkKey(key, rules).kind).toBe(ok ? 'valid' : 'invalid');
  });
});
