// getOrSet: once in the process and in the fleet, and old values in the place of waiting and of errors.

import { describe, expect } from 'vitest';
import type { Cache, GetOrSetOptions } from '../../../src/exports/cache.ts';
import { it, type World } from '../../support/in-memory-cache.ts';
import { publicInstance } from '../../support/in-memory-public-cache.ts';
import { ScriptedFactory } from '../../support/scripted-factory.ts';

interface Product {
  readonly name: string;
}

const old: Product = { name: 'old' };
const lifetime = { ttlSeconds: 10, staleSeconds: 60 };

function product(world: World): ScriptedFactory<Product> {
  return new ScriptedFactory(world.clock, old);
}

/** A cache that has loaded `old` under the key `key`. */
async function filled(world: World, options: GetOrSetOptions<Product> = lifetime) {
  const factory = product(world);
  const { cache, instance } = publicInstance(world);
  const ask = async (more?: Partial<GetOrSetOptions<Product>>): Promise<string> =>
    (await cache.getOrSet('key', factory.ask, { ...options, ...more })).name;
  await ask();
  return { factory, cache, instance, ask };
}

describe('a value that is not there', () => {
  it('is made once for all callers of all processes; each gets its own', async ({ world }) => {
    const factory = product(world);
    factory.delayMs = 300;
    const caches = Array.from({ length: 3 }, () => publicInstance(world).cache);
    const calls = Array.from({ length: 300 }, async (_, index) =>
      (caches[index % 3] as Cache).getOrSet('key', factory.ask, lifetime),
    );
    const values = await world.after(1000, Promise.all(calls));
    expect(values).toEqual(values.map(() => old));
    expect(new Set([...values, old]).size).toBe(301);
    expect(factory.calls).toBe(1);
    expect(await caches[0]?.get('key')).toMatchObject({ kind: 'hit', value: old, stale: false });
  });

  it('lives as long as its own lifetime says; after a 0 nothing is stored for a moment', async ({
    world,
  }) => {
    const { cache } = publicInstance(world);
    const ttlSeconds = (value: number): number => value;
    const ask = async (value: number): Promise<number> =>
      cache.getOrSet('key', () => value, { ttlSeconds, staleSeconds: 0 });
    expect([await ask(0), await ask(1), await ask(2)]).toEqual([0, 1, 2]);
    await world.clock.advance(5001);
    expect([await ask(0.5), await ask(2)]).toEqual([0.5, 0.5]);
    await world.clock.advance(501);
    expect(await ask(7)).toBe(7);
  });

  it('has the tags of its call, or those that a function says of it', async ({ world }) => {
    const { cache, instance } = publicInstance(world);
    const tagsOf = async (key: string): Promise<readonly string[] | undefined> => {
      const answer = await instance.read(key);
      return answer.kind === 'hit' ? answer.entry.tags : expect.unreachable(answer.kind);
    };
    await cache.getOrSet('array', () => old, { ...lifetime, tags: ['a', 'b', 'a'] });
    expect(await tagsOf('array')).toEqual(['a', 'b']);
    const tags = ({ name }: Product): string[] => [`product:${name}`];
    await cache.getOrSet('function', () => old, { ...lifetime, tags });
    expect(await tagsOf('function')).toEqual(['product:old']);
    const load = cache.wrap('wrapped', (name: string) => ({ name }), { ...lifetime, tags });
    await load('x');
    expect(await tagsOf('wrapped:"x"')).toEqual(['product:x']);
    await cache.set('set', 1, { tags: ['a', 'a'] });
    expect(await tagsOf('set')).toEqual(['a']);
    await cache.set('set', 1);
    expect(await tagsOf('set')).toBeUndefined();
  });

  it('cannot have other tags than there can be', async ({ world }) => {
    const { cache, instance } = publicInstance(world);
    const wrong = [
      ['a b'],
      [''],
      'a',
      [1],
      Array.from({ length: 65 }, (_, index) => `${index}`),
    ] as unknown as string[][];
    for (const tags of wrong) {
      const expected = {
        code: 'options-invalid',
        message: expect.stringContaining('tags: expected') as string,
      };
      await expect(cache.set('key', 1, { tags })).rejects.toMatchObject(expected);
      const ask = async (told: string[] | (() => string[])): Promise<unknown> =>
        cache.getOrSet('key', () => 1, { ...lifetime, tags: told });
      await expect(ask(tags)).rejects.toMatchObject(expected);
      await expect(ask(() => tags)).rejects.toMatchObject(expected);
    }
    expect(await instance.read('key')).toMatchObject({ kind: 'miss' });
  });

  it('is renewed before its end is there, the earlier the longer its factory takes', async ({ world }) => {
    const factory = product(world);
    factory.delayMs = 1000;
    // 0.9 cuts the lifetime to 9.1 s, and a load of 1 s is then due 2.3 s before its end.
    const { cache } = publicInstance(world, { random: () => 0.9 });
    const ask = async (): Promise<Product> => cache.getOrSet('key', factory.ask, lifetime);
    await world.after(1000, ask());
    factory.value = { name: 'new' };
    await world.clock.advance(6700);
    expect([await ask(), factory.calls]).toEqual([old, 1]);
    await world.clock.advance(200);
    expect(await ask()).toEqual(old);
    await world.clock.advance(1001);
    expect([await ask(), factory.calls]).toEqual([{ name: 'new' }, 2]);
  });

  it('is nothing only where that was chosen, and then for as long', async ({ world }) => {
    const { cache } = publicInstance(world);
    const factory = new ScriptedFactory<Product | null>(world.clock, null);
    const ask = async (negativeTtlSeconds?: number): Promise<Product | null> =>
      cache.getOrSet('key', factory.ask, { ...lifetime, negativeTtlSeconds });
    expect([await ask(5), await ask(5), factory.calls]).toEqual([null, null, 1]);
    expect(await cache.get('key')).toEqual({ kind: 'miss' });
    await world.clock.advance(5001);
    factory.value = old;
    expect([await ask(5), factory.calls]).toEqual([old, 2]);
    factory.value = null;
    await cache.delete('key');
    expect([await ask(), await ask(), factory.calls]).toEqual([null, null, 3]);
    expect(await cache.get('key')).toMatchObject({ kind: 'hit', value: null });
  });

  it('is asked for by who does not take another’s "nothing" for an answer', async ({ world }) => {
    const { cache } = publicInstance(world);
    await cache.getOrSet('key', () => null, { ...lifetime, negativeTtlSeconds: 5 });
    expect(await cache.getOrSet('key', () => 1, lifetime)).toBe(1);
  });
});

describe('an old value', () => {
  it('is answered at once while one of all renews it', async ({ world }) => {
    const { factory, ask } = await filled(world);
    factory.value = { name: 'new' };
    factory.delayMs = 500;
    await world.clock.advance(10_001);
    expect(await Promise.all(Array.from({ length: 20 }, async () => ask()))).toEqual(Array(20).fill('old'));
    await world.clock.advance(501);
    expect([await ask(), factory.calls]).toEqual(['new', 2]);
  });

  it('stands in for a factory that fails, which is told, without what was thrown', async ({ world }) => {
    const { factory, instance, ask } = await filled(world, {
      ttlSeconds: 10,
      staleSeconds: 0,
      staleIfErrorSeconds: 60,
    });
    factory.failure = Object.assign(new Error('secret'), { code: 'ECONNREFUSED' });
    await world.clock.advance(20_000);
    expect(await ask()).toBe('old');
    expect(instance.events).toMatchObject([
      { type: 'originFailing', reason: 'A factory failed: Error (ECONNREFUSED).' },
    ]);
    await world.clock.advance(60_000);
    await expect(ask()).rejects.toBe(factory.failure);
  });

  it('stands in where the time is up', async ({ world }) => {
    const { factory, ask } = await filled(world, {
      ttlSeconds: 10,
      staleSeconds: 0,
      staleIfErrorSeconds: 60,
    });
    await world.clock.advance(10_001);
    factory.delayMs = 500;
    expect(await world.after(100, ask({ timeoutMs: 100 }))).toBe('old');
  });
});

describe('what a caller does meanwhile', () => {
  it('wins: a set, and a delete', async ({ world }) => {
    for (const change of ['set', 'delete'] as const) {
      const factory = product(world);
      factory.delayMs = 500;
      const { cache } = publicInstance(world);
      const asked = cache.getOrSet(change, factory.ask, lifetime);
      await world.clock.advance(100);
      await (change === 'set' ? cache.set(change, 'mine') : cache.delete(change));
      expect(await world.after(500, asked)).toEqual(old);
      expect(await cache.get(change)).toMatchObject(
        change === 'set' ? { kind: 'hit', value: 'mine' } : { kind: 'miss' },
      );
    }
  });
});
