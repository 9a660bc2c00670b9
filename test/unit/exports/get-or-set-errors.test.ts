// What getOrSet rejects with: the factory's own error, or one that names what is wrong.

import { describe, expect } from 'vitest';
import { it } from '../../support/in-memory-cache.ts';
import { publicInstance } from '../../support/in-memory-public-cache.ts';
import { ScriptedFactory } from '../../support/scripted-factory.ts';

const lifetime = { ttlSeconds: 10, staleSeconds: 60 };

describe('an error', () => {
  it.for([new TypeError('mine'), 'a string', undefined, null])(
    'of the factory is its callers’, as it was thrown: %s',
    async (failure, { world }) => {
      const { cache, instance } = publicInstance(world);
      const ask = async (): Promise<unknown> =>
        cache.getOrSet('key', async () => Promise.reject(failure as Error), lifetime);
      const outcomes = await Promise.allSettled([ask(), ask()]);
      expect(outcomes).toEqual([0, 1].map(() => ({ status: 'rejected', reason: failure })));
      expect(world.server.keys().filter((key) => !key.endsWith(':lock'))).toEqual([]);
      expect(instance.told).toEqual(['originFailing']);
    },
  );

  it('says that the time is up; the factory goes on, and what it brings is stored', async ({ world }) => {
    const factory = new ScriptedFactory(world.clock, 'old');
    factory.delayMs = 500;
    const { cache } = publicInstance(world);
    const asked = cache.getOrSet('key', factory.ask, { ...lifetime, timeoutMs: 100 });
    const failed = expect(asked).rejects.toMatchObject({ code: 'deadline-exceeded' });
    await world.clock.advance(100);
    await failed;
    await world.clock.advance(401);
    expect(await cache.get('key')).toMatchObject({ kind: 'hit', value: 'old' });
    expect(factory.signals[0]?.aborted).toBe(false);
  });

  it('ends a factory that takes 30 s', async ({ world }) => {
    const factory = new ScriptedFactory(world.clock, 'old');
    factory.delayMs = 100_000;
    const { cache } = publicInstance(world);
    const failed = expect(cache.getOrSet('key', factory.ask, lifetime)).rejects.toMatchObject({
      code: 'deadline-exceeded',
    });
    await world.clock.advance(30_000);
    await failed;
    expect(factory.signals[0]?.aborted).toBe(true);
    await world.clock.advance(100_000);
  });

  it.for([
    ['undefined', undefined, 'value-invalid'],
    ['what JSON does not know', 1n, 'value-invalid'],
    ['a function', () => {}, 'value-invalid'],
  ] as const)('is told of %s', async ([, value, code], { world }) => {
    const { cache } = publicInstance(world);
    const factory = (): never => value as never;
    await expect(cache.getOrSet('key', factory, lifetime)).rejects.toMatchObject({ name: 'AppError', code });
    await expect(cache.set('key', value as never)).rejects.toMatchObject({ code });
    expect(await cache.get('key')).toEqual({ kind: 'miss' });
  });

  it('is none where a value is larger than may be stored', async ({ world }) => {
    const { cache, instance } = publicInstance(world, { settings: { maxValueBytes: 100 } });
    const large = 'x'.repeat(100);
    expect(await cache.getOrSet('key', () => large, lifetime)).toBe(large);
    expect(await cache.get('key')).toEqual({ kind: 'miss' });
    expect(instance.events).toEqual([{ type: 'answerNotStored', reason: 'it is larger than maxValueBytes' }]);
    await expect(cache.set('key', large)).rejects.toMatchObject({ code: 'value-invalid' });
  });

  it('names every option that is wrong, and no value', async ({ world }) => {
    const { cache } = publicInstance(world);
    const wrong = {
      ttlSeconds: 0,
      staleSeconds: -1,
      timeoutMs: 'x',
      ttl: 5,
      signal: {},
    } as unknown as typeof lifetime;
    const message =
      /ttlSeconds: expected.*staleSeconds: expected.*timeoutMs: expected.*signal: expected.*ttl is no option/su;
    await expect(cache.getOrSet('key', () => 1, wrong)).rejects.toThrow(message);
    await expect(cache.getOrSet('key', () => 1, {} as never)).rejects.toThrow('ttlSeconds is missing');
    await expect(cache.getOrSet('key', () => 1, undefined as never)).rejects.toThrow(
      'the options: an object',
    );
    await expect(cache.getOrSet('key', 1 as never, lifetime)).rejects.toThrow('factory: expected a function');
    await expect(cache.getOrSet('key', undefined as never, lifetime)).rejects.toThrow('factory is missing');
    await expect(cache.getOrSet('', () => 1, lifetime)).rejects.toThrow('cache.getOrSet: The key is empty.');
    await expect(cache.getOrSet('ref:x', () => 1, lifetime)).rejects.toThrow('reserved');
    const never = cache.getOrSet('key', () => 1, { ttlSeconds: () => Number.NaN });
    await expect(never).rejects.toThrow('ttlSeconds: expected the function to return');
    await expect(cache.set('key', 1, { ttlSeconds: -1 })).rejects.toThrow('ttlSeconds: expected seconds');
    await expect(cache.get('key', { timeoutMs: 0 })).rejects.toThrow('cache.get: 1 option(s)');
  });
});

describe('a value that cannot be read', () => {
  it('is made anew: no JSON, or of another serializer', async ({ world }) => {
    const { cache, instance } = publicInstance(world);
    await instance.cache.write(
      { name: 'key', redisKey: 'key' },
      { ...instance.entry('no JSON'), contentType: 'application/json; charset=utf-8' },
      { kind: 'none', etags: [] },
      world.clock.nowMs() + 1000,
    );
    const found = await cache.get('key');
    expect(found).toMatchObject({ kind: 'unavailable', error: { code: 'value-invalid' } });
    expect(JSON.stringify(found)).not.toContain('no JSON');
    expect(await cache.getOrSet('key', () => 1, lifetime)).toBe(1);
    expect(await cache.get('key')).toMatchObject({ kind: 'hit', value: 1 });
  });

  it('is another type of Redis, which is left as it is', async ({ world }) => {
    const { cache } = publicInstance(world);
    world.server.set('key', 'other');
    await expect(cache.getOrSet('key', () => 1, lifetime)).rejects.toMatchObject({ code: 'wrong-type' });
    expect(await cache.get('key')).toMatchObject({ kind: 'unavailable', error: { code: 'wrong-type' } });
    expect(await cache.set('key', 1)).toMatchObject({ kind: 'unavailable', applied: 'no' });
    expect(await cache.delete('key')).toMatchObject({ kind: 'unavailable', error: { code: 'wrong-type' } });
  });
});
