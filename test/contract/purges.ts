// Purges through the package, between instances on a real cache.

import { describe, expect, it } from 'vitest';
import type { CacheKind } from '../support/caches.ts';
import { eventually } from '../support/eventually.ts';
import { publicCaches } from '../support/public-caches.ts';
import { hearing, read, timeoutMs } from '../support/purging.ts';
import { deferred } from '../../src/util/deferred.ts';
import type { Cache } from '../../src/exports/cache.ts';

export function purgeSuite(kind: CacheKind): void {
  const begin = publicCaches(kind);
  const instances = async (count: number): Promise<readonly Cache[]> =>
    hearing(await begin().startMany(count));

  describe('a purge', () => {
    it('holds on all instances when it is answered, and what is set afterwards stays', async () => {
      const caches = await instances(3);
      const [first, second] = [caches[0] ?? expect.unreachable(), caches[1] ?? expect.unreachable()];
      for (const [index, targets] of [
        { keys: ['purge:a'] },
        { tags: ['red'] },
        { prefixes: ['purge:'] },
        { prefixes: [''] },
      ].entries()) {
        await first.set('purge:a', index, { ttlSeconds: 60, tags: ['red', 'green'] });
        await first.set('other', index, { ttlSeconds: 60, tags: ['green'] });
        expect(await read(caches, 'purge:a')).toEqual(caches.map(() => index));
        const purged = await second.purge({ ...targets, mode: 'remove' }, { timeoutMs });
        expect(purged).toMatchObject({ expected: 3, acknowledged: 3, silent: [] });
        expect(await read(caches, 'purge:a')).toEqual(caches.map(() => 'miss'));
        const isAll = targets.prefixes?.[0] === '';
        expect(await read(caches, 'other')).toEqual(caches.map(() => (isAll ? 'miss' : index)));
        expect(await second.set('purge:a', 'next', { condition: 'absent' })).toMatchObject({
          kind: 'created',
        });
        expect(await read(caches, 'purge:a')).toEqual(caches.map(() => 'next'));
      }
    });

    it('makes stale what can be renewed, once', async () => {
      const caches = await instances(2);
      let made = 0;
      const ask = async (): Promise<readonly number[]> =>
        Promise.all(
          caches.map(async (cache) =>
            cache.getOrSet('renewed', () => (made += 1), { ttlSeconds: 60, staleSeconds: 60, tags: ['t'] }),
          ),
        );
      expect(await ask()).toEqual([1, 1]);
      await caches[0]?.purge({ tags: ['t'] }, { timeoutMs });
      expect(await read(caches, 'renewed')).toEqual(['stale 1', 'stale 1']);
      expect(await ask()).toEqual([1, 1]);
      await eventually(async () => expect(await read(caches, 'renewed')).toEqual([2, 2]));
      expect(await ask()).toEqual([2, 2]);
    });

    it('lets no load be stored that began before it, and nobody join that', async () => {
      const caches = await instances(2);
      const [first, second] = [caches[0] ?? expect.unreachable(), caches[1] ?? expect.unreachable()];
      const options = { ttlSeconds: 60, staleSeconds: 0 };
      const [asked, origin] = [deferred<void>(), deferred<string>()];
      const load = async (): Promise<string> => {
        asked.resolve();
        return origin.promise;
      };
      const old = first.getOrSet('loading', load, options);
      await asked.promise;
      await first.purge({ prefixes: ['loading'], mode: 'remove' }, { timeoutMs });
      const next = [first, second].map(async (cache) => cache.getOrSet('loading', () => 'new', options));
      origin.resolve('old');
      expect(await old).toBe('old');
      expect(await Promise.all(next)).toEqual(['new', 'new']);
      expect(await read(caches, 'loading')).toEqual(['new', 'new']);
    });

    it('of a key removes what somebody else wrote there', async () => {
      const { stack } = begin();
      const [cache = expect.unreachable()] = await instances(1);
      const key = 'shop:plain';
      await begin().redis.run((client) => client.set(key, 'text'), { key });
      await cache.purge({ prefixes: ['plain'], mode: 'remove' }, { timeoutMs });
      expect(await stack.redis.admin('GET', key)).toBe('text');
      await cache.purge({ keys: ['plain'], mode: 'remove' }, { timeoutMs });
      expect(await stack.redis.admin('EXISTS', key)).toBe(0);
    });

    it('is not put among what somebody else has written in its place, and reads go on without that', async () => {
      const { stack } = begin();
      const [cache = expect.unreachable()] = await instances(1);
      await cache.set('kept', 1);
      const rules = 'ref:\u001F{purges}:rules';
      const fill = `for i = 1, 50000 do redis.call('ZADD', KEYS[1], i, 'member' .. i) end`;
      await stack.redis.admin('EVAL', fill, '1', rules);
      try {
        const later = await begin().start();
        expect(await read([cache, later], 'kept')).toEqual([1, 1]);
        expect(await cache.purge({ keys: ['kept'] }, { timeoutMs })).toMatchObject({
          kind: 'unavailable',
          error: { code: 'command-failed' },
          applied: 'no',
        });
      } finally {
        await stack.redis.admin('DEL', rules);
      }
    });

    it('is learned of by an instance that starts later, and given back to a Redis that lost it', async () => {
      const { stack } = begin();
      const caches = await instances(2);
      const [first = expect.unreachable()] = caches;
      await first.set('kept', 1, { tags: ['k'] });
      const keys = Array.from({ length: 300 }, (_, index) => `other:${index}`);
      await first.purge({ keys, tags: ['k'], mode: 'remove' }, { timeoutMs });
      const names = ['state', 'rules', 'ends', 'leases'].map((name) => `ref:\u001F{purges}:${name}`);
      await stack.redis.admin('DEL', ...names);
      // Within its lease an instance need not ask.
      await eventually(async () => {
        await read(caches, 'kept');
        expect(await stack.redis.admin('ZSCORE', names[1] ?? '', 'rtshop:\nk')).not.toBeNull();
      });
      const later = await begin().start();
      expect(await read([later], 'kept')).toEqual(['miss']);
    });
  });
}
