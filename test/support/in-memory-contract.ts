// What the contract suites of tiers and locks need, in memory.

import { namespace, type LocksWorld } from '../contract/locks.ts';
import { maxValueBytes } from '../contract/tier-world.ts';
import type { AppEvent } from '../../src/telemetry/events.ts';
import { ByteBudget } from '../../src/util/byte-budget.ts';
import { FakeClock } from './fake-clock.ts';
import { InMemoryLocks } from './in-memory-locks.ts';
import { InMemoryConnection, InMemoryServer, type Fault } from './in-memory-server.ts';
import { InMemoryTier } from './in-memory-tier.ts';

export async function openInMemory(): Promise<LocksWorld> {
  // The server's stands: the other moves alone.
  const [clock, serverClock] = [new FakeClock(), new FakeClock()];
  const server = new InMemoryServer(serverClock);
  const budget = new ByteBudget(32 * 2 ** 20);
  const invalid: string[] = [];
  const emit = (event: AppEvent): void => {
    if (event.type === 'entryInvalid') invalid.push(event.reason);
  };
  const connection = (fault: Fault): InMemoryConnection => {
    const opened = new InMemoryConnection(server);
    opened.fault = fault;
    return opened;
  };
  const tier = (fault: Fault): InMemoryTier =>
    new InMemoryTier({ connection: connection(fault), budget, maxValueBytes, emit });
  const locks = (fault: Fault): InMemoryLocks => new InMemoryLocks(connection(fault), clock, namespace);
  return {
    tier: tier('none'),
    unavailable: tier('unavailable'),
    losing: tier('lost-after'),
    locks: locks('none'),
    locksUnavailable: locks('unavailable'),
    locksLosing: locks('lost-after'),
    budget,
    invalid,
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
