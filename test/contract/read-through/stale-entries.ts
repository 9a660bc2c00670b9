// Entries past their time: served, renewed, validated or ended, as the settings and the origin have it.

import { describe, expect, it } from 'vitest';
import { eventually, sleep } from '../../support/eventually.ts';
import { outcomeOf, type Begin } from '../../support/read-through-test.ts';

/** A lifetime is in whole seconds, so the shortest is one. */
const untilStale = (): Promise<void> => sleep(1100);

export function staleEntries(begin: Begin): void {
  describe.concurrent('an entry past its time', () => {
    it('is served while the origin fails, which is tried once a second by the whole fleet, and recovers', async () => {
      await using test = begin();
      const { origin, key } = test;
      const settings = { CACHE_DEFAULT_TTL_SECONDS: '4', CACHE_STALE_SECONDS: '60' };
      const [first, second] = [await test.start(settings), await test.start(settings)];
      origin.set(key, 'old');
      await test.read(first);
      await sleep(4100);
      origin.failing = true;
      origin.set(key, 'new');
      const before = origin.loads.length;
      const startedAtMs = Date.now();
      while (Date.now() - startedAtMs < 3000) {
        expect(await test.outcome(first)).toBe('stale old');
        expect(await test.outcome(second)).toBe('stale old');
        await sleep(10);
      }
      expect(origin.loads.length - before).toBeGreaterThanOrEqual(2);
      expect(origin.loads.length - before).toBeLessThanOrEqual(4);
      // One key says nothing of the origin; three in a row do, once.
      const others = [1, 2, 3].map((other) => `${key}-${other}`);
      for (const other of others) expect(await test.outcome(first, other)).toBe('origin-failed');
      const types = (): readonly string[] => first.events.map(({ type }) => type);
      expect(types().filter((type) => type === 'originFailing')).toHaveLength(1);
      origin.failing = false;
      await eventually(async () => expect(await test.outcome(first)).toBe('hit new'), 4000);
      for (const other of others) expect(await test.outcome(first, other)).toBe('miss');
      expect(types().filter((type) => type === 'originRecovered')).toHaveLength(1);
    });

    it('is served at once while a slow origin renews it, and the late answer is in the cache', async () => {
      await using test = begin();
      const { origin, key } = test;
      const instance = await test.start({ CACHE_DEFAULT_TTL_SECONDS: '1', CACHE_STALE_SECONDS: '60' });
      origin.set(key, 'old');
      expect(await test.outcome(instance)).toBe('loaded old');
      origin.set(key, 'new');
      origin.delayMs = 1500;
      await untilStale();
      for (let reads = 0; reads < 10; reads += 1) expect(await test.outcome(instance)).toBe('stale old');
      // None of them waited for the second load, whose body has not come yet.
      expect(origin.bodiesMoved).toBe(1);
      await eventually(async () => expect(await test.outcome(instance)).toMatch(/(?:hit|stale) new/u));
      expect(origin.loads).toHaveLength(2);
    });

    it('ends as a miss where the origin has it no more', async () => {
      await using test = begin();
      const { origin, key } = test;
      const instance = await test.start({ CACHE_DEFAULT_TTL_SECONDS: '1' });
      origin.set(key, 'value');
      await test.read(instance);
      origin.entries.clear();
      await untilStale();
      expect(await test.outcome(instance)).toBe('stale value');
      await eventually(async () => expect(await test.outcome(instance)).toBe('miss'));
    });

    it.each(['no-store', 'private'])('ends when a renewal is told %s', async (said) => {
      await using test = begin();
      const { origin, key } = test;
      const instance = await test.start({ CACHE_STALE_SECONDS: '3600' });
      origin.set(key, 'value');
      origin.fields = { 'cache-control': 'max-age=1' };
      await test.read(instance);
      origin.fields = { 'cache-control': said };
      await untilStale();
      expect(await test.outcome(instance)).toBe('stale value');
      await eventually(async () => expect(await test.outcome(instance)).toBe('loaded value'));
      expect(await test.admin('EXISTS', key)).toBe(0);
      // It was not moved to learn that.
      expect(origin.loads[1]?.conditional).toBe(true);
    });

    it('that may not be served stale is validated by one of many reads, in the whole fleet, and its body stays', async () => {
      await using test = begin();
      const { origin, key } = test;
      const settings = { CACHE_STALE_SECONDS: '3600' };
      const [first, second] = [await test.start(settings), await test.start(settings)];
      origin.set(key, 'value');
      origin.fields = { 'cache-control': 'max-age=1, must-revalidate' };
      await test.read(first);
      await untilStale();
      origin.delayMs = 200;
      origin.fields = { 'cache-control': 'max-age=60, must-revalidate' };
      const outcomes = await Promise.all(
        Array.from({ length: 40 }, async (_, index) => test.outcome(index % 2 === 0 ? first : second)),
      );
      expect(new Set(outcomes)).toEqual(new Set(['loaded value']));
      expect([origin.loads.length, origin.bodiesMoved]).toEqual([2, 1]);
      expect(await test.outcome(second)).toBe('hit value');
    });

    it('that must be asked for each time is, and is served stale when that fails only where the origin lets it', async () => {
      await using test = begin();
      const { origin, key } = test;
      const instance = await test.start();
      const strict = `${key}-strict`;
      origin.set(key, 'value');
      origin.set(strict, 'strict');
      origin.fields = { 'cache-control': 'max-age=0' };
      await test.read(instance);
      origin.fields = { 'cache-control': 'no-cache' };
      await test.read(instance, strict);
      for (const one of [key, strict]) {
        expect(await test.read(instance, one)).toMatchObject({
          kind: 'loaded',
          forwarded: { why: 'stale', status: 304 },
        });
      }
      origin.failing = true;
      const asked = origin.loads.length;
      for (let reads = 0; reads < 10; reads += 1) {
        // `max-age=0` forbids nothing: the setting lets it be served while the origin fails.
        expect(await test.read(instance, strict)).toMatchObject({ kind: 'origin-failed' });
      }
      expect(origin.loads.length).toBe(asked + 10);
    });

    it('is served at once while it is known that the origin has just failed', async () => {
      await using test = begin();
      const { origin, key } = test;
      const instance = await test.start();
      origin.set(key, 'value');
      origin.fields = { 'cache-control': 'max-age=1, stale-while-revalidate=0, stale-if-error=60' };
      await test.read(instance);
      await untilStale();
      origin.failing = true;
      const asked = origin.loads.length;
      const startedAtMs = Date.now();
      for (let reads = 0; reads < 20; reads += 1) {
        expect(await test.read(instance)).toMatchObject({
          kind: 'hit',
          stale: true,
          despite: 'origin-failed',
        });
      }
      // It is asked again a second after it has failed, and no read in between asks it.
      const seconds = Math.ceil((Date.now() - startedAtMs) / 1000);
      expect(origin.loads.length - asked).toBeLessThanOrEqual(2 + seconds);
    });

    it('is not replaced by an answer of trouble while it may be served', async () => {
      await using test = begin();
      const { origin, key } = test;
      const instance = await test.start({ CACHE_STALE_SECONDS: '3600' });
      origin.set(key, 'value');
      origin.fields = { 'cache-control': 'max-age=1' };
      await test.read(instance);
      origin.set(key, 'trouble');
      origin.statuses.set(key, 429);
      await untilStale();
      await test.read(instance);
      await eventually(() => expect(origin.bodiesMoved).toBe(2));
      expect(outcomeOf(await test.read(instance))).toBe('stale value');
      // The origin's word on this entry is another matter.
      origin.statuses.set(key, 403);
      await eventually(async () => {
        expect(await test.read(instance)).toMatchObject({ entry: { loaded: { status: 403 } } });
      });
    });
  });
}
