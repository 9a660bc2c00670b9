// Redis gone, silent or restarted under reads. One test after the other, for they share it.

import { describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { intercepted } from '../../support/redis-port.ts';
import { entryKey } from '../../support/cache-instance.ts';
import { gotOf, outcomeOf, type Begin, type ReadThroughTest } from '../../support/read-through-test.ts';

export function redisInTrouble(begin: Begin): void {
  describe('a Redis that restarts', () => {
    it('and loses its locks under a load makes each instance ask the origin once at most', async () => {
      await using test = begin();
      const { origin, key } = test;
      const instances = await test.startMany(3);
      for (const instance of instances) expect(await test.outcome(instance, 'absent')).toBe('miss');
      origin.loads.length = 0;
      origin.set(key, 'value');
      origin.delayMs = 500;
      const reads = Array.from({ length: 300 }, async (_, index) => {
        const instance = instances[index % instances.length] ?? expect.unreachable();
        // A cluster is back after a few seconds only.
        return test.outcome(instance, key, 8000);
      });
      await eventually(() => expect(origin.loads).toHaveLength(1));
      await test.stack.redis.restart();
      expect(gotOf(await Promise.all(reads))).toEqual(new Set(['got value']));
      expect(origin.loads.length).toBeLessThanOrEqual(3);
    });
  });

  describe('a Redis that is gone', () => {
    async function whileGone(test: ReadThroughTest, work: () => Promise<void>): Promise<void> {
      await test.stack.redis.kill();
      try {
        await work();
      } finally {
        await test.stack.redis.restart();
      }
    }

    it('is gone round with bounded loads, and nothing is said to be stored', async () => {
      await using test = begin();
      const { origin, key } = test;
      const instance = await test.start();
      const names = Array.from({ length: 100 }, (_, index) => `${key}-${index}`);
      for (const one of names) origin.set(one, one);
      origin.delayMs = 50;
      await whileGone(test, async () => {
        const results = await Promise.all(
          names.map(async (one) => instance.cache.read(entryKey(one), Date.now() + 1800)),
        );
        expect(results.map(outcomeOf)).toEqual(names.map((one) => `loaded ${one}`));
        expect(results[0]).toMatchObject({ forwarded: { why: 'bypass', stored: false } });
        expect(origin.peak).toBeLessThanOrEqual(48);
        // One load for many who ask for the same.
        origin.loads.length = 0;
        await Promise.all(Array.from({ length: 50 }, async () => test.read(instance, names[0])));
        expect(origin.loads.length).toBeLessThanOrEqual(2);
        // A client may have written it: only Redis can tell.
        expect(await test.outcome(instance, 'neither')).toBe('unavailable');
        origin.failing = true;
        expect(await test.outcome(instance, 'neither')).toBe('unavailable');
        origin.failing = false;
      });
      await eventually(async () => expect(await test.outcome(instance)).toBe('miss'));
    });

    it("makes the origin's word that there is none count where clients cannot write", async () => {
      await using test = begin();
      const instance = await test.start({ CACHE_WRITES: 'disabled' });
      await whileGone(test, async () => {
        expect(await test.read(instance)).toEqual({ kind: 'miss', origin: 'bypass' });
        test.origin.failing = true;
        expect(await test.outcome(instance)).toBe('unavailable');
      });
    });
  });

  describe('a Redis that falls silent', () => {
    async function whileSilent(test: ReadThroughTest, work: () => Promise<void>): Promise<void> {
      test.stack.front.setBehaviour('stall');
      try {
        await work();
      } finally {
        test.stack.front.setBehaviour('normal');
      }
    }

    it('before the lock does not keep the origin from being asked in time', async () => {
      await using test = begin();
      const { origin, key, stack } = test;
      const silent = { afterNext: true };
      const instance = await test.startWith({
        redisPort: (client) =>
          intercepted(client, async (call) => {
            const reply = await call();
            // That was the look for the entry; the lock comes next.
            if (silent.afterNext) stack.front.setBehaviour('stall');
            silent.afterNext = false;
            return reply;
          }),
      });
      origin.set(key, 'value');
      try {
        const startedAtMs = performance.now();
        expect(await test.read(instance)).toMatchObject({
          kind: 'loaded',
          forwarded: { why: 'miss', stored: false },
        });
        expect(performance.now() - startedAtMs).toBeLessThan(1000);
      } finally {
        stack.front.setBehaviour('normal');
      }
      // Nor is a lock left behind that Redis gave when nobody waited for it any more.
      expect(await test.read(instance)).toMatchObject({ kind: 'loaded', forwarded: { stored: true } });
    });

    it('before an answer is stored does not keep it back, and it is stored later', async () => {
      await using test = begin();
      const { origin, key } = test;
      const instance = await test.start();
      origin.set(key, 'value');
      origin.delayMs = 200;
      const reading = test.read(instance);
      await eventually(() => expect(origin.loads).toHaveLength(1));
      await whileSilent(test, async () => {
        const startedAtMs = performance.now();
        expect(await reading).toMatchObject({ kind: 'loaded', forwarded: { stored: false } });
        expect(performance.now() - startedAtMs).toBeLessThan(1000);
      });
      await eventually(async () => expect(await test.outcome(instance)).toBe('hit value'));
      expect(origin.loads).toHaveLength(1);
    });
  });
}
