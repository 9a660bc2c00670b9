// The one place where the app's parts are made and its triggers registered: as an app that imports the package does.

import { app } from '@azure/functions';
import type { Auth } from './auth/auth.ts';
import type { EntraCallers } from './http/callers/entra-callers.ts';
import { canBeListed } from './config/origin-settings.ts';
import type { Platform } from './config/platform.ts';
import type { Settings } from './config/settings.ts';
import { callersOver } from './exports/callers.ts';
import { registerCacheRoutes } from './exports/cache-routes.ts';
import { registerProbes } from './exports/probes.ts';
import { registerReauthentication } from './exports/reauthentication.ts';
import { partsOf } from './exports/redis-parts.ts';
import { startCache } from './exports/start-cache.ts';
import { startRedis } from './exports/start-redis.ts';
import { registerWarmup } from './exports/warmup.ts';
import { onePerProcess } from './util/one-per-process.ts';

/** Put in by the bundler (scripts/package/bundle.ts). */
declare const APP_VERSION: string;

/** What has begun before this is loaded. */
export interface StartedParts {
  readonly auth: Auth;
  /** Undefined where callers have function keys. */
  readonly entraCallers: EntraCallers | undefined;
  readonly stopTelemetry: (() => Promise<void>) | undefined;
}

/**
 * Registers the triggers and starts what they share. Waits for nothing: the connection is begun before any request.
 * @returns how the others name this instance.
 */
export function startApp(settings: Settings, parts: StartedParts, platform: Platform): string {
  const { auth, entraCallers, stopTelemetry } = parts;
  const callers = entraCallers && callersOver(entraCallers);
  const { namespace, requestBudgetMs, origin, originRules } = settings;
  // The one Redis client of this process, and what lives as long as it, for every function.
  const redis = onePerProcess('app', () =>
    startRedis({ ...settings.redis, namespace, timeoutMs: requestBudgetMs }, auth),
  );
  const cache = startCache(redis, { ...settings.cache, requestBudgetMs, origin, originRules });
  registerCacheRoutes(app, { cache, callers, openapiRoute: 'openapi.json' });
  const isLoaded = origin.kind !== 'none' || originRules.some((rule) => rule.origin !== undefined);
  const isWritten = settings.cache.writes === 'enabled' || isLoaded;
  registerProbes(app, { redis, writes: isWritten });
  const { site, host, region, functionTimeoutMs: invocationLimitMs } = platform;
  const { schedule } = settings.reauthenticate;
  const instance = { site, host, region, version: APP_VERSION };
  registerReauthentication(app, { redis, schedule, fleetRoute: 'fleet', callers, ...instance });
  const { schedule: warmupSchedule, keys, prefix } = settings.warmup;
  const warmSet = keys.length === 0 && canBeListed(prefix, settings) ? { prefix } : { keys };
  registerWarmup(app, { cache, warmSet, schedule: warmupSchedule, invocationLimitMs });
  // The last one: what the others have done is told, too.
  if (stopTelemetry !== undefined) app.hook.appTerminate(stopTelemetry);
  return partsOf('app', redis).instance.id;
}
