// The public cache over an instance in memory: several of one world are several processes.

import { CacheHandle } from '../../src/exports/cache-handle.ts';
import type { CacheParts, CacheSettings } from '../../src/exports/cache-parts.ts';
import { createOrigins } from '../../src/origin/origins.ts';
import type { Serializer } from '../../src/exports/cache-values.ts';
import type { MemoryStoreOptions } from '../../src/cache/memory-store.ts';
import type { RedisParts } from '../../src/exports/redis-parts.ts';
import { namespace, type InMemoryInstance, type World } from './in-memory-cache.ts';

export interface PublicInstance {
  readonly cache: CacheHandle;
  readonly instance: InMemoryInstance;
}

export interface PublicInstanceOptions {
  readonly settings?: Partial<CacheSettings>;
  readonly serializer?: Serializer;
  readonly budgetBytes?: number;
  /** Of the tier in memory; there is none where undefined. */
  readonly memory?: Partial<MemoryStoreOptions>;
  readonly random?: () => number;
}

/** Without an origin, and without a prefix of its keys. */
export function publicInstance(world: World, options: PublicInstanceOptions = {}): PublicInstance {
  const { settings: given, serializer, ...rest } = options;
  const settings: CacheSettings = {
    keyPrefix: '',
    writes: 'enabled',
    defaultTtlSeconds: 300,
    staleSeconds: 60,
    maxValueBytes: 2 ** 20,
    memoryMb: 0,
    memoryMaxAgeMs: 0,
    requestBudgetMs: 2000,
    origin: { kind: 'none' },
    compression: 'auto',
    originRules: [],
    query: 'reject',
    ...given,
  };
  const instance = world.instance({ ...settings, ...rest, origin: undefined });
  const { cache, budget, locks, events } = instance;
  // Of the client the cache takes no more.
  const redis: Pick<RedisParts, 'clock' | 'random' | 'emit' | 'namespace'> = {
    clock: world.clock,
    random: () => 0,
    emit: (event) => void events.push(event),
    namespace,
  };
  const parts: Omit<CacheParts, 'keyRules'> = {
    cache,
    redis: redis as RedisParts,
    settings,
    locks,
    origins: createOrigins(undefined, []),
    budget,
    memory: instance.store,
    stop: async () => cache.stop(),
  };
  return { cache: new CacheHandle(parts as CacheParts, serializer), instance };
}
