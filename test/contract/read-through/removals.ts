// What clients write and remove while entries are loaded and renewed: their word is the last.

import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src/util/errors.ts';
import { eventually, sleep } from '../../support/eventually.ts';
import type { Begin } from '../../support/read-through-test.ts';
import { intercepted } from '../../support/redis-port.ts';

export function removals(begin: Begin): void {
  describe.concurrent('a write or a removal by a client', () => {
    it('while a load is on its way is not overwritten, and what a client wrote is left alone', async () => {
      await using test = begin();
      const { origin, key } = test;
      const instance = await test.start();
      origin.set(key, 'from the origin');
      origin.delayMs = 300;
      const loading = test.read(instance);
      await eventually(() => expect(origin.loads).toHaveLength(1));
      await test.admin('SET', key, 'from a client');
      expect(await loading).toMatchObject({ kind: 'loaded', forwarded: { stored: false } });
      expect(await test.outcome(instance)).toBe('hit from a client');
      await sleep(500);
      expect(origin.loads).toHaveLength(1);
    });

    it('while a load is on its way does not come back, and who asks after it gets a new load', async () => {
      await using test = begin();
      const { origin, key } = test;
      const [first, second] = [await test.start(), await test.start()];
      origin.set(key, 'old');
      origin.delayMs = 500;
      const loading = test.read(first);
      await eventually(() => expect(origin.loads).toHaveLength(1));
      origin.set(key, 'new');
      origin.delayMs = 0;
      expect(await test.remove(first)).toEqual({ kind: 'absent' });
      expect(await test.outcome(first)).toBe('loaded new');
      expect(await loading).toMatchObject({ kind: 'loaded', forwarded: { stored: false } });
      expect(await test.outcome(second)).toBe('hit new');
    });

    it('of which nobody knows whether it was done brings a new load, too', async () => {
      await using test = begin();
      const { origin, key } = test;
      const link = { losesNext: false };
      const instance = await test.startWith({
        redisPort: (client) =>
          intercepted(client, async (call) => {
            const reply = await call();
            if (!link.losesNext) return reply;
            link.losesNext = false;
            throw new AppError('connection-lost', 'The answer was lost.');
          }),
      });
      origin.set(key, 'old');
      origin.delayMs = 500;
      const loading = test.read(instance);
      await eventually(() => expect(origin.loads).toHaveLength(1));
      origin.set(key, 'new');
      origin.delayMs = 0;
      link.losesNext = true;
      expect(await test.remove(instance)).toMatchObject({ kind: 'unavailable', applied: 'unknown' });
      expect(await test.outcome(instance)).toBe('loaded new');
      await loading;
    });

    it('on one instance while another loads or renews it does not come back', async () => {
      await using test = begin();
      const { origin, key } = test;
      const [first, second] = [await test.start({ CACHE_DEFAULT_TTL_SECONDS: '1' }), await test.start()];
      origin.set(key, 'old');
      origin.delayMs = 500;
      const loading = test.read(first);
      await eventually(() => expect(origin.loads).toHaveLength(1));
      expect(await test.remove(second)).toEqual({ kind: 'absent' });
      expect(await loading).toMatchObject({ kind: 'loaded', forwarded: { stored: false } });
      expect(await test.admin('EXISTS', key)).toBe(0);

      origin.delayMs = 0;
      expect(await test.outcome(first)).toBe('loaded old');
      await sleep(1100);
      origin.set(key, 'renewed');
      origin.delayMs = 500;
      await eventually(async () => {
        expect(await test.outcome(first)).toBe('stale old');
        expect(origin.loads).toHaveLength(3);
      });
      expect(await test.remove(second)).toEqual({ kind: 'removed' });
      await eventually(() => expect(origin.bodiesMoved).toBe(3));
      await sleep(200);
      expect(await test.admin('EXISTS', key)).toBe(0);
    });

    it('also removes what was remembered instead of an entry, unless its condition fails', async () => {
      await using test = begin();
      const { origin, key } = test;
      const instance = await test.start();
      expect(await test.outcome(instance)).toBe('miss');
      origin.set(key, 'value');
      expect(await test.remove(instance, { kind: 'match', etags: ['other'] })).toEqual({
        kind: 'precondition-failed',
      });
      expect(await test.outcome(instance)).toBe('miss');
      expect(await test.remove(instance)).toEqual({ kind: 'absent' });
      expect(await test.outcome(instance)).toBe('loaded value');
    });

    it('works whatever braces are in the key', async () => {
      await using test = begin();
      const { origin } = test;
      const instance = await test.start();
      for (const braces of ['{tag}/a', 'a{tag}', '{}a', '{}{a}', '}{', '{a}{b}', '{{a}}']) {
        const key = `${test.key}${braces}`;
        origin.set(key, braces);
        expect(await test.outcome(instance, key)).toBe(`loaded ${braces}`);
        // An answer is not kept back for longer than 0.3 s until it is stored.
        await eventually(async () => expect(await test.admin('EXISTS', key)).toBe(1));
        expect(await test.remove(instance, undefined, key)).toEqual({ kind: 'removed' });
        expect(await test.admin('EXISTS', key)).toBe(0);
      }
    });
  });
}
