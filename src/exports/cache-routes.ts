// registerCacheRoutes: the cache over HTTP, as the app has it.

import type { HttpHandler } from '@azure/functions';
import { openapi } from '../functions/openapi.ts';
import { purge } from '../functions/purge.ts';
import { readBatch } from '../functions/read-batch.ts';
import { readCache } from '../functions/read-cache.ts';
import { removeCache, writeCache } from '../functions/write-cache.ts';
import { operations } from '../http/operations.ts';
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
import { unlimited } from './handler-deps.ts';
import { apiOf } from './openapi-parts.ts';
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
   * Registers `GET /api/<openapiRoute>`, like `openapi.json`: these routes as an OpenAPI 3.1 document, with those of the
   * fleet and the probes where they are registered for the same client. Any valid token will do. None where undefined.
   */
  readonly openapiRoute?: string | undefined;
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
 * up to 100 keys) and `purge` (POST), and `openapi` where that has a route. docs/http.md has what they answer. When the app ends, the cache stops, and the client closes.
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
    openapiRoute: aRoute,
    callers: aCallers,
    authLevel: anAuthLevel,
    suffix: aSuffix,
    writes: oneOf('enabled', 'disabled'),
  });
  const { cache, redis, settings, budget } = cachePartsOf(owner, options.cache);
  const { route = 'cache', batchRoute = 'batch', purgeRoute = 'purge', openapiRoute } = options;
  const { suffix = '', writes = settings.writes } = options;
  const { query: queryRule, defaultTtlSeconds, maxValueBytes, requestBudgetMs } = settings;
  closeAtEnd(app, redis);
  const { authLevel, security, access } = guardOf(app, options);
  const { clock } = redis;
  const deps = {
    clock,
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
  const register = (name: keyof typeof handlers | 'openapi', at: string, handler: HttpHandler): void => {
    const methods = [...operations[name].methods];
    app.http(`${name}${suffix}`, { route: at, authLevel, methods, handler });
  };
  const handlers = { readCache, writeCache, removeCache, readBatch, purge };
  const handlerOf = (name: keyof typeof handlers): HttpHandler =>
    handlers[name]({ ...deps, access: access({ roles: operations[name].roles }) });
  for (const name of ['readCache', 'writeCache', 'removeCache'] as const) {
    register(name, `${route}/{*key}`, handlerOf(name));
  }
  register('readBatch', batchRoute, handlerOf('readBatch'));
  register('purge', purgeRoute, handlerOf('purge'));
  if (openapiRoute === undefined) return;
  const own = { route, batchRoute, purgeRoute, openapiRoute };
  const api = (): ReturnType<typeof apiOf> => apiOf(own, { settings, security, routes: redis.routes });
  const ofDocument = { clock, requestBudgetMs, budget: unlimited, access: access({ roles: [] }) };
  register('openapi', openapiRoute, openapi({ ...ofDocument, route: openapiRoute, api }));
}
