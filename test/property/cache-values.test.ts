// Values come back as they went, and keys tell arguments apart as JSON does.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeEntry } from '../../src/cache/entry-decoder.ts';
import { encodeEntry } from '../../src/cache/entry-encoder.ts';
import { newEntry } from '../../src/cache/entry.ts';
import { keyOfArguments } from '../../src/exports/cache-arguments.ts';
import { decodeValue, encodeValue } from '../../src/exports/cache-values.ts';

function throughRedis(value: unknown): unknown {
  const { body, contentType } = encodeValue(value);
  const decoded = decodeEntry(encodeEntry(newEntry(body, contentType, 0, 1)));
  return decoded.kind === 'entry' ? decodeValue(decoded.entry, false) : decoded;
}

it('gives back any JSON', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(throughRedis(value)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

it('gives back bytes as they are, and to each of several readers its own', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1000 }), (bytes) => {
      expect(throughRedis(bytes)).toEqual(Buffer.from(bytes));
      const entry = newEntry(Buffer.from(bytes), 'application/octet-stream', 0, 1);
      expect(decodeValue(entry, true)).not.toBe(decodeValue(entry, true));
    }),
  );
});

const plain = fc.anything({ withDate: true, withBigInt: true, withNullPrototype: true, maxDepth: 3 });

it('makes one key of equal arguments, in whatever order their properties stand', () => {
  fc.assert(
    fc.property(fc.array(plain), (values) => {
      const copy = values.map((value) => reordered(value));
      expect(keyOfArguments('f', copy)).toBe(keyOfArguments('f', values));
    }),
  );
});

it('makes different keys of different arguments, none too long or with a brace', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.array(fc.jsonValue()), (one, other) => {
      const [keyOfOne, keyOfOther] = [keyOfArguments('f', one), keyOfArguments('f', other)];
      expect(keyOfOne).toMatch(/^[^{}\p{Cc}]{0,120}$/u);
      expect(keyOfOne === keyOfOther).toBe(sorted(one) === sorted(other));
    }),
  );
  expect(
    new Set(
      [[], ['1'], [1], [1n], [true], ['true'], [null], [undefined, 1], [[1]]].map((values) =>
        keyOfArguments('f', values),
      ),
    ).size,
  ).toBe(9);
});

it('names what has no stable form', () => {
  const around: unknown[] = [];
  around.push({ around });
  const wrong: readonly (readonly [unknown, string])[] = [
    [new Map(), 'argument 2 is an instance of Map'],
    [{ a: [Symbol('x')] }, 'argument 2.a[0] is a symbol'],
    [() => {}, 'argument 2 is a function'],
    [Buffer.from('x'), 'argument 2 is an instance of Buffer'],
    [around, 'argument 2[0].around is part of itself'],
    [Object.create({ constructor: 1 }), 'argument 2 is an instance of no class'],
  ];
  for (const [value, message] of wrong) {
    expect(() => keyOfArguments('f', [1, value])).toThrow(`f: ${message}, which has no stable form`);
  }
  const twice = { a: 1 };
  expect(keyOfArguments('f', [twice, twice])).toBe(keyOfArguments('f', [{ a: 1 }, { a: 1 }]));
});

/** The same value with its properties in the opposite order. */
function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  const members = Object.entries(value).toReversed();
  return Object.fromEntries(members.map(([name, member]) => [name, reordered(member)]));
}

function sorted(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([one], [other]) => (one < other ? -1 : 1)))
      : member,
  );
}
