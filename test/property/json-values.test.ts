// Copies of parsed JSON: equal to what parsing gives, and sharing nothing that can be changed.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesOfJson, copyOfJson } from '../../src/exports/json-values.ts';

const name = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'toString', '1', '0', 'ü'));
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'medium' },
    fc.jsonValue({ maxDepth: 0 }),
    fc.array(tie('json')),
    fc.array(fc.tuple(name, tie('json'))).map((entries) => JSON.parse(objectOf(entries)) as unknown),
  ),
}));

/** Written by hand: an assignment to `__proto__` adds no property. */
function objectOf(entries: readonly (readonly [string, unknown])[]): string {
  return `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`;
}

const objectsIn = (value: unknown): object[] =>
  typeof value === 'object' && value !== null ? [value, ...Object.values(value).flatMap(objectsIn)] : [];

describe('a copy of JSON', () => {
  it('is what was parsed, in the same order, and nothing of it is shared', () => {
    fc.assert(
      fc.property(json, (value) => {
        const parsed = JSON.parse(JSON.stringify(value)) as unknown;
        const copy = copyOfJson(parsed);
        expect(JSON.stringify(copy)).toBe(JSON.stringify(parsed));
        expect(copy).toEqual(parsed);
        const originals = new Set(objectsIn(parsed));
        for (const part of objectsIn(copy)) {
          expect(originals.has(part)).toBe(false);
          expect(Object.getPrototypeOf(part)).toBe(Array.isArray(part) ? Array.prototype : Object.prototype);
        }
      }),
    );
  });

  it('is not made of what is too deep for it', () => {
    const deep = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));
    expect(bytesOfJson(deep(100))).toBeLessThan(10_000);
    expect(bytesOfJson(deep(101))).toBe(Number.POSITIVE_INFINITY);
    expect(bytesOfJson(deep(100_000))).toBe(Number.POSITIVE_INFINITY);
    expect(copyOfJson(deep(100))).toEqual(deep(100));
  });
});

it('a copy is not made of an object with hundreds of names, which would take as long as parsing', () => {
  const table = (names: number): object =>
    Object.fromEntries(Array.from({ length: names }, (_, n) => [`n${n}`, n]));
  expect(bytesOfJson(table(200))).toBeLessThan(20_000);
  expect(bytesOfJson([table(201)])).toBe(Number.POSITIVE_INFINITY);
});

describe('the bytes of JSON', () => {
  it.each([
    ['text', JSON.stringify('x'.repeat(1000)), 1000, 1100],
    ['wide text', JSON.stringify('ж'.repeat(1000)), 2000, 2100],
    ['numbers', JSON.stringify(Array.from({ length: 1000 }, (_, index) => index)), 8000, 8100],
    ['fractions', JSON.stringify(Array.from({ length: 1000 }, (_, index) => index + 0.5)), 8000, 25_000],
    ['nothing', '[null,true,0]', 60, 80],
    ['an object', '{"a":1,"b":2}', 40, 60],
    [
      'a table',
      JSON.stringify(Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`n${n}`, n]))),
      5000,
      8000,
    ],
  ])('of %s are what V8 takes, or somewhat more', (_, text, least, most) => {
    const bytes = bytesOfJson(JSON.parse(text));
    expect(bytes).toBeGreaterThanOrEqual(least);
    expect(bytes).toBeLessThanOrEqual(most);
  });
});
