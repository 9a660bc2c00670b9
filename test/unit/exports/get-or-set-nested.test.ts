// Factories that ask the cache themselves, and callers of one key with times of their own.

import { describe, expect } from 'vitest';
import { delay } from '../../../src/util/clock.ts';
import { it } from '../../support/in-memory-cache.ts';
import { publicInstance } from '../../support/in-memory-public-cache.ts';
import { ScriptedFactory } from '../../support/scripted-factory.ts';

const lifetime = { ttlSeconds: 10, staleSeconds: 60 };
const many = Array.from({ length: 100 }, (_, index) => index);

describe('a factory that asks for another key', () => {
  it('does not wait for a place that such factories hold, however many there are', async ({ world }) => {
    const { cache } = publicInstance(world);
    const inner = new ScriptedFactory(world.clock, 'inner');
    inner.delayMs = 100;
    const calls = many.map(async (index) =>
      cache.getOrSet(`outer-${index}`, async () => cache.getOrSet(`inner-${index}`, inner.ask, lifetime), {
        ...lifetime,
      }),
    );
    expect(new Set(await world.after(3000, Promise.all(calls)))).toEqual(new Set(['inner']));
    expect([inner.calls, inner.peak]).toEqual([100, 32]);
  });

  it('nor where Redis is away, nor deeper down', async ({ world }) => {
    const { cache, instance } = publicInstance(world);
    instance.connection.fault = 'unavailable';
    const ask = async (depth: number, index: number): Promise<string> => {
      if (depth === 0) return 'value';
      await delay(world.clock, 10);
      return cache.getOrSet(`${depth}-${index}`, async () => ask(depth - 1, index), lifetime);
    };
    const values = await world.after(3000, Promise.all(many.map(async (index) => ask(4, index))));
    expect(new Set(values)).toEqual(new Set(['value']));
  });

  it('nor for a load that waits for one of their places', async ({ world }) => {
    const { cache } = publicInstance(world);
    const factory = new ScriptedFactory(world.clock, 'value');
    const open = delay(world.clock, 100);
    const outer = many.map(async (index) =>
      cache.getOrSet(
        `outer-${index}`,
        async () => {
          await open;
          return cache.getOrSet('queued', factory.ask, lifetime);
        },
        lifetime,
      ),
    );
    const queued = cache.getOrSet('queued', factory.ask, lifetime);
    expect(await world.after(3000, queued)).toBe('value');
    expect(new Set(await world.after(3000, Promise.all(outer)))).toEqual(new Set(['value']));
    expect(factory.calls).toBe(1);
  });

  it('is told at once where it would wait for itself', async ({ world }) => {
    const { cache } = publicInstance(world);
    const ask = (): Promise<string> => cache.getOrSet('one', two, lifetime);
    const two = (): Promise<string> => cache.getOrSet('two', ask, lifetime);
    const asking = expect(ask()).rejects.toMatchObject({
      code: 'options-invalid',
      message: expect.stringContaining('waits for itself'),
    });
    await world.after(1000, asking);
  });

  it('does not hold what it leaves behind to that', async ({ world }) => {
    const { cache } = publicInstance(world);
    let later = Promise.resolve('none');
    const first = cache.getOrSet(
      'key',
      () => {
        later = delay(world.clock, 500).then(() => cache.getOrSet('key', () => 'second', { ttlSeconds: 1 }));
        return 'first';
      },
      { ttlSeconds: 0.1, staleSeconds: 0 },
    );
    expect(await world.after(100, first)).toBe('first');
    await world.clock.advance(600);
    expect(await world.after(100, later)).toBe('second');
  });
});

describe('callers of one key', () => {
  it('each have their own time, whoever came first', async ({ world }) => {
    const [one, other] = [publicInstance(world), publicInstance(world)];
    const factory = new ScriptedFactory(world.clock, 'value');
    factory.delayMs = 1000;
    const loading = one.cache.getOrSet('key', factory.ask, lifetime);
    await world.clock.advance(50);
    const hasty = other.cache.getOrSet('key', factory.ask, { ...lifetime, timeoutMs: 200 });
    const late = expect(hasty).rejects.toMatchObject({ code: 'deadline-exceeded' });
    await world.clock.advance(10);
    const patient = other.cache.getOrSet('key', factory.ask, lifetime);
    await world.after(300, late);
    expect(await world.after(1500, patient)).toBe('value');
    expect(await loading).toBe('value');
    expect(factory.calls).toBe(1);
  });
});
