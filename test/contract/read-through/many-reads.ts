// Many reads of one key on several instances. One test after the other, for they keep a core busy.

import { describe, expect, it } from 'vitest';
import { sleep } from '../../support/eventually.ts';
import type { CacheInstance } from '../../support/cache-instance.ts';
import { gotOf, type Begin } from '../../support/read-through-test.ts';

export function manyReads(begin: Begin): void {
  describe('reads', () => {
    it('at once of one absent key, 1,000 of them on three instances, ask the origin once', async () => {
      await using test = begin();
      const { origin, key } = test;
      const instances = await test.startMany(3);
      origin.set(key, 'value');
      origin.delayMs = 300;
      const outcomes = await Promise.all(
        Array.from({ length: 1000 }, async (_, index) =>
          // Long enough for two busy cores: what is looked at is the number of loads.
          test.outcome(instances[index % instances.length] ?? expect.unreachable(), key, 10_000),
        ),
      );
      expect(origin.loads).toHaveLength(1);
      expect(gotOf(outcomes)).toEqual(new Set(['got value']));
    });

    it('of a hot key load it once a lifetime, and none waits for the origin after the first', async () => {
      await using test = begin();
      const { origin, key } = test;
      const lifetimeMs = 2000;
      const instances = await test.startMany(3, {
        CACHE_DEFAULT_TTL_SECONDS: `${lifetimeMs / 1000}`,
        CACHE_STALE_SECONDS: '2',
      });
      origin.delayMs = 100;
      origin.set(key, 'value');
      for (const instance of instances) await test.read(instance);
      const startedAtMs = origin.loads[0]?.atMs ?? 0;
      const outcomes: string[] = [];
      const reading = async (instance: CacheInstance): Promise<void> => {
        while (Date.now() - startedAtMs < 3 * lifetimeMs) {
          outcomes.push(await test.outcome(instance));
          await sleep(10);
        }
      };
      await Promise.all(instances.map(reading));
      expect(outcomes.length).toBeGreaterThan(100);
      expect(outcomes.filter((outcome) => !['hit value', 'stale value'].includes(outcome))).toEqual([]);
      // Each lifetime is cut by up to a tenth, and a renewal begins before it ends.
      const gapsMs = origin.loads.slice(1).map(({ atMs }, index) => atMs - (origin.loads[index]?.atMs ?? 0));
      expect(gapsMs.length).toBeGreaterThanOrEqual(2);
      expect(gapsMs.length).toBeLessThanOrEqual(4);
      expect(Math.min(...gapsMs)).toBeGreaterThan(lifetimeMs * 0.65);
      // Renewals are conditional: the body was moved once.
      expect(origin.bodiesMoved).toBe(1);
    });
  });
}
