// A tier in memory over a real Redis server, without the front before it: what is late is late because of the tier.

import { adminUser } from '../../local/redis-config.ts';
import { TokenKeeper } from '../../src/auth/token-keeper.ts';
import { Token } from '../../src/auth/token.ts';
import { MemoryStore } from '../../src/cache/memory-store.ts';
import { MemoryTier } from '../../src/cache/memory-tier.ts';
import { RedisTier } from '../../src/cache/redis-tier.ts';
import type { Tier } from '../../src/cache/tier.ts';
import { createRedis } from '../../src/redis/create.ts';
import type { Redis } from '../../src/redis/redis.ts';
import type { AppEvent } from '../../src/telemetry/events.ts';
import { ByteBudget } from '../../src/util/byte-budget.ts';
import { systemClock as clock } from '../../src/util/clock.ts';
import { LoopWatch } from '../../src/util/loop-watch.ts';
import { eventually } from './eventually.ts';

export interface MemoryInstance extends AsyncDisposable {
  readonly redis: Redis;
  readonly tier: Tier;
  readonly store: MemoryStore;
  readonly events: readonly AppEvent[];
}

export interface MemoryInstanceOptions {
  readonly port: number;
  /** The administrator's where undefined. */
  readonly username?: string;
  readonly password: string;
  readonly maxAgeMs?: number;
}

/** Resolves when it is connected. */
export async function startMemoryInstance(options: MemoryInstanceOptions): Promise<MemoryInstance> {
  const { port, username = adminUser, password, maxAgeMs = 0 } = options;
  const events: AppEvent[] = [];
  const parts = { clock, random: Math.random, emit: (event: AppEvent) => void events.push(event) };
  const issuedAtMs = clock.wallMs();
  const times = { issuedAtMs, expiresAtMs: issuedAtMs + 3_600_000, refreshAfterMs: undefined };
  const token = new Token(password, undefined, times);
  const keeper = new TokenKeeper({ source: { request: async () => token }, ...parts });
  const endpoint = {
    hostname: '127.0.0.1',
    port,
    tls: false,
    username,
    clusteringPolicy: 'NoCluster',
  } as const;
  const redis = createRedis(endpoint, { keeper, instances: () => 1, failFastAfterMs: 500, ...parts });
  const maxBytes = 2 ** 23;
  const loop = new LoopWatch(clock);
  const store = new MemoryStore({
    tracking: redis.tracking,
    namespace: 'ref',
    clock,
    loop,
    maxBytes,
    maxAgeMs,
  });
  const budget = new ByteBudget(2 ** 27);
  const below = new RedisTier({ redis, budget, maxValueBytes: 2 ** 20, emit: parts.emit, copies: store });
  const dispose = async (): Promise<void> => {
    store.stop();
    await redis.close();
    keeper.stop();
  };
  keeper.start();
  redis.start();
  try {
    await eventually(() => redis.ping(clock.nowMs() + 10_000));
  } catch (error) {
    await dispose();
    throw error;
  }
  return { redis, store, events, tier: new MemoryTier(below, store), [Symbol.asyncDispose]: dispose };
}
