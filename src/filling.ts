// The parts that bring entries from the origin into the cache, wired together. Used by parts.ts and benches.
// Reads no environment and registers nothing.

import type { ByteBudget } from './util/byte-budget.ts';
import { Filler } from './cache/entry-writer.ts';
import { Loader } from './cache/loader.ts';
import { Locks } from './cache/locks.ts';
import { ReadThrough } from './cache/read-through.ts';
import type { EntryStore } from './cache/store.ts';
import type { Clock } from './util/clock.ts';
import { checkKey, type KeyRules } from './cache/key.ts';
import type { Origin } from './origin/origin.ts';
import type { Redis } from './redis/redis.ts';
import type { Settings } from './config/settings.ts';
import type { Emit } from './telemetry/events.ts';
import { OriginHealth } from './origin/origin-health.ts';
import { Checkpoint } from './warmup/checkpoint.ts';
import { listing, namedKeys, type WarmSet } from './warmup/warm-set.ts';
import { Warmup } from './warmup/warmup.ts';

export interface Filling {
  readonly readThrough: ReadThrough;
  /** Undefined without an origin: reads end at the cache. */
  readonly loader: Loader | undefined;
  /** Undefined where the settings name nothing to warm. */
  readonly warmup: Warmup | undefined;
}

export interface FillingDeps {
  readonly origin: Origin | undefined;
  readonly redis: Redis;
  readonly budget: ByteBudget;
  readonly store: EntryStore;
  readonly keyRules: KeyRules;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly emit: Emit;
}

export function startFilling(settings: Settings, deps: FillingDeps): Filling {
  const { origin, redis, budget, store, keyRules, clock, random, emit } = deps;
  const reads = { store, clientsWrite: settings.cache.writes === 'enabled', clock, random };
  if (origin === undefined) {
    const readThrough = new ReadThrough({ ...reads, loader: undefined });
    return { readThrough, loader: undefined, warmup: undefined };
  }
  const { defaultTtlSeconds, staleSeconds, maxValueBytes } = settings.cache;
  const common = {
    origin,
    store,
    filler: new Filler({ store, clock, random, rules: { defaultTtlSeconds, staleSeconds } }),
    locks: new Locks(redis, clock, settings.namespace),
    health: new OriginHealth(emit, clock),
    maxValueBytes,
    budget,
    clock,
    random,
  };
  const loader = new Loader({ ...common, defaultTtlSeconds, patienceMs: settings.requestBudgetMs });
  const readThrough = new ReadThrough({ ...reads, loader });
  const warmSet = warmSetOf(settings, origin);
  if (warmSet === undefined) return { readThrough, loader, warmup: undefined };
  const checkpoint = new Checkpoint(redis, settings.namespace, warmSet.scope);
  const redisKeyOf = (name: string): string | undefined => {
    const key = checkKey(name, keyRules);
    return key.ok ? key.redisKey : undefined;
  };
  return { readThrough, loader, warmup: new Warmup({ ...common, warmSet, checkpoint, redisKeyOf }) };
}

function warmSetOf({ warmup }: Settings, { listing: listed }: Origin): WarmSet | undefined {
  if (warmup.keys.length > 0) return namedKeys(warmup.keys);
  return listed && listing(listed, warmup.prefix);
}
