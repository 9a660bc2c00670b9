// Several instances and one origin: entries are loaded once, and what clients removed does not come back.

import { describe, expect, it } from 'vitest';
import { eventually, sleep } from '../../support/eventually.ts';
import { gotOf, type Begin } from '../../support/read-through-test.ts';

export function severalInstances(begin: Begin): void {
  describe.concurrent('an entry', () => {
    it('that is absent is loaded once, and the next reads are hits with what the origin said of it', async () => {
      await using test = begin();
      const { origin, key } = test;
      const instance = await test.start();
      origin.set(key, 'value');
      origin.fields = { 'cache-control': 'max-age=1000' };
      const beganAtMs = performance.now();
      const loaded = await test.read(instance);
      // It is kept back for 0.3 s at most until it is stored.
      const isInTime = performance.now() - beganAtMs < 300;
      const stored = isInTime ? true : (expect.any(Boolean) as boolean);
      expect(loaded).toMatchObject({
        kind: 'loaded',
        forwarded: { why: 'miss', stored, collapsed: false },
      });
      await eventually(async () => expect(await test.admin('EXISTS', key)).toBe(1));
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

    it('past its time is served at once while a slow origin renews it, and the late answer is in the cache', async () => {
      await using test = begin();
      const { origin, key } = test;
      const instance = await test.start({ CACHE_DEFAULT_TTL_SECONDS: '1', CACHE_STALE_SECONDS: '60' });
      origin.set(key, 'old');
      expect(await test.outcome(instance)).toBe('loaded old');
      origin.set(key, 'new');
      origin.delayMs = 1500;
      // A lifetime is in whole seconds, so the shortest is one.
      await sleep(1100);
      for (let reads = 0; reads < 10; reads += 1) expect(await test.outcome(instance)).toBe('stale old');
      // None of them waited for the second load, whose body has not come yet.
      expect(origin.bodiesMoved).toBe(1);
      await eventually(async () => expect(await test.outcome(instance)).toMatch(/(?:hit|stale) new/u));
    });

    it('that is removed on one instance while another loads it does not come back', async () => {
      await using test = begin();
      const { origin, key } = test;
      const [first, second] = await Promise.all([test.start(), test.start()]);
      origin.set(key, 'old');
      origin.delayMs = 500;
      const loading = test.read(first);
      await eventually(() => expect(origin.loads).toHaveLength(1));
      expect(await test.remove(second)).toEqual({ kind: 'absent' });
      expect(await loading).toMatchObject({ kind: 'loaded', forwarded: { stored: false } });
      expect(await test.admin('EXISTS', key)).toBe(0);
      origin.set(key, 'new');
      expect(await test.outcome(second)).toBe('loaded new');
    });

    it('is loaded and removed whatever braces are in its key', async () => {
      await using test = begin();
      const { origin } = test;
      const instance = await test.start();
      for (const braces of ['{tag}/a', 'a{tag}', '{}a', '{}{a}', '}{', '{a}{b}', '{{a}}']) {
        const key = `${test.key}${braces}`;
        origin.set(key, braces);
        expect(await test.outcome(instance, key)).toBe(`loaded ${braces}`);
        // An answer is not kept back for longer than 0.3 s until it is stored, nor stored without its lock, of 3 s.
        await eventually(async () => {
          expect(await test.outcome(instance, key)).toMatch(/^(?:loaded|hit) /u);
          expect(await test.admin('EXISTS', key)).toBe(1);
        });
        expect(await test.remove(instance, undefined, key)).toEqual({ kind: 'removed' });
        expect(await test.admin('EXISTS', key)).toBe(0);
      }
    });

    it('is loaded by another instance within seconds when the one that loads it is gone', async () => {
      await using test = begin();
      const { origin, key } = test;
      const [dead, instance] = [await test.start(), await test.start()];
      origin.set(key, 'value');
      origin.delayMs = 600_000;
      void test.read(dead).catch(() => {});
      await eventually(() => expect(origin.loads).toHaveLength(1));
      // As a killed process: its lock is neither extended nor released.
      await dead.redis.close();
      dead.keeper.stop();
      origin.delayMs = 0;
      // `hit` where the load has ended between two reads: it is nobody's.
      const value = /^(?:loaded|hit) value$/u;
      await eventually(async () => expect(await test.outcome(instance, key, 500)).toMatch(value));
    });
  });

  // Alone, for it keeps a core busy.
  it('asks the origin once for 1,000 concurrent reads of one absent key on three instances', async () => {
    await using test = begin();
    const { origin, key } = test;
    const instances = await test.startMany(3);
    origin.set(key, 'value');
    origin.delayMs = 300;
    const outcomes = await Promise.all(
      Array.from({ length: 1000 }, async (_, index) =>
        test.outcome(instances[index % instances.length] ?? expect.unreachable(), key),
      ),
    );
    expect(origin.loads).toHaveLength(1);
    expect(gotOf(outcomes)).toEqual(new Set(['got value']));
  });
}
