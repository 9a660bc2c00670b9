// One instance's read-through and warmup without a host, on a scripted origin.

import { ByteBudget } from '../../src/util/byte-budget.ts';
import { EntryStore } from '../../src/cache/store.ts';
import { systemClock } from '../../src/util/clock.ts';
import { startFilling, type Filling } from '../../src/filling.ts';
import type { Origin } from '../../src/origin/origin.ts';
import type { EntryKey } from '../../src/cache/origin-load.ts';
import { readSettings } from '../../src/config/settings.ts';
import type { Redis } from '../../src/redis/redis.ts';
import type { AppEvent } from '../../src/telemetry/events.ts';
import type { AnyStack } from '../../local/stack.ts';
import { startSharedClient, type SharedClient } from './shared-client.ts';

export interface FillingInstance extends SharedClient, Filling {
  readonly store: EntryStore;
  readonly budget: ByteBudget;
}

export interface FillingInstanceOptions {
  /** Changes to the settings of the stack with a blob origin. */
  readonly settings?: Readonly<Record<string, string>>;
  /** What the instance sees of Redis, in the place of its client. */
  readonly redisPort?: (client: Redis) => Redis;
}

const budgetBytes = 128 * 2 ** 20;

/** Resolves when it is connected to all nodes: what a test times is not the start. */
export async function startFillingInstance(
  stack: AnyStack,
  origin: Origin | undefined,
  { settings = {}, redisPort = (client) => client }: FillingInstanceOptions = {},
): Promise<FillingInstance> {
  const client = startSharedClient(stack);
  try {
    await client.connected();
  } catch (error) {
    // One that goes on connecting would take the time of all that follow.
    await client[Symbol.asyncDispose]();
    throw error;
  }
  const redis = redisPort(client.redis);
  const read = readSettings({
    ...stack.settings,
    ORIGIN_BLOB_CONTAINER_URL: 'https://localhost/account/container',
    ...settings,
  });
  const events: AppEvent[] = [];
  const emit = (event: AppEvent): void => void events.push(event);
  const budget = new ByteBudget(budgetBytes);
  const { maxValueBytes } = read.cache;
  const store = new EntryStore({ redis, budget, maxValueBytes, emit });
  const filling = startFilling(read, {
    origin,
    redis,
    budget,
    store,
    keyRules: { prefix: settings['CACHE_KEY_PREFIX'] ?? '', namespace: 'ref' },
    clock: systemClock,
    random: Math.random,
    emit,
  });
  return {
    ...client,
    ...filling,
    store,
    budget,
    events,
    async [Symbol.asyncDispose]() {
      filling.warmup?.stop();
      await filling.loader?.stop();
      await client[Symbol.asyncDispose]();
    },
  };
}

export function entryKey(name: string): EntryKey {
  return { name, redisKey: name };
}
