// One instance's cache and warmup without a host, on a scripted origin and a real Redis.

import { Cache } from '../../src/cache/cache.ts';
import { MemoryTier } from '../../src/cache/memory-tier.ts';
import type { EntryKey } from '../../src/cache/key.ts';
import { RedisLocks } from '../../src/cache/redis-locks.ts';
import { RedisTier } from '../../src/cache/redis-tier.ts';
import type { Tier } from '../../src/cache/tier.ts';
import { readSettings } from '../../src/config/settings.ts';
import { cacheMemoryOf } from '../../src/exports/cache-memory.ts';
import { OriginHealth } from '../../src/origin/origin-health.ts';
import { createOrigins } from '../../src/origin/origins.ts';
import type { Origin } from '../../src/origin/origin.ts';
import type { AppEvent } from '../../src/telemetry/events.ts';
import { Measures } from '../../src/telemetry/measures.ts';
import { ByteBudget } from '../../src/util/byte-budget.ts';
import { systemClock } from '../../src/util/clock.ts';
import { createWarmup } from '../../src/warmup/create.ts';
import type { Warmup } from '../../src/warmup/warmup.ts';
import type { AnyStack } from '../../local/stack.ts';
import { startSharedClient, type SharedClient } from './shared-client.ts';

export interface CacheInstance extends SharedClient {
  readonly cache: Cache;
  readonly tier: Tier;
  readonly budget: ByteBudget;
  readonly measures: Measures;
  readonly warmup: Warmup | undefined;
}

const budgetBytes = 128 * 2 ** 20;

/**
 * The settings are those of the stack with a blob origin, changed by `settings`; the origin is `origin`.
 * Resolves when it is connected to all nodes: what a test times is not the start.
 */
export async function startCacheInstance(
  stack: AnyStack,
  origin: Origin | undefined,
  settings: Readonly<Record<string, string>> = {},
): Promise<CacheInstance> {
  const client = startSharedClient(stack);
  const originUrl = 'https://localhost/account/container';
  const read = readSettings({ ...stack.settings, ORIGIN_BLOB_CONTAINER_URL: originUrl, ...settings });
  // Before it connects, as an app does: no connection has to be replaced for it.
  const measures = new Measures();
  const { namespace, requestBudgetMs } = read;
  const memory = cacheMemoryOf({ ...client, namespace, clock: systemClock, measures }, read.cache);
  try {
    await client.connected();
  } catch (error) {
    // One that goes on connecting would take the time of all that follow.
    memory?.stop();
    await client[Symbol.asyncDispose]();
    throw error;
  }
  const events: AppEvent[] = [];
  const emit = (event: AppEvent): void => void events.push(event);
  const { redis } = client;
  const parts = {
    ...read.cache,
    namespace,
    requestBudgetMs,
    origins: createOrigins(origin && { origin, health: new OriginHealth(emit, systemClock) }, []),
    redis,
    budget: new ByteBudget(budgetBytes),
    measures,
    locks: new RedisLocks(redis, systemClock, namespace),
    clock: systemClock,
    random: Math.random,
    emit,
  };
  const redisTier = new RedisTier({ ...parts, copies: memory?.store });
  const tier = memory === undefined ? redisTier : new MemoryTier(redisTier, memory.store);
  const cache = new Cache({
    ...parts,
    tier,
    keyRules: { prefix: read.cache.keyPrefix, namespace },
    clientsWrite: read.cache.writes === 'enabled',
  });
  const warmup = createWarmup({ ...parts, ...read.warmup, cache });
  return {
    ...client,
    cache,
    tier,
    warmup,
    budget: parts.budget,
    measures,
    events,
    async [Symbol.asyncDispose]() {
      warmup?.stop();
      await cache.stop();
      memory?.stop();
      await client[Symbol.asyncDispose]();
    },
  };
}

export function entryKey(name: string): EntryKey {
  return { name, redisKey: name };
}
