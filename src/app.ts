// The one place where parts are made and triggers registered.

import { randomBytes } from 'node:crypto';
import { app } from '@azure/functions';
import type { Auth } from './auth/auth.ts';
import { Cache } from './cache/cache.ts';
import { RedisLocks } from './cache/redis-locks.ts';
import { RedisTier } from './cache/redis-tier.ts';
import type { Platform } from './config/platform.ts';
import type { Settings } from './config/settings.ts';
import { startFleet } from './fleet/fleet.ts';
import { fleetPage } from './functions/fleet-page.ts';
import { fleet } from './functions/fleet.ts';
import { live, ready } from './functions/health.ts';
import { readBatch } from './functions/read-batch.ts';
import { readCache } from './functions/read-cache.ts';
import { reauthenticate } from './functions/reauthenticate.ts';
import { scheduledWarmup } from './functions/scheduled-warmup.ts';
import { removeCache, writeCache } from './functions/write-cache.ts';
import { createBlobOrigin } from './origin/blob/blob-origin.ts';
import { withHoldOff } from './origin/hold-off.ts';
import { createHttpOrigin } from './origin/http/http-origin.ts';
import { OriginHealth } from './origin/origin-health.ts';
import type { Origin } from './origin/origin.ts';
import { createRedis } from './redis/create.ts';
import { emit, onEvent } from './telemetry/events.ts';
import { Shedding } from './telemetry/shedding.ts';
import { ByteBudget } from './util/byte-budget.ts';
import { systemClock as clock } from './util/clock.ts';
import { bytesInFlight, memoryLimits } from './util/instance-memory.ts';
import { onePerProcess } from './util/one-per-process.ts';
import { createWarmup } from './warmup/create.ts';

/** Put in by the bundler (scripts/package/bundle.ts). */
declare const APP_VERSION: string;

/** Of one load from the origin; a request does not wait that long. */
const loadLimitMs = 30_000;
const common = { clock, random: Math.random, emit };

type Parts = ReturnType<typeof startParts>;

/** Registers the triggers and starts what they share. Waits for nothing. */
export function startApp(settings: Settings, auth: Auth, platform: Platform): void {
  // The one Redis client of this process, and what lives as long as it, for every function.
  const parts = onePerProcess('app', () => startParts(settings, auth, platform));
  registerCacheRoutes(settings, parts);
  registerProbes(settings, auth, parts);
  registerFleet(settings, auth, parts);
  registerWarmup(settings, platform, parts);
  app.hook.appTerminate(async () => {
    parts.warmup?.stop();
    await parts.cache.stop();
    await parts.fleet.stop();
    await parts.redis.close();
    auth.keeper.stop();
  });
}

/** The connection is begun before any request. */
function startParts(settings: Settings, { credential, keeper }: Auth, platform: Platform) {
  const { namespace, requestBudgetMs, cache: cacheSettings } = settings;
  let instances = 1;
  onEvent('rollCallHeard', ({ expected }) => (instances = expected));
  const redis = createRedis(settings.redis, {
    keeper,
    failFastAfterMs: requestBudgetMs,
    instances: () => instances,
    ...common,
  });
  redis.start();

  const { maxValueBytes, keyPrefix } = cacheSettings;
  const shedding = new Shedding(emit, clock);
  const budget = new ByteBudget(bytesInFlight(memoryLimits(), maxValueBytes), (valueBytes, totalBytes) =>
    shedding.refused(valueBytes, totalBytes),
  );
  const origin = createOrigin(settings, credential);
  const shared = { ...common, ...cacheSettings, namespace, requestBudgetMs, redis, budget, origin };
  const locks = new RedisLocks(redis, clock, namespace);
  const health = new OriginHealth(emit, clock);
  const cache = new Cache({
    ...shared,
    tier: new RedisTier(shared),
    locks,
    health,
    keyRules: { prefix: keyPrefix, namespace },
    clientsWrite: cacheSettings.writes === 'enabled',
  });
  const warmup = createWarmup({ ...shared, ...settings.warmup, cache, locks, health });

  const fleetPart = startFleet({
    ...common,
    redis,
    keeper,
    namespace,
    app: () => ({ site: platform.site, namespace, keyPrefix }),
    instance: instanceIdentity(platform),
    readCount: () => cache.readCount,
  });
  const http = { clock, requestBudgetMs, budget };
  return { http, redis, cache, warmup, fleet: fleetPart };
}

function createOrigin({ origin, cache }: Settings, credential: Auth['credential']): Origin | undefined {
  const options = { clock, timeLimitMs: loadLimitMs };
  switch (origin.kind) {
    case 'none':
      return undefined;
    case 'blob':
      return withHoldOff(createBlobOrigin({ ...origin, ...options, credential }), clock);
    case 'http':
      return withHoldOff(
        createHttpOrigin({ ...origin, ...options, isQueryInKey: cache.query === 'key' }),
        clock,
      );
  }
}

function instanceIdentity({ host, region }: Platform) {
  const name = (host ?? 'local').replaceAll(/[^\w.-]/gu, '').slice(0, 12);
  return {
    // The random part tells processes of one host apart.
    id: `${name}-${randomBytes(3).toString('hex')}`,
    startedAtMs: clock.wallMs(),
    version: APP_VERSION,
    region,
    host: host?.slice(0, 12) ?? null,
  };
}

function registerCacheRoutes(settings: Settings, { http, cache }: Parts): void {
  const { writes, query, defaultTtlSeconds, maxValueBytes } = settings.cache;
  const deps = {
    ...http,
    cache,
    queryRule: query,
    writesEnabled: writes === 'enabled',
    defaultTtlSeconds,
    maxValueBytes,
  };
  const entry = { route: 'cache/{*key}', authLevel: 'function' } as const;
  app.http('readCache', { ...entry, methods: ['GET', 'HEAD'], handler: readCache(deps) });
  app.http('writeCache', { ...entry, methods: ['PUT'], handler: writeCache(deps) });
  app.http('removeCache', { ...entry, methods: ['DELETE'], handler: removeCache(deps) });
  const batch = { route: 'batch', authLevel: 'function' } as const;
  app.http('readBatch', { ...batch, methods: ['POST'], handler: readBatch(deps) });
}

function registerProbes(settings: Settings, { keeper }: Auth, { http, redis }: Parts): void {
  const { namespace, origin } = settings;
  const { keyPrefix: prefix, writes } = settings.cache;
  const probe = { authLevel: 'anonymous' } as const;
  app.http('live', { ...probe, methods: ['GET', 'HEAD'], route: 'health/live', handler: live(http) });
  const deps = {
    ...http,
    redis,
    keeper,
    keyRules: { prefix, namespace },
    writes: writes === 'enabled' || origin.kind !== 'none',
  };
  app.http('ready', { ...probe, methods: ['GET', 'HEAD'], route: 'health/ready', handler: ready(deps) });
}

function registerFleet(
  settings: Settings,
  { keeper }: Auth,
  { http, fleet: { registry, rollCall } }: Parts,
): void {
  const { schedule } = settings.reauthenticate;
  const deps = { ...http, registry, schedule, page: fleetPage };
  app.http('fleet', {
    methods: ['GET', 'HEAD'],
    route: 'fleet',
    authLevel: 'function',
    handler: fleet(deps),
  });
  app.timer('reauthenticate', { schedule, handler: reauthenticate({ keeper, rollCall, clock, schedule }) });
}

function registerWarmup(settings: Settings, { functionTimeoutMs }: Platform, { warmup }: Parts): void {
  const { schedule } = settings.warmup;
  const handler = scheduledWarmup({
    warmup,
    clock,
    schedule,
    invocationLimitMs: functionTimeoutMs,
    loadLimitMs,
  });
  app.timer('scheduledWarmup', { schedule, handler });
}
