// getOrSet where a caller gives up, Redis is away, or the client closes.

import { describe, expect } from 'vitest';
import { it } from '../../support/in-memory-cache.ts';
import { publicInstance } from '../../support/in-memory-public-cache.ts';
import { ScriptedFactory } from '../../support/scripted-factory.ts';

const lifetime = { ttlSeconds: 10, staleSeconds: 60 };

describe('a caller that gives up', () => {
  it('leaves the factory to the others', async ({ world }) => {
    const { cache } = publicInstance(world);
    const factory = new ScriptedFactory(world.clock, 'value');
    factory.delayMs = 500;
    const one = new AbortController();
    const reason = new Error('enough');
    const gone = expect(cache.getOrSet('key', factory.ask, { ...lifetime, signal: one.signal })).rejects.toBe(
      reason,
    );
    const other = cache.getOrSet('key', factory.ask, { ...lifetime, signal: new AbortController().signal });
    await world.clock.advance(100);
    one.abort(reason);
    await gone;
    expect(await world.after(401, other)).toBe('value');
    expect([factory.calls, factory.signals[0]?.aborted]).toEqual([1, false]);
  });

  it('ends the factory where there are no others; who comes then has another', async ({ world }) => {
    const { cache } = publicInstance(world);
    const factory = new ScriptedFactory(world.clock, 'value');
    factory.delayMs = 500;
    const callers = [new AbortController(), new AbortController()];
    const gone = callers.map(async ({ signal }) =>
      expect(cache.getOrSet('key', factory.ask, { ...lifetime, signal })).rejects.toThrow('aborted'),
    );
    await world.clock.advance(100);
    callers[0]?.abort();
    await world.clock.advance(1);
    expect(factory.signals[0]?.aborted).toBe(false);
    callers[1]?.abort();
    await Promise.all(gone);
    await world.clock.advance(1);
    expect(factory.signals[0]?.aborted).toBe(true);
    expect(await world.after(600, cache.getOrSet('key', factory.ask, lifetime))).toBe('value');
    expect(factory.calls).toBe(2);
  });

  it('before its turn has come asks no factory', async ({ world }) => {
    const { cache, instance } = publicInstance(world);
    const factory = new ScriptedFactory(world.clock, 'value');
    const caller = new AbortController();
    instance.connection.hold();
    const gone = expect(
      cache.getOrSet('key', factory.ask, { ...lifetime, signal: caller.signal }),
    ).rejects.toThrow('aborted');
    caller.abort();
    await gone;
    instance.connection.release();
    await world.clock.advance(100);
    expect(factory.calls).toBe(0);
    await expect(cache.getOrSet('key', factory.ask, { ...lifetime, signal: caller.signal })).rejects.toThrow(
      'aborted',
    );
  });

  it('waits for another process no longer', async ({ world }) => {
    const [one, other] = [publicInstance(world), publicInstance(world)];
    const factory = new ScriptedFactory(world.clock, 'value');
    factory.delayMs = 500;
    const first = one.cache.getOrSet('key', factory.ask, lifetime);
    await world.clock.advance(100);
    const caller = new AbortController();
    const gone = expect(
      other.cache.getOrSet('key', factory.ask, { ...lifetime, signal: caller.signal }),
    ).rejects.toThrow('aborted');
    await world.clock.advance(100);
    caller.abort();
    await gone;
    expect(await world.after(301, first)).toBe('value');
    expect(factory.calls).toBe(1);
  });
});

describe('where Redis is away', () => {
  it('the factory is asked, once a key and with bounded concurrency, and nothing is stored', async ({
    world,
  }) => {
    const { cache, instance } = publicInstance(world);
    const factory = new ScriptedFactory(world.clock, 'value');
    factory.delayMs = 100;
    instance.connection.fault = 'unavailable';
    const calls = Array.from({ length: 300 }, async (_, index) =>
      cache.getOrSet(`key-${index % 100}`, factory.ask, lifetime),
    );
    const values = await world.after(1000, Promise.all(calls));
    expect(new Set(values)).toEqual(new Set(['value']));
    expect([factory.calls, factory.peak]).toEqual([100, 32]);
    instance.connection.fault = 'none';
    expect(world.server.keys()).toEqual([]);
  });

  it('what the factory throws, and its null, are the callers’', async ({ world }) => {
    const { cache, instance } = publicInstance(world);
    instance.connection.fault = 'unavailable';
    const failure = new Error('mine');
    await expect(cache.getOrSet('key', async () => Promise.reject(failure), lifetime)).rejects.toBe(failure);
    expect(await cache.getOrSet('key', () => null, { ...lifetime, negativeTtlSeconds: 5 })).toBeNull();
  });

  it('nothing says that there is no value', async ({ world }) => {
    const { cache, instance } = publicInstance(world);
    instance.connection.fault = 'unavailable';
    const unavailable = { kind: 'unavailable', error: { code: 'redis-unavailable' } };
    expect(await cache.get('key')).toMatchObject(unavailable);
    expect(await cache.getMany(['key', 'other'])).toMatchObject([unavailable, unavailable]);
    expect(await cache.set('key', 1)).toMatchObject({ ...unavailable, applied: 'no' });
    instance.connection.fault = 'lost-after';
    expect(await cache.delete('key')).toMatchObject({ kind: 'unavailable', applied: 'unknown' });
  });

  it('and silent, the factory is asked after a third of the time that calls of Redis have', async ({
    world,
  }) => {
    const { cache, instance } = publicInstance(world, { settings: { requestBudgetMs: 600 } });
    instance.connection.hold();
    expect(
      await world.after(
        200,
        cache.getOrSet('key', () => 'value', lifetime),
      ),
    ).toBe('value');
  });
});

describe('a cache that stops', () => {
  it('aborts what is under way, and answers no more', async ({ world }) => {
    const { cache, instance } = publicInstance(world);
    const factory = new ScriptedFactory(world.clock, 'value');
    factory.delayMs = 500;
    const stopped = expect(cache.getOrSet('key', factory.ask, lifetime)).rejects.toMatchObject({
      code: 'stopped',
    });
    await world.clock.advance(100);
    const stopping = instance.cache.stop();
    await world.clock.advance(1);
    await Promise.all([stopped, stopping]);
    expect(factory.signals[0]?.aborted).toBe(true);
    await expect(cache.getOrSet('key', factory.ask, lifetime)).rejects.toMatchObject({ code: 'stopped' });
    expect(factory.calls).toBe(1);
  });
});
