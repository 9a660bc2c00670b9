// Composition root: settings -> parts -> triggers. The entry point of the Function App.
// The only module that reads process.env, makes clients and registers triggers.

import { app } from '@azure/functions';
import { createCredential } from './auth/credential.ts';
import { TokenKeeper } from './auth/token-keeper.ts';
import { createTokenSource } from './auth/token-source.ts';
import { EntryStore } from './cache/store.ts';
import { systemClock as clock } from './clock.ts';
import type { WriteDeps } from './functions/deps.ts';
import { live, ready } from './functions/health.ts';
import { readBatch } from './functions/read-batch.ts';
import { readCache } from './functions/read-cache.ts';
import { reauthenticate } from './functions/reauthenticate.ts';
import { removeCache, writeCache } from './functions/write-cache.ts';
import { AppError } from './errors.ts';
import { sharedParts, type SharedParts } from './redis/shared.ts';
import { StandaloneRedis } from './redis/standalone.ts';
import { readSettings, type Settings } from './settings.ts';
import { emit } from './telemetry/events.ts';
import { logEvents } from './telemetry/log.ts';

const settings = readSettings(process.env);
refuseWhatIsNotBuiltYet(settings);

/** The one Redis client of this process and the keeper of its token, for every function. */
const { redis, keeper } = sharedParts(() => startParts(settings));

const httpDeps: WriteDeps = {
  store: new EntryStore(redis),
  clock,
  keyRules: { prefix: settings.cache.keyPrefix, namespace: settings.namespace },
  requestBudgetMs: settings.requestBudgetMs,
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

app.http('live', { methods: ['GET'], route: 'health/live', authLevel: 'anonymous', handler: live() });
app.http('ready', {
  methods: ['GET'],
  route: 'health/ready',
  authLevel: 'anonymous',
  handler: ready({ redis, keeper, clock, requestBudgetMs: settings.requestBudgetMs }),
});

app.timer('reauthenticate', {
  schedule: settings.reauthenticate.schedule,
  handler: reauthenticate({ keeper }),
});

app.hook.appTerminate(async () => {
  await redis.close();
  keeper.stop();
});

/** Makes and starts the live parts: the token is asked for and the connection begun before any request. */
function startParts({ redis: cache, credential, entraScope, requestBudgetMs }: Settings): SharedParts {
  logEvents(console);
  const newKeeper = new TokenKeeper({
    source: createTokenSource({
      credential: createCredential(credential),
      scope: entraScope,
      oidRequired: cache.username === undefined,
      clock,
    }),
    clock,
    random: Math.random,
    emit,
  });
  const newRedis = new StandaloneRedis({
    connection: {
      hostname: cache.hostname,
      port: cache.port,
      tls: cache.tls,
      username: cache.username,
      connectTimeoutMs: 5000,
      pingAfterMs: 60_000,
    },
    keeper: newKeeper,
    clock,
    random: Math.random,
    emit,
    patienceMs: requestBudgetMs,
  });
  newKeeper.start();
  newRedis.start();
  return { redis: newRedis, keeper: newKeeper };
}

/** Settings of the contract that this version does not act on yet must not be taken for working. */
function refuseWhatIsNotBuiltYet({ redis: cache, origin }: Settings): void {
  const notYet = (name: string, instead: string): AppError =>
    new AppError('settings-invalid', `${name}: not supported by this version yet; ${instead}`);
  if (cache.clusteringPolicy === 'OSSCluster') {
    throw notYet('REDIS_CLUSTERING_POLICY=OSSCluster', 'use a cache with EnterpriseCluster or NoCluster.');
  }
  if (origin.kind !== 'none') {
    throw notYet('ORIGIN_BLOB_CONTAINER_URL, ORIGIN_URL_TEMPLATE', 'leave both empty.');
  }
}
