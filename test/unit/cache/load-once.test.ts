// A missing entry is loaded once: by one request of a process, and by one process of the fleet.

import { describe, expect } from 'vitest';
import { lockKeys } from '../../../src/cache/lock-keys.ts';
import { AppError } from '../../../src/util/errors.ts';
import { answeredReads } from '../../../src/telemetry/measures.ts';
import { it, told } from '../../support/in-memory-cache.ts';

describe('a miss', () => {
  it('is filled once, and the next reads are hits with what the origin said of it', async ({ world }) => {
    const instance = world.instance({ random: () => 0.5 });
    world.origin.set('key', 'value');
    world.origin.fields = { 'cache-control': 'max-age=1000' };
    expect(await instance.read('key')).toMatchObject({
      kind: 'loaded',
      forwarded: { why: 'miss', status: 200, stored: true, collapsed: false },
    });
    expect(await instance.read('key')).toMatchObject({
      kind: 'hit',
      stale: false,
      entry: { etag: 'v1', contentType: 'text/plain', freshness: { ttlSeconds: 950 } },
    });
    // Fresh, then stale, then worth to be validated for as long again.
    expect(world.server.leftMs('key')).toBe((950 + 60 + 950) * 1000);
    expect(world.origin.loads).toHaveLength(1);
  });

  it('is loaded once for 1,000 concurrent reads on three instances', async ({ world }) => {
    const instances = world.instances(3);
    world.origin.set('key', 'value');
    world.origin.delayMs = 300;
    const reads = Array.from({ length: 1000 }, async (_, index) => {
      const instance = instances[index % 3] ?? expect.unreachable();
      return told(await instance.read('key'));
    });
    const results = await world.after(1000, Promise.all(reads));
    expect(new Set(results)).toEqual(new Set(['loaded value']));
    expect(world.origin.loads).toHaveLength(1);
  });

  it('says of an answer whether another load was waited for, on this instance or another', async ({
    world,
  }) => {
    const [first, second] = world.instances(2);
    world.origin.set('key', 'value');
    world.origin.delayMs = 300;
    const reads = Promise.all([first?.read('key'), first?.read('key'), second?.read('key')]);
    expect(await world.after(1000, reads)).toMatchObject([
      { forwarded: { status: 200, stored: true, collapsed: false } },
      { forwarded: { status: 200, stored: true, collapsed: true } },
      { forwarded: { status: undefined, stored: true, collapsed: true } },
    ]);
  });

  it('counts once, however often the entry is looked for while it is loaded', async ({ world }) => {
    const [first, second] = [world.instance(), world.instance()];
    world.origin.set('key', 'value');
    world.origin.delayMs = 300;
    await world.after(1000, Promise.all([first.read('key'), second.read('key')]));
    await world.after(300, second.readMany(['key', 'none']));
    expect([first, second].map(({ measures }) => answeredReads(measures))).toEqual([1, 3]);
  });

  it('is a miss where there is no origin, and is not loaded', async ({ world }) => {
    const instance = world.instance({ origin: undefined });
    expect(await instance.read('key')).toEqual({ kind: 'miss', origin: undefined });
    expect(await instance.remove('key')).toEqual({ kind: 'absent' });
    expect(world.origin.loads).toEqual([]);
  });

  it.for(['{tag}/a', 'a{tag}', '{}a', '{}{a}', '}{', '{a}{b}', '{{a}}'])(
    'is filled and removed whatever braces are in the key: %s',
    async (key, { world }) => {
      const instance = world.instance();
      world.origin.set(key, 'value');
      expect(await instance.read(key)).toMatchObject({ kind: 'loaded', forwarded: { stored: true } });
      expect(await instance.remove(key)).toEqual({ kind: 'removed' });
      expect(world.server.has(key)).toBe(false);
    },
  );
});

describe('when a load fails', () => {
  it('all who wait for it on the instance get the failure, and the next one tries again', async ({
    world,
  }) => {
    const instance = world.instance();
    world.origin.failing = true;
    world.origin.delayMs = 300;
    const reads = Promise.all([instance.read('key'), instance.read('key'), instance.read('key')]);
    expect((await world.after(300, reads)).map(told)).toEqual(Array(3).fill('origin-failed'));
    expect(world.origin.loads).toHaveLength(1);
    world.origin.failing = false;
    world.origin.set('key', 'back');
    expect(told(await world.after(300, instance.read('key')))).toBe('loaded back');
  });

  it('another instance that waits for it tries in its place', async ({ world }) => {
    const [first, second] = [world.instance(), world.instance()];
    world.origin.failing = true;
    world.origin.delayMs = 300;
    const failing = first.read('key');
    const waiting = second.read('key');
    await world.clock.advance(200);
    world.origin.set('key', 'value');
    await world.clock.advance(100);
    world.origin.failing = false;
    expect(told(await failing)).toBe('origin-failed');
    expect(told(await world.after(1000, waiting))).toBe('loaded value');
    expect(world.origin.loads).toHaveLength(2);
  });

  it('for what is wrong with this entry alone, that says nothing of the origin', async ({ world }) => {
    const instance = world.instance();
    for (const key of ['one', 'two', 'three']) {
      world.origin.answers.set(key, () => new AppError('origin-failed', 'x', { isOfOneEntry: true }));
      expect(told(await instance.read(key))).toBe('origin-failed');
    }
    expect(instance.told).toEqual([]);
  });

  it('for a bug, the lock is given back, and the bug surfaces', async ({ world }) => {
    const instance = world.instance();
    world.origin.answers.set('key', () => new TypeError('a bug'));
    await expect(instance.read('key')).rejects.toThrow('a bug');
    world.origin.answers.clear();
    world.origin.set('key', 'value');
    expect(told(await instance.read('key'))).toBe('loaded value');
  });

  it('for a bug under the lock, the lock is given back as well', async ({ world }) => {
    const instance = world.instance();
    const { tier } = instance;
    const read = tier.read.bind(tier);
    const reads = { count: 0 };
    tier.read = async (...question) => {
      reads.count += 1;
      if (reads.count === 2) throw new TypeError('a bug');
      return read(...question);
    };
    world.origin.set('key', 'value');
    await expect(instance.read('key')).rejects.toThrow('a bug');
    expect(told(await instance.read('key'))).toBe('loaded value');
  });
});

describe('a lock', () => {
  it('whose holder is gone expires after 3 s, and another instance takes over', async ({ world }) => {
    const [dead, instance] = [world.instance(), world.instance()];
    world.origin.set('key', 'value');
    world.origin.delayMs = 600_000;
    const lost = dead.read('key');
    await world.clock.advance(1500);
    // As a killed process: its lock is neither extended nor released.
    dead.connection.fault = 'unavailable';
    world.origin.delayMs = 0;
    expect(told(await world.after(2000, instance.read('key')))).toBe('origin-pending');
    expect(told(await lost)).toBe('origin-pending');
    expect(world.origin.loads).toHaveLength(1);
    expect(told(await world.after(1000, instance.read('key')))).toBe('loaded value');
  });

  it('is extended for as long as the load takes, but not beyond the longest invocation', async ({
    world,
  }) => {
    const [holder, waiting] = [world.instance(), world.instance()];
    const { lock } = lockKeys('ref', { kind: 'load', name: 'key' });
    world.origin.set('key', 'value');
    world.origin.delayMs = 600_000;
    const reading = holder.read('key');
    await world.clock.advance(20_000);
    expect(world.server.has(lock)).toBe(true);
    expect(told(await world.after(2000, waiting.read('key')))).toBe('origin-pending');
    expect(world.origin.loads).toHaveLength(1);
    await reading;
  });

  it('that another instance has is polled, and not for longer than a request may take', async ({ world }) => {
    const instance = world.instance();
    const { lock } = lockKeys('ref', { kind: 'load', name: 'key' });
    world.origin.set('key', 'value');
    world.server.set(lock, 'somebody', 3000);
    expect(told(await world.after(500, instance.read('key', 500)))).toBe('origin-pending');
    // The load goes on, and takes the lock once that has expired.
    expect(told(await world.after(1500, instance.read('key')))).toBe('origin-pending');
    expect(told(await world.after(1200, instance.read('key')))).toBe('loaded value');
  });

  const { lock, mark } = lockKeys('ref', { kind: 'load', name: 'key' });
  it.for([
    ['a lock without expiry', lock, 'x', undefined],
    ['a lock for longer than one is held', lock, 'x', 60_000],
    ['a lock of another type', lock, 'other', undefined],
    ['a mark without expiry', mark, 'none', undefined],
    ['a mark for two days', mark, 'none', 2 * 24 * 3600 * 1000],
    ['a mark that there is not', mark, 'held', 1000],
    ['a mark of another type', mark, 'other', undefined],
  ] as const)(
    'or a mark that cannot be its own is not believed: %s',
    async ([, key, value, ms], { world }) => {
      const instance = world.instance();
      world.origin.set('key', 'value');
      world.server.set(key, value, ms);
      expect(await instance.read('key')).toMatchObject({ kind: 'loaded', forwarded: { stored: true } });
      world.server.delete(key);
    },
  );

  it('lost with all of Redis leaves at most one load an instance', async ({ world }) => {
    const instances = world.instances(3);
    world.origin.set('key', 'value');
    world.origin.delayMs = 500;
    const reads = Promise.all(
      Array.from({ length: 30 }, async (_, index) => instances[index % 3]?.read('key')),
    );
    await world.clock.advance(100);
    world.server.restart();
    const results = await world.after(1500, reads);
    expect(new Set(results.map((result) => result && told(result)))).toEqual(new Set(['loaded value']));
    expect(world.origin.loads.length).toBeLessThanOrEqual(3);
  });
});
