// The options of createCache and of a cache's methods: their defaults, and what is wrong with those that were given.

import { isContentType } from '../cache/entry.ts';
import { maxTtlSeconds } from '../cache/freshness.ts';
import { mostMemoryAgeMs, mostMemoryMb } from '../cache/memory-limits.ts';
import { largestValueBytes } from '../http/request-body.ts';
import { areTags, tagsExpectation } from '../origin/tags.ts';
import type {
  Condition,
  DeleteOptions,
  GetOptions,
  GetOrSetOptions,
  SetOptions,
  WrapOptions,
} from './cache-api.ts';
import type { CacheSettings } from './cache-parts.ts';
import type { Serializer } from './cache-values.ts';
import { aFunction, checkOptions, oneOf, wholeNumber, type Rule, type Rules } from './options.ts';
import {
  anOrigin,
  resolveOrigins,
  someRules,
  type OriginOptions,
  type OriginRuleOptions,
} from './origin-options.ts';
import type { Redis } from './redis-api.ts';
import { redisParts, type RedisParts } from './redis-parts.ts';

export const cacheDefaults = { defaultTtlSeconds: 300, maxValueBytes: 1_048_576 } as const;

/** What a cache is over, and how long and how large its values are. Only `redis` is required. */
export interface CacheOptions {
  /** What `createRedis` returned. */
  readonly redis: Redis;
  /**
   * What this cache's keys begin with in Redis, before a colon: 1 to 64 letters, digits, "-" or "_", and not the
   * namespace of the client, under which its locks are. Nothing where undefined.
   */
  readonly namespace?: string | undefined;
  /** Seconds that lives what is written, or loaded from the origin, without a lifetime; 300 where undefined. */
  readonly defaultTtlSeconds?: number | undefined;
  /** Seconds past its lifetime in which a value may still be answered; 60 where undefined. */
  readonly staleSeconds?: number | undefined;
  /** Larger values are neither read nor stored; 1,048,576 where undefined. */
  readonly maxValueBytes?: number | undefined;
  /**
   * MiB that this process keeps of what it reads, at most an eighth of its memory for all its caches together; 32 where
   * undefined. 0: every call asks Redis. What is kept is dropped when Redis says that it has changed (`CLIENT TRACKING`),
   * and not answered where Redis was not heard from in the last 2 s.
   */
  readonly memoryMb?: number | undefined;
  /**
   * Milliseconds for which something is kept where Redis does not say what has changed, because an access policy or a
   * proxy refuses that: it may be as old as this. Nothing is kept then where undefined, or 0.
   */
  readonly memoryMaxAgeMs?: number | undefined;
  /** Milliseconds that a call may take where only Redis is asked; that of the client where undefined. */
  readonly timeoutMs?: number | undefined;
  /** JSON where undefined. */
  readonly serializer?: Serializer | undefined;
  /**
   * `auto` stores text and its like of more than 1 KiB compressed, and every hit decompresses it; `off` where
   * undefined. What is compressed is read in either case.
   */
  readonly compression?: 'auto' | 'off' | undefined;
  /** None where undefined. */
  readonly origin?: OriginOptions | undefined;
  /**
   * Other origins, lifetimes and tags for the keys that begin with a prefix; of several rules the one with the longest
   * prefix counts. For what comes from an origin: `getOrSet`, `wrap` and `set` bring their own. At most 100; none where
   * undefined.
   */
  readonly originRules?: readonly OriginRuleOptions[] | undefined;
}

/** @throws AppError `options-invalid` that names every option that is missing, wrong or unknown. */
export function resolveCacheOptions(options: CacheOptions): CacheSettings {
  const redis = (options as CacheOptions | null)?.redis as { readonly [redisParts]?: RedisParts } | undefined;
  const client = redis?.[redisParts];
  checkOptions('createCache', options, {
    redis: {
      expected: 'what createRedis() returned',
      holds: () => client !== undefined,
      required: true,
    },
    namespace: {
      expected: '1 to 64 letters, digits, "-" or "_", and not the namespace of the client',
      holds: (value) =>
        typeof value === 'string' && /^[\w-]{1,64}$/u.test(value) && value !== client?.namespace,
    },
    defaultTtlSeconds: wholeNumber(1, maxTtlSeconds),
    staleSeconds: wholeNumber(0, maxTtlSeconds),
    maxValueBytes: wholeNumber(1, largestValueBytes),
    memoryMb: wholeNumber(0, mostMemoryMb),
    memoryMaxAgeMs: wholeNumber(0, mostMemoryAgeMs),
    timeoutMs: callTimeout,
    serializer: {
      expected: 'contentType (1 to 255 printable ASCII characters), encode() and decode()',
      holds: isSerializer,
    },
    compression: oneOf('auto', 'off'),
    origin: anOrigin,
    originRules: someRules,
  });
  const { namespace } = options;
  return {
    keyPrefix: namespace === undefined ? '' : `${namespace}:`,
    writes: 'enabled',
    defaultTtlSeconds: options.defaultTtlSeconds ?? cacheDefaults.defaultTtlSeconds,
    staleSeconds: options.staleSeconds ?? 60,
    maxValueBytes: options.maxValueBytes ?? cacheDefaults.maxValueBytes,
    memoryMb: options.memoryMb ?? 32,
    memoryMaxAgeMs: options.memoryMaxAgeMs ?? 0,
    requestBudgetMs: options.timeoutMs ?? client?.timeoutMs ?? 2000,
    compression: options.compression ?? 'off',
    ...resolveOrigins(options),
    query: 'reject',
  };
}

function isSerializer(value: unknown): boolean {
  const { contentType, encode, decode } = (value ?? {}) as Partial<Serializer>;
  return (
    typeof contentType === 'string' &&
    isContentType(contentType) &&
    typeof encode === 'function' &&
    typeof decode === 'function'
  );
}

const callTimeout = wholeNumber(1, 230_000);
const isSeconds = (value: unknown): boolean =>
  typeof value === 'number' && value >= 0.001 && value <= maxTtlSeconds;
export const lifetime: Rule = { expected: `seconds from 0.001 to ${maxTtlSeconds}`, holds: isSeconds };
export const staleTime: Rule = {
  expected: `seconds from 0 to ${maxTtlSeconds}`,
  holds: (value) => value === 0 || isSeconds(value),
};
const condition: Rule = {
  expected: '"absent", "present" or { etag }',
  holds: (value) =>
    value === 'absent' ||
    value === 'present' ||
    (typeof value === 'object' && typeof (value as Exclude<Condition, string> | null)?.etag === 'string'),
};
const abortSignal: Rule = {
  expected: 'an AbortSignal',
  holds: (value) => typeof (value as Partial<AbortSignal> | null)?.throwIfAborted === 'function',
};

const someTags: Rule = { expected: `an array of ${tagsExpectation}`, holds: areTags };
export const tagsOrFunction: Rule = {
  expected: `${someTags.expected}, or a function that returns them`,
  holds: (value) => typeof value === 'function' || areTags(value),
};

export const getRules: Rules<GetOptions> = { timeoutMs: callTimeout };
export const deleteRules: Rules<DeleteOptions> = { ...getRules, condition };
export const setRules: Rules<SetOptions> = { ...deleteRules, ttlSeconds: lifetime, tags: someTags };
const lifetimeRules = {
  ttlSeconds: {
    expected: `${lifetime.expected}, or a function that returns them`,
    holds: (value: unknown) => typeof value === 'function' || isSeconds(value),
    required: true,
  },
  staleSeconds: staleTime,
  staleIfErrorSeconds: staleTime,
  negativeTtlSeconds: lifetime,
  tags: tagsOrFunction,
  timeoutMs: wholeNumber(1, 3_600_000),
} as const;
export const getOrSetRules: Rules<GetOrSetOptions<never>> = { ...lifetimeRules, signal: abortSignal };
export const wrapRules: Rules<WrapOptions<readonly unknown[], never>> = { ...lifetimeRules, key: aFunction };

/**
 * `checkOptions`, for the options of every call: as cheap as can be where nothing is wrong.
 * @param required an option that must be there.
 * @throws AppError `options-invalid`.
 */
export function checkCall<T extends object>(
  owner: string,
  options: T,
  rules: Rules<T>,
  required?: keyof T,
): void {
  if (!areFine(options as T | null, rules, required)) checkOptions(owner, options, rules);
}

function areFine<T extends object>(
  options: T | null,
  rules: Rules<T>,
  required: keyof T | undefined,
): boolean {
  if (typeof options !== 'object' || options === null) return false;
  if (required !== undefined && options[required] === undefined) return false;
  const ruleOf = rules as Readonly<Record<string, Rule | undefined>>;
  for (const name in options) {
    const value: unknown = options[name];
    if (value !== undefined && ruleOf[name]?.holds(value) !== true) return false;
  }
  return true;
}
