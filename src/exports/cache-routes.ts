// registerCacheRoutes: the cache over HTTP, as the app has it.

import { purge } from '../functions/purge.ts';
import { readBatch } from '../functions/read-batch.ts';
import { readCache } from '../functions/read-cache.ts';
import { removeCache, writeCache } from '../functions/write-cache.ts';
import type { Cache } from './cache-api.ts';
import type { Callers } from './callers-api.ts';
import { aCallers, guardOf } from './callers-parts.ts';
import { aCache, cachePartsOf } from './cache-parts.ts';
import {
  anAuthLevel,
  aRoute,
  aSuffix,
  checkApp,
  closeAtEnd,
  type AuthLevel,
  type FunctionsApp,
} from './functions-app.ts';
import { checkOptions, oneOf } from './options.ts';

/** Where a cache is served over HTTP, and to whom. */
export interface CacheRoutesOptions {
  /** What `createCache` returned; its options hold over HTTP, too. */
  readonly cache: Cache;
  /** `cache` where undefined: `/api/cache/{*key}`. */
  readonly route?: string | undefined;
  /** `batch` where undefined: `/api/batch`. */
  readonly batchRoute?: string | undefined;
  /** `purge` where undefined: `/api/purge`. */
  readonly purgeRoute?: string | undefined;
  /**
   * Who may call: app role `Cache.Read` to read, also in batches, `Cache.Write` to write and remove, `Cache.Purge` to
   * purge; under their prefixes only, where they have some. Where undefined, whoever the host lets in by `authLevel`.
   */
  readonly callers?: Callers | undefined;
  /** `function` where undefined; with `callers` it is `anonymous`, and a key would be asked for besides a token. */
  readonly authLevel?: AuthLevel | undefined;
  /** `disabled` makes the HTTP side read-only: PUT, DELETE and purges are answered with 405. As the cache's where undefined. */
  readonly writes?: 'enabled' | 'disabled' | undefined;
  /** After the names of the functions: for a second cache in one app, on routes of its own. None where undefined. */
  readonly suffix?: string | undefined;
}

const owner = 'registerCacheRoutes';

/**
 * Registers the functions `readCache` (GET and HEAD), `writeCache` (PUT), `removeCache` (DELETE), `readBatch` (POST,
 * up to 100 keys) and `purge` (POST). docs/http.md has what they answer. When the app ends, the cache stops, and the client closes.
 *
 * @throws AppError `options-invalid` that names every option that is missing or wrong.
 * @example
 * registerCacheRoutes(app, { cache, writes: 'disabled' });
 */
export function registerCacheRoutes(app: FunctionsApp, options: CacheRoutesOptions): void {
  checkApp(owner, app);
  checkOptions(owner, options, {
    cache: { ...aCache, required: true },
    route: aRoute,
    batchRoute: aRoute,
    purgeRoute: aRoute,
    callers: aCallers,
    authLevel: anAuthLevel,
    suffix: aSuffix,
    writes: oneOf('enabled', 'disabled'),
  });
  const { cache, redis, settings, budget } = cachePartsOf(owner, options.cache);
  const { route = 'cache', batchRoute = 'batch', writes = settings.writes } = options;
  const { suffix = '', purgeRoute = 'purge' } = options;
  const { query: queryRule, defaultTtlSeconds, maxValueBytes, requestBudgetMs } = settings;
  closeAtEnd(app, redis);
  const { authLevel, access } = guardOf(app, options);
  const deps = {
    clock: redis.clock,
    emit: redis.emit,
    measures: redis.measures,
    requestBudgetMs,
    budget,
    cache,
    queryRule,
    writesEnabled: writes === 'enabled',
    defaultTtlSeconds,
    maxValueBytes,
  };
  const reading = { ...deps, access: access({ roles: ['Cache.Read'] }) };
  const writing = { ...deps, access: access({ roles: ['Cache.Write'] }) };
  const purging = { ...deps, access: access({ roles: ['Cache.Purge'] }) };
  const entry = { route: `${route}/{*key}`, authLevel } as const;
  app.http(`readCache${suffix}`, { ...entry, methods: ['GET', 'HEAD'], handler: readCache(reading) });
  app.http(`writeCache${suffix}`, { ...entry, methods: ['PUT'], handler: writeCache(writing) });
  app.http(`removeCache${suffix}`, { ...entry, methods: ['DELETE'], handler: removeCache(writing) });
  app.http(`readBatch${suffix}`, {
    route: batchRoute,
    authLevel,
    methods: ['POST'],
    handler: readBatch(reading),
  });
  app.http(`purge${suffix}`, { route: purgeRoute, authLevel, methods: ['POST'], handler: purge(purging) });
}
