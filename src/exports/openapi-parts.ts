// What the OpenAPI document of a cache is made of: its routes and limits, and what else is registered for its client.

import type { ApiOptions, Security } from '../http/openapi/document.ts';
import type { CacheSettings } from './cache-parts.ts';
import type { RoutesOfClient } from './redis-parts.ts';

/** Put in by the bundlers. */
declare const APP_VERSION: string | undefined;

export interface RoutesOfCache {
  readonly route: string;
  readonly batchRoute: string;
  readonly purgeRoute: string;
  readonly openapiRoute?: string | undefined;
}

export interface OpenApiParts {
  readonly settings: Pick<CacheSettings, 'maxValueBytes' | 'defaultTtlSeconds' | 'query'>;
  readonly security: Security;
  /** Of the client. */
  readonly routes: RoutesOfClient;
}

export function apiOf(
  own: RoutesOfCache,
  { settings, security, routes }: OpenApiParts,
): Omit<ApiOptions, 'basePath'> {
  const { maxValueBytes, defaultTtlSeconds, query } = settings;
  const { fleet, probes } = routes;
  const entry = `${own.route}/{key}`;
  return {
    version: typeof APP_VERSION === 'string' ? APP_VERSION : '0.0.0',
    maxValueBytes,
    defaultTtlSeconds,
    isQueryInKey: query === 'key',
    security,
    fleetSecurity: fleet?.security,
    routes: {
      readCache: entry,
      writeCache: entry,
      removeCache: entry,
      readBatch: own.batchRoute,
      purge: own.purgeRoute,
      fleet: fleet?.route,
      openapi: own.openapiRoute,
      live: probes === undefined ? undefined : `${probes}/live`,
      ready: probes === undefined ? undefined : `${probes}/ready`,
    },
  };
}
