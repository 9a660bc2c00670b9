// registerWarmup: the timer that keeps a warm set in the cache.

import { scheduledWarmup } from '../functions/scheduled-warmup.ts';
import { AppError } from '../util/errors.ts';
import { createWarmup } from '../warmup/create.ts';
import type { Warmup } from '../warmup/warmup.ts';
import { aCache, cachePartsOf, loadLimitMs, type CacheParts } from './cache-parts.ts';
import { aSchedule, checkApp, closeAtEnd, type FunctionsApp } from './functions-app.ts';
import { checkOptions, wholeNumber, type Rule } from './options.ts';

/** Which entries of the cache's origin are kept: those of some keys, or all that a blob container lists under a prefix. */
export type WarmSet = { readonly keys: readonly string[] } | { readonly prefix: string };

/** What is kept warm, and when. */
export interface WarmupOptions {
  /** What `createCache` returned, with an origin. */
  readonly cache: object;
  /** What is kept in the cache. */
  readonly warmSet: WarmSet;
  /** When it runs: NCRONTAB, six fields. Every five minutes where undefined. */
  readonly schedule?: string | undefined;
  /** `functionTimeout` of host.json, in milliseconds: 300,000 where undefined. A run ends before that. */
  readonly invocationLimitMs?: number | undefined;
}

const owner = 'registerWarmup';

/**
 * Registers the timer `scheduledWarmup`. Each run brings the warm set up to date before anybody asks for it: what is
 * missing or has changed is loaded, what is unchanged gets a new lifetime; nothing is deleted, and what a client wrote
 * stays. A run that ends early continues where it stopped. When the app ends, the run ends, and the client closes.
 *
 * @throws AppError `options-invalid` that names every option that is missing or wrong.
 * @example
 * registerWarmup(app, { cache, warmSet: { keys: ['prices', 'menu'] } });
 */
export function registerWarmup(app: FunctionsApp, options: WarmupOptions): void {
  checkApp(owner, app);
  checkOptions(owner, options, {
    cache: { ...aCache, required: true },
    warmSet: { ...aWarmSet, required: true },
    schedule: aSchedule,
    invocationLimitMs: wholeNumber(1000, 86_400_000),
  });
  const { schedule = '0 */5 * * * *', invocationLimitMs = 300_000 } = options;
  const parts = cachePartsOf(owner, options.cache);
  const warmup = warmupOf(parts, options.warmSet);
  const { clock } = parts.redis;
  closeAtEnd(app, parts.redis);
  const handler = scheduledWarmup({ warmup, clock, schedule, invocationLimitMs, loadLimitMs });
  app.timer('scheduledWarmup', { schedule, handler });
}

/** Made once for a cache and a warm set, and stopped before the client closes; undefined for an empty one. */
function warmupOf(parts: CacheParts, warmSet: WarmSet): Warmup | undefined {
  const { redis, settings } = parts;
  const { keys = [], prefix } = warmSet as { readonly keys?: readonly string[]; readonly prefix?: string };
  if (prefix === undefined && keys.length === 0) return undefined;
  const name = `warmup ${JSON.stringify([settings, warmSet])}`;
  return redis.dependents.once(name, () => {
    const all = { ...redis, ...settings, ...parts, redis: redis.redis, keys, prefix: prefix ?? '' };
    const warmup = createWarmup(all);
    if (warmup !== undefined) return warmup;
    const why =
      parts.origin === undefined ? 'has no origin' : 'has an origin that lists nothing: name the keys';
    throw new AppError('options-invalid', `${owner}: warmSet: the cache ${why}.`);
  });
}

const aWarmSet: Rule = {
  expected: '{ keys: [...] } with names of entries, or { prefix: "..." }',
  holds: (value) => {
    const { keys, prefix } = (value ?? {}) as { readonly keys?: unknown; readonly prefix?: unknown };
    if (keys === undefined) return typeof prefix === 'string';
    return prefix === undefined && Array.isArray(keys) && keys.every((key) => typeof key === 'string');
  },
};
