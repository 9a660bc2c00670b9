// What is remembered instead of a lock: that the origin has none, none that may be stored, or has just failed.

import { describe, expect } from 'vitest';
import { lockKeys } from '../../../src/cache/lock-keys.ts';
import type { Fields } from '../../../src/origin/storage.ts';
import { it, told, type World } from '../../support/in-memory-cache.ts';

const { mark } = lockKeys('ref', { kind: 'load', name: 'key' });

/** What the origin says of a key that it does not have. */
function absent({ origin }: World, fields: Fields, status: 404 | 410 = 404): void {
  origin.answers.set('key', () => ({ kind: 'none', status, fields }));
}

describe('that the origin has none', () => {
  it('is remembered for 5 s by the whole fleet, and then asked again', async ({ world }) => {
    const [first, second] = [world.instance(), world.instance()];
    expect(await first.read('key')).toEqual({ kind: 'miss', origin: 'asked' });
    world.origin.set('key', 'now');
    await world.clock.advance(5000);
    expect(await first.read('key')).toEqual({ kind: 'miss', origin: 'remembered' });
    expect(await second.read('key')).toEqual({ kind: 'miss', origin: 'remembered' });
    expect(world.origin.loads).toHaveLength(1);
    await world.clock.advance(1);
    expect(told(await second.read('key'))).toBe('loaded now');
  });

  it('is remembered for no longer than an entry lives without a lifetime of its own', async ({ world }) => {
    const instance = world.instance({ defaultTtlSeconds: 1 });
    await instance.read('key');
    expect(world.server.leftMs(mark)).toBe(1000);
  });

  it.for([
    [{ 'cache-control': 'max-age=60' }, 60_000],
    [{ 'cache-control': 'max-age=60', age: '50' }, 10_000],
    [{ 'cache-control': 'max-age=604800' }, 24 * 3600 * 1000],
    [{ 'cache-control': 'max-age=0' }, -2],
    [{ 'cache-control': 'no-store' }, -2],
    [{ 'cache-control': 'no-cache' }, -2],
    [{ 'cache-control': 'max-age=60', age: '70' }, -2],
  ] as const)('is remembered for as long as it says itself: %j', async ([fields, ms], { world }) => {
    const instance = world.instance();
    for (const status of [404, 410] as const) {
      absent(world, fields, status);
      expect(told(await instance.read('key'))).toBe('miss');
      expect(world.server.leftMs(mark)).toBe(ms);
      world.server.delete(mark);
    }
  });

  it('ends with a removal by a client, unless its condition fails', async ({ world }) => {
    const instance = world.instance();
    expect(told(await instance.read('key'))).toBe('miss');
    world.origin.set('key', 'value');
    const condition = { kind: 'match', etags: ['other'] } as const;
    expect(await instance.remove('key', condition)).toEqual({ kind: 'precondition-failed' });
    expect(told(await instance.read('key'))).toBe('miss');
    expect(await instance.remove('key')).toEqual({ kind: 'absent' });
    expect(told(await instance.read('key'))).toBe('loaded value');
  });

  it('does not hide what a client writes', async ({ world }) => {
    const instance = world.instance();
    await instance.read('key');
    await instance.write('key', 'mine');
    expect(told(await instance.read('key'))).toBe('hit mine');
  });

  it('is seen by a load that waits for its turn', async ({ world }) => {
    const instance = world.instance();
    const slow = Array.from({ length: 32 }, (_, index) => `slow-${index}`);
    for (const name of slow) world.origin.set(name, name);
    await instance.read('key');
    world.origin.delayMs = 5000;
    const reads = slow.map((name) => instance.read(name, 10_000));
    await world.clock.advance(10);
    expect(await world.after(100, instance.read('key'))).toEqual({ kind: 'miss', origin: 'remembered' });
    await world.clock.advance(6000);
    await Promise.all(reads);
  });
});

describe('that the origin has just failed', () => {
  it('is seen by a load that waits for its turn', async ({ world }) => {
    const instance = world.instance();
    const slow = Array.from({ length: 32 }, (_, index) => `slow-${index}`);
    for (const name of slow) world.origin.set(name, name);
    world.origin.delayMs = 5000;
    const reads = slow.map((name) => instance.read(name, 10_000));
    await world.clock.advance(10);
    world.server.set(mark, 'failed', 1000);
    const answer = await world.after(100, instance.read('key'));
    expect(answer).toMatchObject({ kind: 'origin-failed', error: { retryAfterSeconds: 1 } });
    await world.clock.advance(6000);
    await Promise.all(reads);
  });

  it('is not remembered of a miss: whoever comes next asks', async ({ world }) => {
    const instance = world.instance();
    world.origin.failing = true;
    for (let reads = 0; reads < 3; reads += 1) expect(told(await instance.read('key'))).toBe('origin-failed');
    expect(world.origin.loads).toHaveLength(3);
    expect(world.server.has(mark)).toBe(false);
  });
});

describe('what may not be stored', () => {
  const noStore = { 'cache-control': 'no-store' };

  it('is served, not stored, and told once for each reason', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', 'secret');
    world.origin.fields = noStore;
    for (let reads = 0; reads < 2; reads += 1) {
      expect(await instance.read('key')).toMatchObject({ kind: 'loaded', forwarded: { stored: false } });
    }
    expect(world.server.has('key')).toBe(false);
    expect(world.origin.loads).toHaveLength(2);
    expect(instance.events).toEqual([{ type: 'answerNotStored', reason: 'Cache-Control: no-store' }]);
  });

  it('is loaded on all instances at once when that is known, and stored once it may be', async ({
    world,
  }) => {
    const instances = world.instances(6);
    world.origin.set('key', 'value');
    world.origin.delayMs = 500;
    world.origin.fields = noStore;
    const readAll = async (ms: number): Promise<unknown> => {
      const reads = Promise.all(instances.map((instance) => instance.read('key')));
      return new Set((await world.after(ms, reads)).map(told));
    };
    expect(await readAll(2000)).toEqual(new Set(['loaded value']));
    // As long as it is asked for, nobody has to find that out again.
    for (let rounds = 0; rounds < 3; rounds += 1) {
      expect(await readAll(500)).toEqual(new Set(['loaded value']));
      await world.clock.advance(3000);
    }
    world.origin.fields = {};
    expect(await readAll(500)).toEqual(new Set(['loaded value']));
    await world.clock.advance(5000);
    expect(await readAll(2000)).toEqual(new Set(['loaded value']));
    expect(await readAll(1)).toEqual(new Set(['hit value']));
  });

  it('for want of a lifetime and of a validator is not stored either', async ({ world }) => {
    const instance = world.instance();
    world.origin.validates = false;
    world.origin.set('key', 'value');
    world.origin.fields = { 'cache-control': 'no-cache' };
    expect(await instance.read('key')).toMatchObject({ kind: 'loaded', forwarded: { stored: false } });
    expect(instance.told).toEqual(['answerNotStored']);
    expect(world.server.text(mark)).toBe('pass');
  });

  it('and fails is a failure, of which nothing is remembered', async ({ world }) => {
    const instance = world.instance();
    world.server.set(mark, 'pass', 5000);
    world.origin.failing = true;
    expect(told(await instance.read('key'))).toBe('origin-failed');
    expect(world.server.leftMs(mark)).toBe(5000);
  });
});
