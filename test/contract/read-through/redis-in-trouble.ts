// Redis gone, silent or restarted under reads. One test after the other, for they share it.

import { describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { gotOf, outcomeOf, type Begin } from '../../support/read-through-test.ts';
import { lateMs, startControl } from '../../support/timing.ts';

export function redisInTrouble(begin: Begin): void {
  describe('a Redis that restarts', () => {
    it('and loses its locks under a load makes each instance ask the origin once at most', async () => {
      await using test = begin('troubled');
      const { origin, key } = test;
      const instances = await test.startMany(3);
      for (const instance of instances) expect(await test.outcome(instance, 'absent')).toBe('miss');
      origin.loads.length = 0;
      origin.set(key, 'value');
      origin.delayMs = 500;
      const reads = Array.from({ length: 300 }, async (_, index) => {
        const instance = instances[index % instances.length] ?? expect.unreachable();
        return test.outcome(instance, key);
      });
      await eventually(() => expect(origin.loads).toHaveLength(1));
      await test.stack.redis.restart();
      expect(gotOf(await Promise.all(reads))).toEqual(new Set(['got value']));
      expect(origin.loads.length).toBeLessThanOrEqual(3);
    });
  });

  describe('a Redis that is down', () => {
    it('is answered for by the origin, with bounded loads, and nothing is said to be stored', async () => {
      await using test = begin('troubled');
      const { origin, key, stack } = test;
      const [instance, readOnly] = await Promise.all([
        test.start(),
        test.start({ CACHE_WRITES: 'disabled' }),
      ]);
      const names = Array.from({ length: 100 }, (_, index) => `${key}-${index}`);
      for (const one of names) origin.set(one, one);
      origin.delayMs = 50;
      await stack.redis.kill();
      try {
        const results = await Promise.all(names.map((one) => test.read(instance, one)));
        expect(results.map(outcomeOf)).toEqual(names.map((one) => `loaded ${one}`));
        expect(results[0]).toMatchObject({ forwarded: { why: 'bypass', stored: false } });
        expect(origin.peak).toBeLessThanOrEqual(48);
        // One load for many who ask for the same.
        origin.loads.length = 0;
        await Promise.all(Array.from({ length: 50 }, () => test.read(instance, names[0])));
        expect(origin.loads.length).toBeLessThanOrEqual(2);
        // A client may have written what the origin does not have: only Redis knows.
        expect(await test.outcome(instance, 'neither')).toBe('unavailable');
        expect(await test.read(readOnly, 'neither')).toEqual({ kind: 'miss', origin: 'bypass' });
        origin.failing = true;
        expect(await test.outcome(instance, 'neither')).toBe('unavailable');
        expect(await test.outcome(readOnly, 'neither')).toBe('unavailable');
        origin.failing = false;
      } finally {
        await stack.redis.restart();
      }
      await eventually(async () => expect(await test.outcome(instance)).toBe('miss'));
    });
  });

  describe('a Redis that falls silent', () => {
    it('before an answer is stored does not keep it back, and it is stored later', async () => {
      await using test = begin('troubled');
      const { origin, key } = test;
      const instance = await test.start();
      origin.set(key, 'value');
      origin.delayMs = 200;
      const reading = test.read(instance);
      await eventually(() => expect(origin.loads).toHaveLength(1));
      test.stack.front.setBehaviour('stall');
      try {
        using control = startControl(async () => {});
        const startedAtMs = performance.now();
        expect(await reading).toMatchObject({ kind: 'loaded', forwarded: { stored: false } });
        expect(performance.now() - startedAtMs).toBeLessThan(300 + lateMs + control.longestMs);
      } finally {
        test.stack.front.setBehaviour('normal');
      }
      await eventually(async () => expect(await test.outcome(instance)).toBe('hit value'));
      expect(origin.loads).toHaveLength(1);
    });
  });
}
