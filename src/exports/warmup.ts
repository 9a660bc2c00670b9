// registerWarmup: the timer that keeps a warm set in the cache.

import { scheduledWarmup } from '../functions/scheduled-warmup.ts';
import { OriginHealth } from '../origin/origin-health.ts';
import { AppError } from '../util/errors.ts';
import { createWarmup } from '../warmup/create.ts';
import type { Warmup, WarmupOptions as InnerOptions } from '../warmup/warmup.ts';
import type { Cache, FactoryContext } from './cache-api.ts';
import { FactorySource } from './cache-factory.ts';
import { lifetime, staleTime, tagsOrFunction } from './cache-options.ts';
import { aCache, cachePartsOf, loadLimitMs, type CacheParts } from './cache-parts.ts';
import type { Cacheable } from './cache-values.ts';
import { aSchedule, aSuffix, checkApp, closeAtEnd, type FunctionsApp } from './functions-app.ts';
import { checkOptions, wholeNumber, type Rule } from './options.ts';

/** Values that a function of yours makes, as the factory of `getOrSet` does, under the same keys. */
export interface LoadedWarmSet {
  /** As they are given to `getOrSet`, and to `get`. */
  readonly keys: readonly string[];
  /** Makes the value of one key. `signal` is aborted when the run ends. */
  readonly load: (key: string, context: FactoryContext) => Cacheable | Promise<Cacheable>;
  /** Seconds that a value is fresh: more than between two runs. */
  readonly ttlSeconds: number;
  /** Seconds past that in which the old value may be answered; the cache's `staleSeconds` where undefined. */
  readonly staleSeconds?: number | undefined;
  /** Tags of the values, or a function that says them of one: as `getOrSet` has them. None where undefined. */
  readonly tags?: readonly string[] | ((value: unknown) => readonly string[]) | undefined;
}

/** What the cache's origin has: under some keys, or, of a blob container, all that begins with a prefix. */
export type OriginWarmSet =
  { readonly keys: readonly string[]; readonly load?: undefined } | { readonly prefix: string };

/** What is kept in the cache: entries of its origin, or what a function makes. */
export type WarmSet = OriginWarmSet | LoadedWarmSet;

/** What is kept warm, and when. */
export interface WarmupOptions {
  /** What `createCache` returned. */
  readonly cache: Cache;
  /** What is kept in the cache. */
  readonly warmSet: WarmSet;
  /** When it runs: NCRONTAB, six fields. Every five minutes where undefined. */
  readonly schedule?: string | undefined;
  /** `functionTimeout` of host.json, in milliseconds: 300,000 where undefined. A run ends before that. */
  readonly invocationLimitMs?: number | undefined;
  /** After the name of the function: for a second warm set in one app. None where undefined. */
  readonly suffix?: string | undefined;
}

const owner = 'registerWarmup';

/**
 * Registers the timer `scheduledWarmup`. Each run brings the warm set up to date before anybody asks for it: what is
 * missing, or would not be fresh until the next run, is loaded. Nothing is deleted, and what was written by `set` or over
 * HTTP stays. One instance runs it at a time. When the app ends, the run ends, and the client closes.
 *
 * @throws AppError `options-invalid` that names every option that is missing or wrong.
 * @example
 * ```ts
 * const warmSet = { keys: ['prices:EUR', 'prices:USD'], load: loadPrices, ttlSeconds: 900 };
 * registerWarmup(app, { cache, warmSet });
 * ```
 */
export function registerWarmup(app: FunctionsApp, options: WarmupOptions): void {
  checkApp(owner, app);
  checkOptions(owner, options, {
    cache: { ...aCache, required: true },
    warmSet: { ...aWarmSet, required: true },
    schedule: aSchedule,
    invocationLimitMs: wholeNumber(1000, 86_400_000),
    suffix: aSuffix,
  });
  const { schedule = '0 */5 * * * *', invocationLimitMs = 300_000, suffix = '' } = options;
  const parts = cachePartsOf(owner, options.cache);
  const warmup = warmupOf(parts, options.warmSet);
  const { clock, measures } = parts.redis;
  closeAtEnd(app, parts.redis);
  const handler = scheduledWarmup({ warmup, measures, clock, schedule, invocationLimitMs, loadLimitMs });
  app.timer(`scheduledWarmup${suffix}`, { schedule, handler });
}

/** Made once for a cache and a warm set, and stopped before the client closes; undefined for an empty one. */
function warmupOf(parts: CacheParts, warmSet: WarmSet): Warmup | undefined {
  const { redis, settings } = parts;
  const { keys = [], prefix } = warmSet as { readonly keys?: readonly string[]; readonly prefix?: string };
  if (prefix === undefined && keys.length === 0) return undefined;
  const name = `warmup ${JSON.stringify([settings, keys, prefix, isLoaded(warmSet)])}`;
  return redis.dependents.once(name, () => {
    const shared = { ...redis, ...settings, ...parts, redis: redis.redis, keys, prefix: prefix ?? '' };
    const isFilled = isLoaded(warmSet);
    const strangers = isFilled ? 0 : keys.filter((key) => parts.origins.choose(key) === undefined).length;
    const cache = isFilled ? loadedCache(parts, warmSet) : parts.cache;
    const warmup = strangers > 0 ? undefined : createWarmup({ ...shared, cache });
    if (warmup !== undefined) return warmup;
    const why =
      prefix === undefined
        ? `has no origin for ${strangers} of ${keys.length} keys: give it \`load\``
        : 'has no origin that lists what begins so: name the keys';
    throw new AppError('options-invalid', `${owner}: warmSet: the cache ${why}.`);
  });
}

function isLoaded(warmSet: WarmSet): warmSet is LoadedWarmSet {
  return 'load' in warmSet && warmSet.load !== undefined;
}

/** The cache, with entries that are made by `load` instead of by an origin. */
function loadedCache(
  { cache, redis, settings, serializer }: CacheParts,
  warmSet: LoadedWarmSet,
): InnerOptions['cache'] {
  const { load, ttlSeconds, staleSeconds, tags } = warmSet;
  const health = new OriginHealth(redis.emit, redis.clock);
  const factories = { staleSeconds: settings.staleSeconds, serializer, health, clock: redis.clock };
  const times = { ttlSeconds, staleSeconds, tags };
  const refresher = cache.refresherFor({
    kind: 'factory',
    health,
    load: (key, options) =>
      new FactorySource(factories, (context) => load(key, context), times).load(key, options),
  });
  return {
    keyOf: (name) => cache.keyOf(name),
    readHeads: (keys, deadlineAtMs) => cache.readHeads(keys, deadlineAtMs),
    refresh: (key, request) => refresher.refresh(key, request),
    extend: (key, held, tagging) => refresher.extend(key, held, tagging),
  };
}

const aWarmSet: Rule = {
  expected:
    '{ keys: [...] } with names of entries, with or without load() and ttlSeconds (and staleSeconds, tags), or { prefix: "..." }',
  holds: (value) => {
    const { keys, prefix, load, ...times } = (value ?? {}) as Readonly<Record<string, unknown>>;
    const { ttlSeconds, staleSeconds, tags, ...others } = times;
    if (Object.keys(others).length > 0) return false;
    if (keys === undefined) return typeof prefix === 'string' && load === undefined;
    const areKeys =
      prefix === undefined && Array.isArray(keys) && keys.every((key) => typeof key === 'string');
    if (load === undefined)
      return areKeys && [ttlSeconds, staleSeconds, tags].every((one) => one === undefined);
    const isTagged = tags === undefined || tagsOrFunction.holds(tags);
    const isStale = staleSeconds === undefined || staleTime.holds(staleSeconds);
    return areKeys && typeof load === 'function' && lifetime.holds(ttlSeconds) && isStale && isTagged;
  },
};
