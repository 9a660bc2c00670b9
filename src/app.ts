// Registers the triggers on the parts of this process. Loaded by main.ts while the first token is on its way.
// Nothing else registers anything.

import { app } from '@azure/functions';
import type { Auth } from './auth/auth.ts';
import { systemClock as clock } from './util/clock.ts';
import type { WriteDeps } from './functions/deps.ts';
import { fleet as fleetHandler } from './functions/fleet.ts';
import { live, ready } from './functions/health.ts';
import { readBatch } from './functions/read-batch.ts';
import { readCache } from './functions/read-cache.ts';
import { reauthenticate } from './functions/reauthenticate.ts';
import { scheduledWarmup } from './functions/scheduled-warmup.ts';
import { functionTimeoutMs } from './config/function-timeout.ts';
import { removeCache, writeCache } from './functions/write-cache.ts';
import { keyRulesOf, loadLimitMs, startParts } from './parts.ts';
import type { Settings } from './config/settings.ts';
import type { Environment } from './config/settings-reader.ts';
import { sharedParts } from './util/one-per-process.ts';

/** Registers the triggers and starts what they share. Waits for nothing. */
export function startApp(settings: Settings, auth: Auth, environment: Environment): void {
  // The one Redis client of this process, and what lives as long as it, for every function.
  const parts = sharedParts('app', () => startParts(settings, auth, environment));
  const { redis, budget, store, readThrough, loader, warmup, fleet } = parts;
  const { keeper } = auth;

  const httpDeps: WriteDeps = {
    store,
    readThrough,
    clock,
    keyRules: keyRulesOf(settings),
    queryRule: settings.cache.query,
    requestBudgetMs: settings.requestBudgetMs,
    budget,
    writesEnabled: settings.cache.writes === 'enabled',
    defaultTtlSeconds: settings.cache.defaultTtlSeconds,
    maxValueBytes: settings.cache.maxValueBytes,
  };

  const keyRoute = 'cache/{*key}';

  app.http('readCache', {
    methods: ['GET', 'HEAD'],
    route: keyRoute,
    authLevel: 'function',
    handler: readCache(httpDeps),
  });
  app.http('writeCache', {
    methods: ['PUT'],
    route: keyRoute,
    authLevel: 'function',
    handler: writeCache(httpDeps),
  });
  app.http('removeCache', {
    methods: ['DELETE'],
    route: keyRoute,
    authLevel: 'function',
    handler: removeCache(httpDeps),
  });
  app.http('readBatch', {
    methods: ['POST'],
    route: 'batch',
    authLevel: 'function',
    handler: readBatch(httpDeps),
  });

  app.http('live', {
    methods: ['GET', 'HEAD'],
    route: 'health/live',
    authLevel: 'anonymous',
    handler: live(),
  });
  app.http('ready', {
    methods: ['GET', 'HEAD'],
    route: 'health/ready',
    authLevel: 'anonymous',
    handler: ready({
      redis,
      keeper,
      clock,
      keyRules: httpDeps.keyRules,
      writes: httpDeps.writesEnabled || settings.origin.kind !== 'none',
      requestBudgetMs: settings.requestBudgetMs,
    }),
  });

  app.http('fleet', {
    methods: ['GET', 'HEAD'],
    route: 'fleet',
    authLevel: 'function',
    handler: fleetHandler({
      registry: fleet.registry,
      clock,
      schedule: settings.reauthenticate.schedule,
      requestBudgetMs: settings.requestBudgetMs,
    }),
  });

  app.timer('reauthenticate', {
    schedule: settings.reauthenticate.schedule,
    handler: reauthenticate({
      keeper,
      rollCall: fleet.rollCall,
      clock,
      schedule: settings.reauthenticate.schedule,
    }),
  });

  app.timer('scheduledWarmup', {
    schedule: settings.warmup.schedule,
    handler: scheduledWarmup({
      warmup,
      clock,
      schedule: settings.warmup.schedule,
      invocationLimitMs: functionTimeoutMs(environment),
      loadLimitMs,
    }),
  });

  app.hook.appTerminate(async () => {
    warmup?.stop();
    await loader?.stop();
    await fleet.stop();
    await redis.close();
    keeper.stop();
  });
}
