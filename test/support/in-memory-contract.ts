// What the contract suites of tiers and locks need, in memory.

import { namespace, type LocksWorld } from '../contract/locks.ts';
import { maxValueBytes } from '../contract/tier-world.ts';
import type { Locks } from '../../src/cache/locks.ts';
import { compressingTier } from '../../src/cache/compressing-tier.ts';
import { Compressor } from '../../src/cache/compressor.ts';
import { RedisLocks } from '../../src/cache/redis-locks.ts';
import { MemoryStore } from '../../src/cache/memory-store.ts';
import { RedisTier } from '../../src/cache/redis-tier.ts';
import type { Tier } from '../../src/cache/tier.ts';
import type { AppEvent } from '../../src/telemetry/events.ts';
import { ByteBudget } from '../../src/util/byte-budget.ts';
import type { Clock } from '../../src/util/clock.ts';
import { FakeClock } from './fake-clock.ts';
import { InMemoryLocks } from './in-memory-locks.ts';
import { InMemoryConnection, InMemoryServer, type Fault } from './in-memory-server.ts';
import { inMemoryRedis } from './in-memory-redis.ts';
import { InMemoryTier, type InMemoryTierOptions } from './in-memory-tier.ts';
import { alwaysCurrent, InMemoryTracking } from './in-memory-tracking.ts';
import { alwaysRead, readTwice } from './read-twice.ts';

/** The tier and the locks themselves in memory. */
export async function openInMemory(): Promise<LocksWorld> {
  return open(
    (options) => new InMemoryTier(options),
    (connection, clock) => new InMemoryLocks(connection, clock, namespace),
  );
}

/** The tier in memory under one that compresses what is larger than any value may be. */
export async function openCompressing(): Promise<LocksWorld> {
  return open(
    (options) => {
      const compressor = new Compressor({ mostPlainBytes: maxValueBytes, budget: options.budget });
      return compressingTier(new InMemoryTier(options), compressor);
    },
    (connection, clock) => new InMemoryLocks(connection, clock, namespace),
  );
}

/** The tier in memory of a process before it. */
export async function openWithMemory(): Promise<LocksWorld> {
  return open(
    (options) => withMemory(options, (copies) => new InMemoryTier({ ...options, copies })),
    (connection, clock) => new InMemoryLocks(connection, clock, namespace),
  );
}

/** The same over the tier of Redis. */
export async function openWithMemoryOverCommands(): Promise<LocksWorld> {
  const tierOf = (options: InMemoryTierOptions): Tier => {
    const redis = inMemoryRedis(options.connection, maxValueBytes);
    return withMemory(options, (copies) => new RedisTier({ ...options, redis, copies }));
  };
  return open(tierOf, (connection, clock) => new InMemoryLocks(connection, clock, namespace));
}

function withMemory({ connection }: InMemoryTierOptions, below: (copies: MemoryStore) => Tier): Tier {
  const { server } = connection;
  const store = new MemoryStore({
    tracking: new InMemoryTracking(server),
    namespace,
    clock: server.clock,
    loop: alwaysCurrent,
    maxBytes: 8 * 2 ** 20,
    maxAgeMs: 0,
    readBefore: alwaysRead,
  });
  return readTwice(below(store), store, true);
}

/** Those of Redis, over commands that are answered in memory. */
export async function openOverCommands(): Promise<LocksWorld> {
  return open(
    (options) => new RedisTier({ ...options, redis: inMemoryRedis(options.connection, maxValueBytes) }),
    (connection, clock) => new RedisLocks(inMemoryRedis(connection, maxValueBytes), clock, namespace),
  );
}

function open(
  tierOf: (options: InMemoryTierOptions) => Tier,
  locksOf: (connection: InMemoryConnection, clock: Clock) => Locks,
): LocksWorld {
  // The server's stands: the other moves alone.
  const [clock, serverClock] = [new FakeClock(), new FakeClock()];
  const server = new InMemoryServer(serverClock);
  const budget = new ByteBudget(32 * 2 ** 20);
  const invalid: string[] = [];
  const newer: number[] = [];
  const emit = (event: AppEvent): void => {
    if (event.type === 'entryInvalid') invalid.push(event.reason);
    if (event.type === 'entryNewer') newer.push(event.version);
  };
  const connection = (fault: Fault): InMemoryConnection => {
    const opened = new InMemoryConnection(server);
    opened.fault = fault;
    return opened;
  };
  const tier = (fault: Fault): Tier => tierOf({ connection: connection(fault), budget, maxValueBytes, emit });
  const locks = (fault: Fault): Locks => locksOf(connection(fault), clock);
  return {
    tier: tier('none'),
    unavailable: tier('unavailable'),
    losing: tier('lost-after'),
    locks: locks('none'),
    locksUnavailable: locks('unavailable'),
    locksLosing: locks('lost-after'),
    budget,
    invalid,
    newer,
    deadline: () => serverClock.nowMs() + 2000,
    async put(key, value, forMs) {
      server.set(key, value, forMs);
    },
    async stored(key) {
      const value = server.get(key);
      return value === 'other' ? undefined : value;
    },
    leftMs: async (key) => server.leftMs(key),
    advance: async (ms) => clock.advance(ms),
  };
}
