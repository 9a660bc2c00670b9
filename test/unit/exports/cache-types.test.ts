// What the compiler makes of getOrSet and wrap: `tsc --noEmit` of `npm run check` holds these lines to it.

import { describe, expect, expectTypeOf, it } from 'vitest';
import type { Cache } from '../../../src/exports/cache.ts';

interface Product {
  readonly price: number;
}

declare const cache: Cache;
const loadPrices = async (_currency: string, options: { readonly tax?: boolean } = {}, ...more: number[]) =>
  Promise.resolve({ ...options, more });
const find = async (price: number): Promise<Product | null> => Promise.resolve(price > 0 ? { price } : null);
const findOrNot = async (price: number): Promise<Product | undefined> => (await find(price)) ?? undefined;

/** Compiled, and never run. */
const calls = () => {
  const whole = cache.wrap('prices', loadPrices, { ttlSeconds: 1 });
  expectTypeOf(whole).parameters.toEqualTypeOf<Parameters<typeof loadPrices>>();
  const byCurrency = cache.wrap('prices', loadPrices, { ttlSeconds: 1, key: (currency) => currency });
  expectTypeOf(byCurrency).parameters.toEqualTypeOf<Parameters<typeof loadPrices>>();

  const lifetime = { ttlSeconds: (value: Product | null) => value?.price ?? 1, negativeTtlSeconds: 1 };
  expectTypeOf(cache.getOrSet('key', () => find(1), lifetime)).resolves.toEqualTypeOf<Product | null>();
  expectTypeOf(cache.wrap('name', find, lifetime)(1)).resolves.toEqualTypeOf<Product | null>();
  const generic = async <T extends object>(make: () => Promise<T>): Promise<T> =>
    cache.getOrSet('key', make, { ttlSeconds: 1 });
  expectTypeOf(generic(async () => [1])).resolves.toEqualTypeOf<number[]>();

  // @ts-expect-error undefined is no value
  void cache.getOrSet('key', () => findOrNot(1), { ttlSeconds: 1 });
  // @ts-expect-error undefined is no value
  cache.wrap('name', findOrNot, { ttlSeconds: 1 });
  // @ts-expect-error a promise is no value
  void cache.set('key', find(1));
};

describe('the types of the cache', () => {
  it('keep parameters and values, and refuse undefined and promises', () => {
    expect(calls).toBeTypeOf('function');
  });
});
