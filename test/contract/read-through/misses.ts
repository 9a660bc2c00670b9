// Entries that are absent: loaded once, and what is answered where they cannot be.

import { describe, expect, it } from 'vitest';
import { entryKey } from '../../support/cache-instance.ts';
import { eventually } from '../../support/eventually.ts';
import { outcomeOf, type Begin } from '../../support/read-through-test.ts';

export function misses(begin: Begin): void {
  describe.concurrent('a miss', () => {
    it('is filled once, and the next reads are hits with what the origin said of it', async () => {
      await using test = begin();
      const { origin, key } = test;
      const instance = await test.start();
      origin.set(key, 'value');
      origin.fields = { 'cache-control': 'max-age=1000' };
      expect(await test.read(instance)).toMatchObject({
        kind: 'loaded',
        forwarded: { why: 'miss', stored: true, collapsed: false },
      });
      const hit = await test.read(instance);
      expect(hit).toMatchObject({
        kind: 'hit',
        stale: false,
        entry: { etag: 'v1', contentType: 'text/plain' },
      });
      if (hit.kind !== 'hit') return;
      expect(hit.entry.freshness?.ttlSeconds).toBeGreaterThan(899);
      expect(hit.entry.freshness?.ttlSeconds).toBeLessThanOrEqual(1000);
      expect(Number(await test.admin('PTTL', key))).toBeGreaterThan(950_000);
      expect(origin.loads).toHaveLength(1);
    });

    it('for which there is no memory is refused at once, and blames neither Redis nor the origin', async () => {
      await using test = begin();
      const { origin, key } = test;
      const instance = await test.start();
      origin.set(key, Buffer.alloc(100_000, 'x'));
      const full = instance.budget.open();
      while (full.takeValue(100_000));
      expect(await test.outcome(instance)).toBe('overloaded');
      expect(origin.loads).toHaveLength(1);
      expect(origin.bodiesMoved).toBe(0);
      expect(instance.events.map(({ type }) => type)).not.toContain('originFailing');
      full.close();
      expect(await test.outcome(instance)).toBe(`loaded ${'x'.repeat(100_000)}`);
      await eventually(() => expect(instance.budget.usedBytes).toBe(0));
    });

    it('ends within its time when the origin is slow, and the late answer is in the cache', async () => {
      await using test = begin();
      const { origin, key } = test;
      const instance = await test.start();
      origin.set(key, 'late');
      origin.delayMs = 1000;
      expect(await test.outcome(instance, key, 300)).toBe('origin-pending');
      // The origin has not answered yet.
      expect(origin.bodiesMoved).toBe(0);
      await eventually(async () => expect(await test.outcome(instance, key, 300)).toBe('hit late'));
      expect(origin.loads).toHaveLength(1);
    });

    it('that the origin has not either is remembered for a moment, then asked again', async () => {
      await using test = begin();
      const { origin, key } = test;
      const instance = await test.start({ CACHE_DEFAULT_TTL_SECONDS: '1' });
      expect(await test.read(instance)).toEqual({ kind: 'miss', origin: 'asked' });
      expect(await test.read(instance)).toEqual({ kind: 'miss', origin: 'remembered' });
      expect(origin.loads).toHaveLength(1);
      origin.set(key, 'now');
      await eventually(async () => expect(await test.outcome(instance)).toBe('loaded now'), 3000);
    });

    it('is answered with what failed while the origin fails, never as a miss', async () => {
      await using test = begin();
      const { origin, key } = test;
      const instance = await test.start();
      origin.failing = true;
      for (let reads = 0; reads < 3; reads += 1) expect(await test.outcome(instance)).toBe('origin-failed');
      origin.failing = false;
      origin.set(key, 'back');
      expect(await test.outcome(instance)).toBe('loaded back');
    });

    it('counts once as a key that was asked for, however often it is looked for while it is loaded', async () => {
      await using test = begin();
      const { origin, key } = test;
      const [first, second] = [await test.start(), await test.start()];
      origin.set(key, 'value');
      origin.delayMs = 300;
      await Promise.all([test.read(first), test.read(second)]);
      await second.cache.readMany([entryKey(key), entryKey(`${key}-none`)], Date.now() + 1800);
      expect([first.cache.readCount, second.cache.readCount]).toEqual([1, 3]);
    });

    it('of many keys at once has an answer for each', async () => {
      await using test = begin();
      const { origin, key } = test;
      const instance = await test.start();
      origin.set(`${key}/a`, 'a');
      origin.set(`${key}/b`, 'b');
      await test.read(instance, `${key}/a`);
      await test.admin('RPUSH', `${key}/list`, 'x');
      const keys = ['a', 'b', 'none', 'list'].map((part) => entryKey(`${key}/${part}`));
      const results = await instance.cache.readMany(keys, Date.now() + 1800);
      expect(results.map(outcomeOf)).toEqual(['hit a', 'loaded b', 'miss', 'wrong-type']);
    });
  });
}
