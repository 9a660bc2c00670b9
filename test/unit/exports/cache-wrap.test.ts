// wrap: a function that answers from the cache, by a key of its name and its arguments.

import { expect } from 'vitest';
import { it } from '../../support/in-memory-cache.ts';
import { publicInstance } from '../../support/in-memory-public-cache.ts';

const lifetime = { ttlSeconds: 60 };

it('calls the function once for equal arguments, and once for each other', async ({ world }) => {
  const { cache } = publicInstance(world);
  const calls: unknown[] = [];
  const load = cache.wrap(
    'prices',
    async (currency: string, options?: { readonly tax?: boolean; readonly to?: number }) => {
      calls.push([currency, options]);
      return Promise.resolve({ currency, ...options });
    },
    lifetime,
  );
  expect(await load('EUR', { tax: true, to: 2 })).toEqual({ currency: 'EUR', tax: true, to: 2 });
  expect(await load('EUR', { to: 2, tax: true })).toEqual({ currency: 'EUR', tax: true, to: 2 });
  expect(await load('EUR')).toEqual({ currency: 'EUR' });
  expect(await load('EUR', undefined)).toEqual({ currency: 'EUR' });
  expect(calls).toHaveLength(2);
  expect(await cache.get('prices:"EUR"')).toMatchObject({ kind: 'hit', value: { currency: 'EUR' } });
});

it('takes a key of the caller’s for what has none of its own', async ({ world }) => {
  const { cache } = publicInstance(world);
  class Customer {
    readonly id = 7;
  }
  const name = (customer: Customer): string => `name of ${customer.id}`;
  const plain = cache.wrap('names', name, lifetime);
  await expect(plain(new Customer())).rejects.toThrow(
    'cache.wrap("names"): argument 1 is an instance of Customer, which has no stable form for a key',
  );
  const keyed = cache.wrap('names', name, { ...lifetime, key: ({ id }) => `${id}` });
  expect(await keyed(new Customer())).toBe('name of 7');
  expect(await cache.get('names:7')).toMatchObject({ kind: 'hit' });
});

it('checks its options when it is made', ({ world }) => {
  const { cache } = publicInstance(world);
  const wrap =
    (options: unknown, fn: unknown = () => 1, name = 'name') =>
    () =>
      cache.wrap(name, fn as () => number, options as typeof lifetime);
  expect(wrap({ ttlSeconds: 'x', signal: 1, key: 1 })).toThrow(
    /ttlSeconds: expected.*key: expected.*signal is no/su,
  );
  expect(wrap(lifetime, undefined)).not.toThrow();
  expect(wrap(lifetime, 1)).toThrow('fn: expected a function');
  expect(wrap(lifetime, () => 1, 'ref:name')).toThrow('reserved');
});
