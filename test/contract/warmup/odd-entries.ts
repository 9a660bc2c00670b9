// Entries that a run of the warmup cannot store, and those that cannot be what they claim to be: none ends the run.

import { expect, it } from 'vitest';
import { entryKey } from '../../support/cache-instance.ts';
import type { Warmups } from '../../support/warmups.ts';

export function oddEntries(warm: Warmups): void {
  it('one bad entry stops nothing: too large, not a key, of another type, gone, written by a client', async () => {
    await using instance = await warm.start({ CACHE_MAX_VALUE_BYTES: '4096' });
    warm.fill(50);
    warm.origin.set('set/huge', Buffer.alloc(5000));
    warm.origin.set('set/\u0007bell', 'x');
    warm.origin.set('set/list', 'x');
    warm.origin.set('set/theirs', 'x');
    await warm.stack.redis.admin('RPUSH', 'set/list', 'x');
    await warm.stack.redis.admin('SET', 'set/theirs', 'theirs');
    const report = await warm.run(instance);
    expect(report).toMatchObject({
      listed: 54,
      loaded: 50,
      kept: 1,
      failed: { 'value-too-large': 1, 'invalid-key': 1, 'wrong-type': 1 },
      tooLarge: ['set/huge'],
      complete: true,
    });
    expect(await warm.stack.redis.admin('GET', 'set/theirs')).toBe('theirs');
  });

  it('ends an entry where a 304 says that it may be stored no more', async () => {
    await using instance = await warm.start({ WARMUP_KEYS: 'set/0' });
    warm.fill(1);
    expect(await warm.run(instance)).toMatchObject({ loaded: 1 });
    warm.origin.fields = { 'cache-control': 'no-store' };
    expect(await warm.run(instance, { nextRunInMs: 7_200_000 })).toMatchObject({
      renewed: 0,
      failed: { 'not-cacheable': 1 },
    });
    expect(await warm.stack.redis.admin('EXISTS', 'set/0')).toBe(0);
    expect(warm.origin.bodiesMoved).toBe(1);
  });

  it('stores what is there now though it was remembered for long that there is none', async () => {
    await using instance = await warm.start({ CACHE_DEFAULT_TTL_SECONDS: '1', CACHE_STALE_SECONDS: '0' });
    warm.origin.fields = { 'cache-control': 'max-age=3600' };
    const read = async (): Promise<string> =>
      (await instance.cache.read(entryKey('set/1'), Date.now() + 15_000)).kind;
    expect(await read()).toBe('miss');
    warm.origin.fields = {};
    warm.origin.set('set/1', 'value');
    expect(await read()).toBe('miss');
    await warm.run(instance);
    expect(await read()).toBe('hit');
    await warm.stack.redis.admin('DEL', 'set/1');
    expect(await read()).toBe('loaded');
  });

  it('loads anew what begins as an entry and is none', async () => {
    await using instance = await warm.start();
    warm.fill(3);
    await warm.run(instance);
    const stored = (await warm.stack.redis.adminRaw('GET', 'set/1')) as Buffer;
    await warm.stack.redis.admin('SET', 'set/1', stored.fill('?', 20, 60));
    expect(await warm.run(instance)).toMatchObject({ current: 2, loaded: 1, failed: {} });
    expect(instance.events.filter(({ type }) => type === 'entryInvalid')).toHaveLength(1);
    await warm.expectWarm(instance);
  });
}
