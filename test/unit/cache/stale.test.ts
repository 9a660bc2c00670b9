// A stale entry is served at once, and renewed in the background by one instance of the fleet.

import { describe, expect } from 'vitest';
import {
  filledInstance,
  it,
  told,
  type InMemoryInstance,
  type World,
} from '../../support/in-memory-cache.ts';

/** An entry that lives for 10 s, and may be served stale for a minute. */
const filled = (world: World, options?: object): Promise<InMemoryInstance> =>
  filledInstance(world, 'old', 'max-age=10', options);

describe('a stale entry', () => {
  it('is served at once while a slow origin renews it, once, and the late answer is in the cache', async ({
    world,
  }) => {
    const instance = await filled(world);
    await world.clock.advance(10_001);
    world.origin.set('key', 'new');
    world.origin.delayMs = 5000;
    await instance.read('key');
    await world.clock.advance(1);
    const { commands } = instance.connection;
    for (let reads = 0; reads < 10; reads += 1) {
      expect(told(await world.after(400, instance.read('key')))).toBe('stale old');
    }
    // Ten reads, and the lock is extended each second: no read asks for the lock again.
    expect(instance.connection.commands - commands).toBe(10 + 4);
    await world.clock.advance(1001);
    expect(told(await instance.read('key'))).toBe('hit new');
    expect(world.origin.loads).toHaveLength(2);
  });

  it('is renewed without moving its body where it has not changed', async ({ world }) => {
    const instance = await filled(world);
    await world.clock.advance(10_001);
    expect(told(await instance.read('key'))).toBe('stale old');
    await world.clock.advance(1);
    expect(told(await instance.read('key'))).toBe('hit old');
    expect([world.origin.loads.length, world.origin.bodiesMoved]).toEqual([2, 1]);
    expect(world.origin.loads[1]?.conditional).toBe(true);
  });

  it('is renewed by one instance, and the others go on serving it', async ({ world }) => {
    await filled(world);
    const instances = world.instances(3);
    await world.clock.advance(10_001);
    world.origin.delayMs = 500;
    const read = async (): Promise<readonly string[]> =>
      Promise.all(instances.map(async (instance) => told(await instance.read('key'))));
    expect(new Set([...(await read()), ...(await world.after(100, read()))])).toEqual(new Set(['stale old']));
    await world.clock.advance(500);
    expect(new Set(await read())).toEqual(new Set(['hit old']));
    expect(world.origin.loads).toHaveLength(2);
  });

  it('that has been renewed by another instance meanwhile is not renewed again', async ({ world }) => {
    const [first, second] = [await filled(world), world.instance()];
    await world.clock.advance(10_001);
    second.connection.hold();
    const reading = second.read('key');
    second.connection.step();
    await reading;
    // Its renewal waits for the lock.
    expect(told(await first.read('key'))).toBe('stale old');
    await world.clock.advance(1);
    second.connection.release();
    await world.clock.advance(1);
    expect(world.origin.loads).toHaveLength(2);
  });

  it('that the origin has no more ends as a miss', async ({ world }) => {
    const instance = await filled(world);
    world.origin.entries.clear();
    await world.clock.advance(10_001);
    expect(told(await instance.read('key'))).toBe('stale old');
    await world.clock.advance(1);
    expect(await instance.read('key')).toEqual({ kind: 'miss', origin: 'remembered' });
    expect(world.server.has('key')).toBe(false);
  });

  it.for(['no-store', 'private'])('ends when a renewal is told %s', async (said, { world }) => {
    const instance = await filled(world);
    world.origin.fields = { 'cache-control': said };
    await world.clock.advance(10_001);
    expect(told(await instance.read('key'))).toBe('stale old');
    await world.clock.advance(1);
    expect(world.server.has('key')).toBe(false);
    expect(await instance.read('key')).toMatchObject({ kind: 'loaded', forwarded: { stored: false } });
    expect(world.origin.loads[1]?.conditional).toBe(true);
  });

  it('is expired when it has been stale for as long as it may', async ({ world }) => {
    const instance = await filled(world);
    await world.clock.advance(70_001);
    expect(await instance.read('key')).toMatchObject({
      kind: 'loaded',
      forwarded: { why: 'stale', status: 304, stored: true },
    });
  });

  it('is not renewed by a stopping instance, nor where there is no origin', async ({ world }) => {
    const [instance, bare] = [await filled(world), world.instance({ origin: undefined })];
    await world.clock.advance(10_001);
    expect(told(await bare.read('key'))).toBe('stale old');
    await world.after(1000, instance.cache.stop());
    expect(told(await instance.read('key'))).toBe('stale old');
    await world.clock.advance(60_000);
    expect(await bare.read('key')).toEqual({ kind: 'miss', origin: undefined });
    expect(world.origin.loads).toHaveLength(1);
  });
});

describe('while the origin fails', () => {
  it('a stale entry is served, a renewal is tried once a second in the fleet, and it recovers', async ({
    world,
  }) => {
    const [first, second] = [await filled(world), world.instance()];
    await world.clock.advance(10_001);
    world.origin.failing = true;
    world.origin.set('key', 'new');
    for (let reads = 0; reads < 300; reads += 1) {
      expect(told(await first.read('key'))).toBe('stale old');
      expect(told(await second.read('key'))).toBe('stale old');
      await world.clock.advance(10);
    }
    expect(world.origin.loads.length - 1).toBeGreaterThanOrEqual(2);
    expect(world.origin.loads.length - 1).toBeLessThanOrEqual(4);
    world.origin.failing = false;
    await world.clock.advance(3000);
    await first.read('key');
    await world.clock.advance(1);
    expect(told(await second.read('key'))).toBe('hit new');
  });

  it('one key says nothing of the origin, three in a row do, once, as does the recovery', async ({
    world,
  }) => {
    const instance = await filled(world);
    world.origin.failing = true;
    for (const other of ['one', 'two', 'three', 'four']) {
      expect(told(await instance.read(other))).toBe('origin-failed');
      expect(instance.told.filter((type) => type === 'originFailing')).toHaveLength(
        other === 'one' || other === 'two' ? 0 : 1,
      );
    }
    world.origin.failing = false;
    for (const other of ['one', 'two']) expect(told(await instance.read(other))).toBe('miss');
    expect(instance.told.filter((type) => type === 'originRecovered')).toHaveLength(1);
  });

  it('an answer of trouble does not take the place of an entry that may be served meanwhile', async ({
    world,
  }) => {
    const instance = await filled(world);
    await world.clock.advance(10_001);
    world.origin.set('key', 'trouble');
    for (const status of [429, 503]) {
      world.origin.statuses.set('key', status);
      expect(told(await instance.read('key'))).toBe('stale old');
      await world.clock.advance(4000);
    }
    expect(world.origin.loads).toHaveLength(3);
    expect(instance.told).not.toContain('originFailing');
    // The origin's word on this entry is another matter.
    world.origin.statuses.set('key', 403);
    await instance.read('key');
    await world.clock.advance(1);
    expect(await instance.read('key')).toMatchObject({ kind: 'hit', entry: { loaded: { status: 403 } } });
  });
});
