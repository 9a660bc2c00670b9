// A request is answered by its deadline, whatever its load does; slow loads keep no others waiting.

import { describe, expect } from 'vitest';
import { lockKeys } from '../../../src/cache/lock-keys.ts';
import { it, told, type World } from '../../support/in-memory-cache.ts';

function slow({ origin }: World, prefix: string, count: number, delayMs: number): readonly string[] {
  const names = Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
  for (const name of names) {
    origin.set(name, name);
    origin.delaysMs.set(name, delayMs);
  }
  return names;
}

describe('a load that is slow', () => {
  it('ends its request in time, and its answer is in the cache later', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', 'late');
    world.origin.delayMs = 1000;
    expect(told(await world.after(300, instance.read('key', 300)))).toBe('origin-pending');
    await world.clock.advance(700);
    expect(told(await instance.read('key', 300))).toBe('hit late');
    expect(world.origin.loads).toHaveLength(1);
  });

  it('is joined by those who ask meanwhile, each with its own deadline', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', 'late');
    world.origin.delayMs = 1000;
    const short = instance.read('key', 300);
    const long = instance.read('key', 2000);
    expect(told(await world.after(300, short))).toBe('origin-pending');
    expect(told(await world.after(700, long))).toBe('loaded late');
    expect(world.origin.loads).toHaveLength(1);
  });

  it('on an instance keeps no other instance from loading, nor hides what is known', async ({ world }) => {
    const [busy, idle] = [world.instance(), world.instance()];
    await busy.read('none');
    const names = slow(world, 'slow', 32, 2500);
    world.origin.set('key', 'quick');
    const slowReads = names.map((name) => busy.read(name));
    await world.clock.advance(10);
    const waiting = busy.read('key');
    expect(await world.after(100, busy.read('none'))).toEqual({ kind: 'miss', origin: 'remembered' });
    expect(told(await idle.read('key'))).toBe('loaded quick');
    expect(told(await world.after(200, waiting))).toBe('loaded quick');
    const results = await world.after(2000, Promise.all(slowReads));
    expect(new Set(results.map(told))).toEqual(new Set(['origin-pending']));
    await world.clock.advance(1000);
    expect(told(await busy.read('slow-31'))).toBe('hit slow-31');
  });

  it('of 32 keys keeps no other miss from being answered', async ({ world }) => {
    const instance = world.instance();
    const slowReads = slow(world, 'slow', 32, 10_000).map((name) => instance.read(name));
    await world.clock.advance(10);
    const quick = slow(world, 'quick', 40, 0);
    const readQuick = async (names: readonly string[]): Promise<void> => {
      const results = await world.after(1000, Promise.all(names.map((name) => instance.read(name))));
      expect(results.map(told)).toEqual(names.map((name) => `loaded ${name}`));
    };
    await readQuick(quick.slice(0, 4));
    await readQuick(quick.slice(4, 20));
    expect(new Set((await Promise.all(slowReads)).map(told))).toEqual(new Set(['origin-pending']));

    // More than there are places: once their requests have left they give way, which is no failure of the origin.
    const more = slow(world, 'more', 64, 10_000).map((name) => instance.read(name));
    await world.after(2500, Promise.all(more));
    await readQuick(quick.slice(20));
    expect(instance.told).toEqual([]);
  });

  it('that gave way to others is pending for whoever joins it then', async ({ world }) => {
    const instance = world.instance();
    const names = slow(world, 'slow', 48, 60_000);
    const first = names.map((name) => instance.read(name, 700));
    await world.after(1500, Promise.all(first));
    const more = slow(world, 'more', 48, 60_000).map((name) => instance.read(name, 2000));
    const results = await world.after(3000, Promise.all(more));
    expect(new Set(results.map(told))).toEqual(new Set(['origin-pending']));
    expect(instance.told).toEqual([]);
  });
});

describe('a wait for other instances', () => {
  it('of many keys keeps no load from beginning', async ({ world }) => {
    const instance = world.instance();
    const names = Array.from({ length: 60 }, (_, index) => `key-${index}`);
    for (const name of names) {
      world.server.set(lockKeys('ref', { kind: 'load', name }).lock, 'somebody', 3000);
    }
    const waiting = names.map((name) => instance.read(name, 1000));
    await world.clock.advance(500);
    world.origin.set('quick', 'quick');
    expect(told(await world.after(50, instance.read('quick')))).toBe('loaded quick');
    await world.after(500, Promise.all(waiting));
  });
});

describe('a load that Redis has left alone', () => {
  it('gives way as others do when its requests have left', async ({ world }) => {
    const instance = world.instance();
    const { connection } = instance;
    const names = slow(world, 'slow', 48, 60_000);
    connection.hold();
    const reads = names.map((name) => instance.read(name));
    for (const _ of names) connection.step();
    // Each waits for its lock in vain, and then asks the origin.
    await world.after(2500, Promise.all(reads));
    expect(world.origin.loads).toHaveLength(48);
    connection.fault = 'unavailable';
    const quick = slow(world, 'quick', 32, 0).map((name) => instance.read(name));
    const results = await world.after(1500, Promise.all(quick));
    expect(new Set(results.map(({ kind }) => kind))).toEqual(new Set(['loaded']));
    connection.fault = 'none';
    connection.release();
  });
});

describe('an instance that stops', () => {
  it('ends what it loads, gives its locks back, and blames nobody', async ({ world }) => {
    const [instance, other] = [world.instance(), world.instance()];
    world.origin.set('key', 'value');
    world.origin.delayMs = 5000;
    const reading = instance.read('key');
    await world.clock.advance(100);
    const stopping = instance.cache.stop();
    expect(told(await world.after(1, reading))).toBe('origin-pending');
    await stopping;
    expect(instance.told).toEqual([]);
    world.origin.delayMs = 0;
    expect(told(await other.read('key'))).toBe('loaded value');
  });

  it('loads nothing more, and does not wait for another instance’s load', async ({ world }) => {
    const [instance, other] = [world.instance(), world.instance()];
    world.origin.set('key', 'value');
    world.origin.delayMs = 1000;
    const loading = other.read('key');
    const waiting = instance.read('key');
    await world.clock.advance(100);
    const stopping = instance.cache.stop();
    expect(told(await world.after(300, waiting))).toBe('origin-pending');
    await stopping;
    expect(told(await world.after(100, instance.read('next')))).toBe('origin-pending');
    await world.after(1000, loading);
  });

  it('ends renewals and bypasses as well', async ({ world }) => {
    const instance = world.instance({ defaultTtlSeconds: 1 });
    world.origin.set('key', 'value');
    await instance.read('key');
    await world.clock.advance(1001);
    world.origin.delayMs = 5000;
    await instance.read('key');
    await world.clock.advance(1);
    instance.connection.fault = 'unavailable';
    const bypassing = instance.read('other');
    await world.clock.advance(1);
    instance.connection.fault = 'none';
    expect(world.origin.loads).toHaveLength(3);
    await world.after(1000, instance.cache.stop());
    expect(told(await bypassing)).toBe('unavailable');
  });

  it('waits for what is being written, but not for long', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', 'value');
    world.origin.delayMs = 100;
    const reading = instance.read('key');
    await world.clock.advance(50);
    instance.connection.hold();
    await world.after(400, reading);
    const stopping = instance.cache.stop();
    await world.after(1000, stopping);
    instance.connection.release();
    await world.clock.advance(1);
    expect(world.server.has('key')).toBe(true);
  });
});
