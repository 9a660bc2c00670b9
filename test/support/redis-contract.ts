// What the contract suites of tiers and locks need, over real Redis servers.

import { namespace, type LocksWorld } from '../contract/locks.ts';
import { maxValueBytes } from '../contract/tier-world.ts';
import type { LocalRedis } from '../../local/redis-server.ts';
import { RedisLocks } from '../../src/cache/redis-locks.ts';
import { MemoryStore } from '../../src/cache/memory-store.ts';
import { RedisTier } from '../../src/cache/redis-tier.ts';
import type { Tier } from '../../src/cache/tier.ts';
import type { Redis } from '../../src/redis/redis.ts';
import type { AppEvent } from '../../src/telemetry/events.ts';
import { ByteBudget } from '../../src/util/byte-budget.ts';
import { systemClock } from '../../src/util/clock.ts';
import { AppError } from '../../src/util/errors.ts';
import { LoopWatch } from '../../src/util/loop-watch.ts';
import { FakeClock } from './fake-clock.ts';
import { alwaysRead, readTwice } from './read-twice.ts';

/** As `openOnRedis`, with the memory of a process before it. */
export async function openOnRedisWithMemory(redis: Redis, server: LocalRedis): Promise<LocksWorld> {
  const world = await openOnRedis(redis, server, true);
  return {
    ...world,
    async put(key, value, forMs) {
      await world.put(key, value, forMs);
      // What Redis says of the change comes before the answer to this.
      await redis.run((client) => client.ping(), { key, deadlineAtMs: world.deadline(), idempotent: true });
    },
  };
}

/** @param server as an administrator sees it. */
export async function openOnRedis(redis: Redis, server: LocalRedis, withMemory = false): Promise<LocksWorld> {
  const unavailable = new AppError('redis-unavailable', 'Redis was made unavailable.');
  const lost = new AppError('connection-lost', 'The connection was cut.');
  const redisUnavailable = changed(redis, async () => {
    throw unavailable;
  });
  const redisLosing = changed(redis, async (run) => {
    await run();
    throw lost;
  });
  const budget = new ByteBudget(32 * 2 ** 20);
  const invalid: string[] = [];
  const newer: number[] = [];
  const emit = (event: AppEvent): void => {
    if (event.type === 'entryInvalid') invalid.push(event.reason);
    if (event.type === 'entryNewer') newer.push(event.version);
  };
  const tier = (port: Redis): Tier => {
    const options = { redis: port, budget, maxValueBytes, emit };
    if (!withMemory) return new RedisTier(options);
    const { tracking } = redis;
    const limits = { maxBytes: 2 ** 23, maxAgeMs: 0 };
    const store = new MemoryStore({
      tracking,
      namespace,
      clock: systemClock,
      loop,
      ...limits,
      readBefore: alwaysRead,
    });
    return readTwice(new RedisTier({ ...options, copies: store }), store, false);
  };
  // Late enough that no deadline that is reckoned from it is over.
  const clock = new FakeClock(systemClock.nowMs() + 3_600_000);
  const locks = (port: Redis): RedisLocks => new RedisLocks(port, clock, namespace);
  return {
    tier: tier(redis),
    unavailable: tier(redisUnavailable),
    losing: tier(redisLosing),
    locks: locks(redis),
    locksUnavailable: locks(redisUnavailable),
    locksLosing: locks(redisLosing),
    budget,
    invalid,
    newer,
    deadline: () => systemClock.nowMs() + 20_000,
    async put(key, value, forMs) {
      await server.admin('DEL', key);
      if (value === 'other') await server.admin('RPUSH', key, 'x');
      else await server.admin('SET', key, value, ...(forMs === undefined ? [] : ['PX', `${forMs}`]));
    },
    async stored(key) {
      if ((await server.admin('TYPE', key)) !== 'string') return undefined;
      const value = await server.adminRaw('GET', key);
      return Buffer.isBuffer(value) ? value : undefined;
    },
    leftMs: async (key) => Number(await server.admin('PTTL', key)),
    advance: async (ms) => clock.advance(ms),
  };
}

const loop = new LoopWatch(systemClock);

function changed(redis: Redis, change: (run: () => Promise<unknown>) => Promise<never>): Redis {
  const parts: Pick<Redis, 'run' | 'runMany'> = {
    run: async (work, options) => change(async () => redis.run(work, options)),
    runMany: async (keys, work, options) => {
      const outcome = await change(async () => redis.runMany(keys, work, options)).catch(
        (error: unknown) => error as AppError,
      );
      return keys.map(() => ({ ok: false, error: outcome }));
    },
  };
  // Nothing that is tested so subscribes, pings or closes.
  return parts as unknown as Redis;
}
