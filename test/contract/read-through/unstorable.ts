// What the origin forbids to store: served to whoever asks, by all instances at once.

import { describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import type { Begin } from '../../support/read-through-test.ts';

export function unstorable(begin: Begin): void {
  describe.concurrent('what the origin forbids to store', () => {
    it('is served and not stored', async () => {
      await using test = begin();
      const { origin, key } = test;
      const instance = await test.start();
      origin.set(key, 'secret');
      origin.fields = { 'cache-control': 'no-store' };
      for (let reads = 0; reads < 2; reads += 1) {
        expect(await test.read(instance)).toMatchObject({ kind: 'loaded', forwarded: { stored: false } });
      }
      expect(await test.admin('EXISTS', key)).toBe(0);
      expect(origin.loads).toHaveLength(2);
    });

    it('is loaded on all instances at once, not on one after the other', async () => {
      await using test = begin();
      const { origin, key } = test;
      const instances = await test.startMany(6, { CACHE_DEFAULT_TTL_SECONDS: '1' });
      origin.set(key, 'value');
      origin.delayMs = 500;
      origin.fields = { 'cache-control': 'no-store' };
      const readAll = async (): Promise<ReadonlySet<string>> =>
        new Set(await Promise.all(instances.map(async (instance) => test.outcome(instance))));
      for (let rounds = 0; rounds < 3; rounds += 1) {
        origin.peak = 0;
        expect(await readAll()).toEqual(new Set(['loaded value']));
        // After the first round nobody waits for anybody: it is known.
        if (rounds > 0) expect(origin.peak).toBe(instances.length);
      }
      // Nor for long once it may be stored.
      origin.fields = { 'cache-control': 'max-age=60' };
      await eventually(async () => expect(await readAll()).toEqual(new Set(['hit value'])));
    });
  });
}
