// What a public cache is made of: made here, for createCache and for the app, and found here by the other exports of
// this package, which may have been loaded from another build (ES modules beside CommonJS).

import { Cache } from '../cache/cache.ts';
import { compressingTier } from '../cache/compressing-tier.ts';
import { Compressor } from '../cache/compressor.ts';
import { MemoryTier } from '../cache/memory-tier.ts';
import type { Copies } from '../cache/copies.ts';
import type { KeyRules } from '../cache/key.ts';
import type { Locks } from '../cache/locks.ts';
import { PurgeLog } from '../cache/purge-log.ts';
import { PurgeTier } from '../cache/purge-tier.ts';
import { RedisLocks } from '../cache/redis-locks.ts';
import { RedisPurgeOrder } from '../cache/redis-purge-order.ts';
import { RedisTier } from '../cache/redis-tier.ts';
import type { Tier } from '../cache/tier.ts';
import type { OriginChoice } from '../origin/origin-rules.ts';
import type { Origins } from '../origin/origins.ts';
import type { OriginRule } from '../origin/rule-form.ts';
import { Shedding } from '../telemetry/shedding.ts';
import { ByteBudget } from '../util/byte-budget.ts';
import { AppError } from '../util/errors.ts';
import { bytesInFlight, memoryLimits } from '../util/instance-memory.ts';
import { onePerProcess } from '../util/one-per-process.ts';
import type { Serializer } from './cache-values.ts';
import type { MemoryOfEntries } from './answered-values.ts';
import { cacheMemoryOf, type MemorySettings } from './cache-memory.ts';
import { originsOf } from './create-origin.ts';
import type { Rule } from './options.ts';
import type { RedisParts } from './redis-parts.ts';

export const cacheParts: unique symbol = Symbol.for('redis-entra-functions.cache-parts') as never;

/** What decides how a cache works, checked. */
export interface CacheSettings extends MemorySettings {
  /** Before every key. */
  readonly keyPrefix: string;
  /** Whether clients may write over HTTP: then only Redis knows what the cache holds. */
  readonly writes: 'enabled' | 'disabled';
  readonly defaultTtlSeconds: number;
  readonly staleSeconds: number;
  readonly maxValueBytes: number;
  /** A read or write is answered within this, whatever Redis does. */
  readonly requestBudgetMs: number;
  /** Of the keys of no rule, and of rules that name none. */
  readonly origin: OriginChoice;
  /** Whether text and its like is stored compressed. */
  readonly compression: 'auto' | 'off';
  readonly originRules: readonly OriginRule[];
  /** What an unknown query parameter of a read over HTTP is. */
  readonly query: 'reject' | 'key';
}

export interface CacheParts {
  readonly cache: Cache;
  readonly redis: RedisParts;
  readonly settings: CacheSettings;
  readonly keyRules: KeyRules;
  readonly locks: Locks;
  readonly origins: Origins;
  readonly budget: ByteBudget;
  /** Undefined where nothing is kept in this process. */
  readonly memory?: MemoryOfEntries | undefined;
  /** Of one that is called: JSON where undefined. Over HTTP there are bytes only. */
  readonly serializer?: Serializer | undefined;
  /** Ends what is in flight. */
  stop(): Promise<void>;
}

/** Of one load from the origin; a request does not wait that long. */
export const loadLimitMs = 30_000;

/** Of bodies that are not worth compressing: docs/adr/0018-compression.md. */
const mostPlainBytes = 1024;

/** Made once for a client and its settings, however often it is asked for; stopped before that client closes. */
export function cachePartsFor(redis: RedisParts, settings: CacheSettings): CacheParts {
  return redis.dependents.once(`cache ${JSON.stringify(settings)}`, () => createParts(redis, settings));
}

export const aCache: Rule = {
  expected: 'what createCache() returned',
  holds: (value) => typeof value === 'object' && value !== null && cacheParts in value,
};

/** @throws AppError `options-invalid` for what `createCache` has not made. */
export function cachePartsOf(owner: string, cache: object): CacheParts {
  if (aCache.holds(cache)) return (cache as { readonly [cacheParts]: CacheParts })[cacheParts];
  throw new AppError('options-invalid', `${owner}: expected \`cache\` to be ${aCache.expected}.`);
}

function createParts(redis: RedisParts, settings: CacheSettings): CacheParts {
  const { clock, random, emit, namespace, credential, measures } = redis;
  const { keyPrefix, writes, maxValueBytes, query } = settings;
  const budget = sharedBudget(redis, maxValueBytes);
  const origins = originsOf(settings, {
    credential,
    clock,
    emit,
    timeLimitMs: loadLimitMs,
    isQueryInKey: query === 'key',
  });
  const locks = new RedisLocks(redis.redis, clock, namespace);
  const keyRules = { prefix: keyPrefix, namespace };
  const memory = cacheMemoryOf(redis, settings);
  const purges = purgesOf(redis);
  const below = createTier(redis, settings, budget, memory?.store);
  const tier = memory === undefined ? below : new MemoryTier(below, memory.store, () => purges.isReachable);
  const cache = new Cache({
    ...settings,
    tier: new PurgeTier({ tier, log: purges, scope: keyPrefix, clock }),
    purges,
    locks,
    origins,
    keyRules,
    clientsWrite: writes === 'enabled',
    budget,
    measures,
    clock,
    random,
  });
  redis.caches.push({ keyPrefix, memory: memory?.store });
  return {
    cache,
    redis,
    settings,
    keyRules,
    locks,
    origins,
    budget,
    memory: memory?.store,
    async stop() {
      await cache.stop();
      memory?.stop();
    },
  };
}

/** Caches of one client share them. */
function purgesOf({ redis, namespace, instance, clock, emit, dependents }: RedisParts): PurgeLog {
  return dependents.once('purges', () => {
    const order = new RedisPurgeOrder(redis, namespace);
    return new PurgeLog({ order, instance: () => instance.id, clock, emit });
  });
}

/** @param copies what keeps copies of what is read. */
function createTier(
  { redis, emit }: RedisParts,
  { maxValueBytes, compression }: CacheSettings,
  budget: ByteBudget,
  copies: Copies | undefined,
): Tier {
  const tier = new RedisTier({ redis, budget, maxValueBytes, emit, copies });
  return compression === 'off' ? tier : compressingTier(tier, new Compressor({ mostPlainBytes, budget }));
}

/** Of the memory of this process, which all of its caches share. */
function sharedBudget({ emit, clock }: RedisParts, maxValueBytes: number): ByteBudget {
  const totalBytes = bytesInFlight(memoryLimits(), maxValueBytes);
  return onePerProcess(`byte budget ${totalBytes}`, () => {
    const shedding = new Shedding(emit, clock);
    return new ByteBudget(totalBytes, (valueBytes, ofBytes) => shedding.refused(valueBytes, ofBytes));
  });
}
