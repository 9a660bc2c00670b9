import fc from 'fast-check';
import { expect, it } from 'vitest';
import { lockKeys as keysOf, type LockKeys, type LockSubject } from '../../src/cache/lock-keys.ts';
import { checkKey } from '../../src/cache/key.ts';
import { slotOf } from '../../src/redis/key-slot.ts';

const lockKeys = (key: string, kind: LockSubject['kind'] = 'load'): LockKeys =>
  keysOf('ref', { kind, name: key });

const text = fc.string({ unit: 'grapheme', maxLength: 50 });
const braced = fc.array(fc.oneof(text, fc.constantFrom('{', '}', '{}', '{a}')), { maxLength: 6 });
const anyKey = fc.oneof(
  text,
  braced.map((parts) => parts.join('')),
);

it('a lock and what goes with it share a slot, which is that of the key where they say so', () => {
  fc.assert(
    fc.property(anyKey, (key) => {
      const { lock, mark, removal, isSameSlot } = lockKeys(key);
      expect([slotOf(mark), slotOf(removal)]).toEqual([slotOf(lock), slotOf(lock)]);
      if (isSameSlot) expect(slotOf(lock)).toBe(slotOf(key));
    }),
  );
});

it('have names that no key over HTTP can have, whatever the namespace of the app that is asked', () => {
  fc.assert(
    fc.property(anyKey, fc.constantFrom('load', 'warmup'), (key, kind) => {
      for (const name of Object.values(lockKeys(key, kind)).filter((value) => typeof value === 'string')) {
        expect(name.startsWith('ref:')).toBe(true);
        expect(checkKey(name, { prefix: '', namespace: 'other' }).kind).toBe('invalid');
        expect(checkKey(name.slice(4), { prefix: 'ref:', namespace: 'other' }).kind).toBe('invalid');
      }
    }),
  );
});

it('no load locks what a warmup locks', () => {
  fc.assert(
    fc.property(anyKey, (key) => {
      const [load, warmup] = [lockKeys(key, 'load'), lockKeys(key, 'warmup')];
      expect(new Set([load.lock, load.mark, load.removal, warmup.lock, warmup.mark]).size).toBe(5);
    }),
  );
});

it('stand beside every key without braces and every key with one hash tag', () => {
  const plain = fc.string({ unit: 'grapheme', minLength: 1 }).filter((key) => !/[{}]/u.test(key));
  fc.assert(
    fc.property(plain, plain, plain, (before, tag, after) => {
      expect(lockKeys(before).isSameSlot).toBe(true);
      expect(lockKeys(`${before}{${tag}}${after}`).isSameSlot).toBe(true);
    }),
  );
});

// Redis Enterprise behind one endpoint hashes these otherwise, and no Redis that runs here would show it.
it.each(['{a}{b}', '{}a', '}{', '{{a}}', '{a}}', 'a{'])('stand apart from a key like %s', (key) => {
  expect(lockKeys(key).isSameSlot).toBe(false);
});

it('no two keys share a lock', () => {
  fc.assert(
    fc.property(anyKey, anyKey, (one, other) => {
      fc.pre(one !== other);
      expect(lockKeys(one).lock).not.toBe(lockKeys(other).lock);
    }),
  );
});
