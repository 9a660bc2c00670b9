import { expect, it } from 'vitest';
import { ReadBefore } from '../../../src/cache/read-before.ts';

it('knows the keys that were read, and hardly any other', () => {
  const before = new ReadBefore();
  const keys = Array.from({ length: 1000 }, (_, index) => `product:${index}`);
  for (const key of keys) before.add(key);
  expect(keys.filter((key) => before.has(key)).length).toBeGreaterThan(980);
  const others = Array.from({ length: 10_000 }, (_, index) => `other:${index}`);
  expect(others.filter((key) => before.has(key)).length).toBeLessThan(5);
});

it('spreads keys that differ in little, and forgets old ones by itself', () => {
  const before = new ReadBefore();
  before.add('first');
  for (let index = 0; index < 1_000_000; index += 1) before.add(`/path/${index}`);
  expect(before.has('first')).toBe(false);
  const last = Array.from({ length: 30_000 }, (_, index) => `/path/${999_999 - index}`);
  expect(last.filter((key) => before.has(key)).length).toBeGreaterThan(20_000);
});
