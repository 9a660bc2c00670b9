// What the tier and the locks do with answers of Redis that nobody should get.

import { expect, it } from 'vitest';
import { newEntry } from '../../../src/cache/entry.ts';
import { RedisLocks } from '../../../src/cache/redis-locks.ts';
import { RedisTier } from '../../../src/cache/redis-tier.ts';
import type { Redis } from '../../../src/redis/redis.ts';
import { ByteBudget } from '../../../src/util/byte-budget.ts';
import { AppError } from '../../../src/util/errors.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const entry = newEntry(Buffer.from('x'), 'text/plain', 1, 1);
const always = { kind: 'none', etags: [] } as const;
const subject = { kind: 'load', name: 'key' } as const;

/** Every script, or read, is answered so. */
function answering(answer: () => Promise<unknown>): Redis {
  const client = { eval: answer, get: answer, sendCommand: answer, exists: answer };
  const run = async (work: (issued: unknown) => Promise<unknown>): Promise<unknown> => work(client);
  return { run } as unknown as Redis;
}
const tierOf = (redis: Redis): RedisTier =>
  new RedisTier({ redis, budget: new ByteBudget(2 ** 20), maxValueBytes: 1000, emit() {} });
const locksOf = (redis: Redis, clock = new FakeClock()): RedisLocks => new RedisLocks(redis, clock, 'ref');

it('an unknown answer of a script is an outage, of which it is known that nothing happened', async () => {
  const redis = answering(async () => 'what?');
  const failed = { kind: 'unavailable', applied: 'no', error: { code: 'command-failed' } };
  expect(await tierOf(redis).write('key', entry, always, 1)).toMatchObject(failed);
  await expect(locksOf(redis).acquire(subject, 1)).rejects.toMatchObject({ code: 'command-failed' });
  await expect(locksOf(redis).look(subject, 1)).rejects.toMatchObject({ code: 'command-failed' });
});

it('what is no answer of Redis is a bug, and surfaces', async () => {
  const redis = answering(async () => {
    throw new TypeError('a bug');
  });
  await expect(tierOf(redis).write('key', entry, always, 1)).rejects.toThrow('a bug');
  await expect(tierOf(redis).read('key', 1)).rejects.toThrow('a bug');
  await expect(locksOf(redis).guardWithoutLock('key', 1)).rejects.toThrow('a bug');
});

it('a type that no script expects is told as what it is', async () => {
  const redis = answering(async () => {
    throw new AppError('wrong-type', 'x');
  });
  expect(await tierOf(redis).touch('key', 'w', entry, 1)).toEqual({ kind: 'wrong-type' });
  expect(await locksOf(redis).guardWithoutLock('key', 1)).toBeUndefined();
});

it('a lock is extended no longer than the longest invocation takes', async () => {
  const clock = new FakeClock();
  const scripts: string[] = [];
  const run = async (work: (client: unknown) => Promise<unknown>): Promise<unknown> =>
    work({ eval: async (script: string) => (scripts.push(script), 'acquired') });
  await locksOf({ run } as unknown as Redis, clock).acquire(subject, 1);
  await clock.advance(29 * 60_000);
  expect(scripts).toHaveLength(1 + 29 * 60);
  await clock.advance(60 * 60_000);
  expect(scripts.length).toBeLessThan(1 + 31 * 60);
  expect(clock.pendingTimers).toBe(0);
});
