// Composition root: settings -> parts -> triggers. The entry point of the Function App.
// The only module that reads process.env, makes clients and registers triggers.

import { randomBytes } from 'node:crypto';
import { app } from '@azure/functions';
import { createCredential } from './auth/credential.ts';
import { TokenKeeper } from './auth/token-keeper.ts';
import { createTokenSource } from './auth/token-source.ts';
import { EntryStore } from './cache/store.ts';
import { systemClock as clock } from './clock.ts';
import { FleetMember, type InstanceIdentity } from './fleet/member.ts';
import { RollCall } from './fleet/roll-call.ts';
import { Roster } from './fleet/roster.ts';
import type { WriteDeps } from './functions/deps.ts';
import { startFilling, type Filling } from './filling.ts';
import { fleet } from './functions/fleet.ts';
import { live, ready } from './functions/health.ts';
import { readBatch } from './functions/read-batch.ts';
import { readCache } from './functions/read-cache.ts';
import { reauthenticate } from './functions/reauthenticate.ts';
import { scheduledWarmup } from './functions/scheduled-warmup.ts';
import { functionTimeoutMs } from './functions/timer.ts';
import { removeCache, writeCache } from './functions/write-cache.ts';
import type { KeyRules } from './http/key.ts';
import { createBlobOrigin } from './origin/blob.ts';
import { createHttpOrigin } from './origin/http.ts';
import type { Origin } from './origin/origin.ts';
import { createRedis } from './redis/create.ts';
import type { Redis } from './redis/redis.ts';
import { sharedParts } from './redis/shared.ts';
import { readSettings, type Settings } from './settings.ts';
import { emit } from './telemetry/events.ts';
import { logEvents } from './telemetry/log.ts';

/** Put in by the bundler (scripts/package.ts). */
declare const APP_VERSION: string;

/** Of one load from the origin; a request does not wait that long. */
const loadLimitMs = 30_000;

const settings = readSettings(process.env);

/** The one Redis client of this process, and what lives as long as it, for every function. */
const parts = sharedParts(() => startParts(settings));
const { redis, keeper, store, readThrough, loader, warmup, roster, member, rollCall } = parts;

const httpDeps: WriteDeps = {
  store,
  readThrough,
  clock,
  keyRules: keyRulesOf(settings),
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

app.http('fleet', {
  methods: ['GET', 'HEAD'],
  route: 'fleet',
  authLevel: 'function',
  handler: fleet({ roster, clock, requestBudgetMs: settings.requestBudgetMs }),
});

app.timer('reauthenticate', {
  schedule: settings.reauthenticate.schedule,
  handler: reauthenticate({ keeper, rollCall }),
});

app.timer('scheduledWarmup', {
  schedule: settings.warmup.schedule,
  handler: scheduledWarmup({ warmup, clock, timeLimitMs: functionTimeoutMs(process.env) * 0.9 }),
});

app.hook.appTerminate(async () => {
  warmup?.stop();
  await loader?.stop();
  await member.leave();
  await redis.close();
  keeper.stop();
});

interface Parts extends Filling {
  readonly keeper: TokenKeeper;
  readonly redis: Redis;
  readonly store: EntryStore;
  readonly roster: Roster;
  readonly member: FleetMember;
  readonly rollCall: RollCall;
}

/** Makes and starts the live parts: the token is asked for and the connection begun before any request. */
function startParts(of: Settings): Parts {
  logEvents(console);
  const common = { clock, random: Math.random, emit };
  const credential = createCredential(of.credential);
  const source = createTokenSource({
    credential,
    scope: of.entraScope,
    oidRequired: of.redis.username === undefined,
    clock,
  });

  const newKeeper = new TokenKeeper({ source, ...common });
  const newRedis = createRedis(of.redis, {
    keeper: newKeeper,
    patienceMs: of.requestBudgetMs,
    ...common,
  });
  newKeeper.start();
  newRedis.start();

  const newStore = new EntryStore(newRedis);
  const newRoster = new Roster(newRedis, of.namespace);
  const shared = { roster: newRoster, redis: newRedis, keeper: newKeeper };
  const newMember = new FleetMember({
    ...shared,
    ...common,
    identity: instanceIdentity(process.env),
    readCount: () => newStore.readCount,
  });
  newMember.start();
  const filling = startFilling(of, {
    ...common,
    origin: createOrigin(of, credential),
    redis: newRedis,
    store: newStore,
    keyRules: keyRulesOf(of),
  });
  return {
    ...shared,
    ...filling,
    store: newStore,
    member: newMember,
    rollCall: new RollCall({ ...shared, ...common }),
  };
}

function keyRulesOf(of: Settings): KeyRules {
  return { prefix: of.cache.keyPrefix, namespace: of.namespace };
}

function createOrigin(of: Settings, credential: ReturnType<typeof createCredential>): Origin | undefined {
  const { origin } = of;
  switch (origin.kind) {
    case 'none':
      return undefined;
    case 'blob':
      return createBlobOrigin({
        containerUrl: origin.containerUrl,
        credential,
        clock,
        timeLimitMs: loadLimitMs,
      });
    case 'http':
      return createHttpOrigin({ urlTemplate: origin.urlTemplate, clock, timeLimitMs: loadLimitMs });
  }
}

/** What the platform says of where this process runs, and a part that tells processes of one host apart. */
function instanceIdentity(environment: Readonly<Record<string, string | undefined>>): InstanceIdentity {
  // CONTAINER_NAME is what Flex Consumption sets.
  const host = environment['WEBSITE_INSTANCE_ID'] ?? environment['CONTAINER_NAME'] ?? null;
  const name = (host ?? 'local').replaceAll(/[^\w.-]/gu, '').slice(0, 12);
  return {
    id: `${name}-${randomBytes(3).toString('hex')}`,
    startedAtMs: clock.nowMs(),
    version: APP_VERSION,
    region: environment['REGION_NAME'] ?? null,
    host: host?.slice(0, 12) ?? null,
  };
}
