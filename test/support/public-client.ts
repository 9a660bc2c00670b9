// What createRedis() returns, over scripted parts: for tests of the exports that are given one.

import type { CacheSettings } from '../../src/exports/cache-parts.ts';
import { Dependents } from '../../src/exports/dependents.ts';
import { redisParts, type RedisParts } from '../../src/exports/redis-parts.ts';
import type { Redis } from '../../src/exports/redis-api.ts';
import { Measures } from '../../src/telemetry/measures.ts';
import { FakeClock } from './fake-clock.ts';
import { recordedRedis } from './recorded-redis.ts';

type Answers = Parameters<typeof recordedRedis>[0];

export interface PublicClient {
  readonly redis: Redis;
  readonly parts: RedisParts;
  readonly clock: FakeClock;
  readonly recorded: ReturnType<typeof recordedRedis>;
  /** What was stopped, in order. */
  readonly ended: string[];
}

/** @param answers of Redis, by the name of the client's method. */
export function publicClient(answers: Answers = {}): PublicClient {
  const clock = new FakeClock();
  const recorded = recordedRedis(answers);
  const dependents = new Dependents();
  const ended: string[] = [];
  const parts = {
    redis: {
      ...recorded,
      settled: async () => {},
      // Nothing says which keys change, so nothing is kept.
      tracking: { listen: () => () => {}, of: () => undefined, slotOf: () => 0, serving: () => undefined },
      status: () => ({ state: 'ready', connections: 1, reauthenticated: 0, reauthenticationsFailed: 0 }),
    },
    keeper: {
      renewIfDue: async () => ({ kind: 'not-due' }),
      status: () => ({ state: 'seeking' }),
      current: () => ({ leftMs: () => 90_000 }),
    },
    credential: { getToken: async () => null },
    namespace: 'ref',
    instance: { id: 'local-1' },
    timeoutMs: 2000,
    dependents,
    caches: [],
    routes: {},
    measures: new Measures(),
    clock,
    random: () => 0,
    emit: () => {},
    async close() {
      await dependents.stop();
      ended.push('client');
    },
  } as unknown as RedisParts;
  return { redis: { [redisParts]: parts } as unknown as Redis, parts, clock, recorded, ended };
}

/** A cache without an origin, with the defaults of the app. */
export const cacheSettings: CacheSettings = {
  keyPrefix: '',
  writes: 'enabled',
  defaultTtlSeconds: 300,
  staleSeconds: 60,
  maxValueBytes: 1_048_576,
  memoryMb: 0,
  memoryMaxAgeMs: 0,
  requestBudgetMs: 2000,
  origin: { kind: 'none' },
  compression: 'auto',
  originRules: [],
  query: 'reject',
};
