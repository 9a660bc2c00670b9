// Loads that take long, hang, or end with their instance: others are not kept from theirs.

import { describe, expect, it } from 'vitest';
import { eventually, sleep } from '../../support/eventually.ts';
import type { Begin } from '../../support/read-through-test.ts';
import { intercepted } from '../../support/redis-port.ts';

/** As many loads as an instance makes at once before any of them counts as slow. */
const quickPlaces = 32;

export function slowLoads(begin: Begin): void {
  describe.concurrent('a slow load', () => {
    const namesOf = (prefix: string, count: number): readonly string[] =>
      Array.from({ length: count }, (_, index) => `${prefix}-${index}`);

    it('in every place of an instance neither keeps others from loading nor forgets what is known', async () => {
      await using test = begin();
      const { origin, key } = test;
      const [busy, idle] = [await test.start(), await test.start()];
      expect(await test.outcome(busy, `${key}-none`)).toBe('miss');
      const slow = namesOf(`${key}-slow`, quickPlaces);
      for (const one of slow) {
        origin.set(one, one);
        origin.delaysMs.set(one, 2500);
      }
      origin.set(key, 'quick');
      origin.loads.length = 0;
      const slowReads = slow.map(async (one) => test.outcome(busy, one));
      await eventually(() => expect(origin.loads).toHaveLength(quickPlaces));
      const waiting = test.outcome(busy);
      expect(await test.read(busy, `${key}-none`)).toEqual({ kind: 'miss', origin: 'remembered' });
      await sleep(100);
      expect(await test.outcome(idle)).toBe('loaded quick');
      expect(await waiting).toBe('loaded quick');
      expect(new Set(await Promise.all(slowReads))).toEqual(new Set(['origin-pending']));
      await eventually(async () => expect(await test.outcome(busy, slow.at(-1))).toBe(`hit ${slow.at(-1)}`));
    });

    it('in every place keeps no other miss from being answered', async () => {
      await using test = begin();
      const { origin, key } = test;
      const instance = await test.start();
      const slow = namesOf(`${key}-slow`, quickPlaces);
      // More than there are places: once their requests have left they give way, which is no failure of the origin.
      const more = namesOf(`${key}-more`, 2 * quickPlaces);
      for (const one of [...slow, ...more]) {
        origin.set(one, one);
        origin.delaysMs.set(one, 10_000);
      }
      const slowReads = slow.map(async (one) => test.outcome(instance, one));
      await eventually(() => expect(origin.loads).toHaveLength(quickPlaces));
      const quick = namesOf(`${key}-quick`, 40);
      for (const one of quick) origin.set(one, one);
      const readQuick = async (some: readonly string[]): Promise<void> => {
        const outcomes = await Promise.all(some.map(async (one) => test.outcome(instance, one)));
        expect(outcomes).toEqual(some.map((one) => `loaded ${one}`));
      };
      await readQuick(quick.slice(0, 4));
      await readQuick(quick.slice(4, 20));
      expect(new Set(await Promise.all(slowReads))).toEqual(new Set(['origin-pending']));
      await Promise.all(more.map(async (one) => test.read(instance, one)));
      await readQuick(quick.slice(20));
      expect(instance.events.filter(({ type }) => type === 'originFailing')).toEqual([]);
    });

    it('is taken over within seconds when the instance that loads is gone', async () => {
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
      await eventually(async () => expect(await test.outcome(instance, key, 500)).toMatch(value), 6000);
    });

    it('is ended by a stop, which is no failure of the origin', async () => {
      await using test = begin();
      const { origin, key } = test;
      const instance = await test.start();
      origin.set(key, 'value');
      origin.delayMs = 5000;
      const reading = test.outcome(instance);
      await eventually(() => expect(origin.loads).toHaveLength(1));
      await instance.cache.stop();
      expect(await reading).toBe('origin-pending');
      expect(instance.events.filter(({ type }) => type === 'originFailing')).toEqual([]);
    });
  });

  describe.concurrent('a Redis in the way of a load', () => {
    it('that takes a fifth of the budget for each command lets it be filled', async () => {
      await using test = begin();
      const { origin, key } = test;
      const instance = await test.startWith({
        redisPort: (client) =>
          intercepted(client, async (call) => {
            const reply = await call();
            await sleep(400);
            return reply;
          }),
      });
      origin.set(key, 'value');
      await test.read(instance);
      await eventually(async () => expect(await test.outcome(instance)).toBe('hit value'));
      expect(origin.loads.length).toBeLessThanOrEqual(2);
    });

    it('gets its lock back when a bug ends the load', async () => {
      await using test = begin();
      const { origin, key } = test;
      let calls = 0;
      const buggy = await test.startWith({
        redisPort: (client) =>
          intercepted(client, (call) => {
            calls += 1;
            // The first looks for the entry, the second takes the lock, the third looks once more.
            if (calls === 3) throw new TypeError('a bug');
            return call();
          }),
      });
      origin.set(key, 'value');
      await expect(test.read(buggy)).rejects.toThrow('a bug');
      expect(await test.outcome(buggy)).toBe('loaded value');
    });
  });
}
