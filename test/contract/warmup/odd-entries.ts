// Entries that a run of the warmup cannot store, and those that cannot be what they claim to be: none ends the run.

import { AppError } from '../../../src/util/errors.ts';
import { systemClock } from '../../../src/util/clock.ts';
import { withHoldOff } from '../../../src/origin/hold-off.ts';
import { expect, it } from 'vitest';
import { entryKey, startCacheInstance } from '../../support/cache-instance.ts';
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

  it('a fault of single entries has a cause of its own and ends no run, however many there are', async () => {
    await using instance = await warm.start();
    warm.fill(143, 8);
    warm.origin.pageSize = 20;
    const isOfOneEntry = true;
    warm.origin.decide = (name) => {
      const index = Number(name.split('/')[1]);
      if (index >= 140) return undefined;
      if (index < 120)
        throw new AppError('origin-failed', 'It sent a body that is no whole gzip data.', { isOfOneEntry });
      const body = Buffer.from('No.');
      return { kind: 'answered', status: 403, body, codings: [], fields: {}, restrictions: [] };
    };
    const report = await warm.run(instance);
    expect(report).toMatchObject({ complete: true, loaded: 3, listed: 143 });
    expect(report.failed).toEqual({ unusable: 120, 'answered-403': 20 });
    expect(instance.events.filter(({ type }) => type === 'originFailing')).toEqual([]);
    expect(await warm.run(instance)).toMatchObject({ complete: true, current: 3 });
  });

  it.each([150, 3000])(
    'reaches every page in turn though %i entries of one are never answered',
    async (hung) => {
      await using instance = await warm.start();
      warm.fill(hung + 40, 8);
      warm.origin.pageSize = hung + 20;
      warm.origin.decide = (name) => {
        if (Number(name.split('/')[1]) >= hung) return undefined;
        throw new AppError('origin-failed', 'It did not answer.');
      };
      const isOnLastPage = (name: string): boolean => Number(name.split('/')[1]) >= hung + 20;
      for (let runs = 0; runs < 3; runs += 1) await warm.run(instance);
      expect(new Set(warm.origin.loads.map(({ name }) => name).filter(isOnLastPage)).size).toBe(20);
    },
  );

  it('leaves alone what asked for that: an entry by 429, the origin by failing, for the next run, too', async () => {
    await using instance = await startCacheInstance(warm.stack, withHoldOff(warm.origin, systemClock), {
      settings: {
        WARMUP_KEYS: Array.from({ length: 200 }, (_, index) => `set/${index}`).join(','),
      },
    });
    warm.fill(200, 8);
    warm.origin.fields = { 'retry-after': '60' };
    for (const name of warm.origin.entries.keys()) warm.origin.statuses.set(name, 429);
    for (let runs = 0; runs < 2; runs += 1)
      expect((await warm.run(instance)).failed).toEqual({ 'answered-429': 200 });
    expect(warm.origin.loads).toHaveLength(200);

    warm.origin.loads.length = 0;
    warm.origin.delayMs = 5;
    warm.origin.decide = () => {
      throw new AppError('origin-failed', 'It answered 503.', { retryAfterSeconds: 60 });
    };
    await using other = await startCacheInstance(warm.stack, withHoldOff(warm.origin, systemClock), {
      settings: {
        WARMUP_KEYS: 'set/0,set/1,set/2,set/3',
      },
    });
    for (let runs = 0; runs < 2; runs += 1)
      expect((await warm.run(other)).failed).toEqual({ 'origin-failed': 4 });
    expect(warm.origin.loads.length).toBeLessThanOrEqual(4);
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
      (await instance.cache.read(entryKey('set/1'), Date.now() + 1800)).kind;
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
