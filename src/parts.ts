// The live parts of one process, wired together: Redis, cache, fleet, what fills the cache. Used by app.ts.
// Registers nothing and reads no environment but what it is given.

import { randomBytes } from 'node:crypto';
import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import type { TokenCredential } from '@azure/identity';
import type { Auth } from './auth/auth.ts';
import { ByteBudget } from './util/byte-budget.ts';
import { EntryStore } from './cache/store.ts';
import { systemClock as clock } from './util/clock.ts';
import { startFilling, type Filling } from './filling.ts';
import { FleetMember, type InstanceIdentity } from './fleet/member.ts';
import { Neighbours } from './fleet/neighbours.ts';
import { RollCall } from './fleet/roll-call.ts';
import { Roster } from './fleet/registry.ts';
import type { KeyRules } from './cache/key.ts';
import { bytesInFlight } from './util/instance-memory.ts';
import { createBlobOrigin } from './origin/blob/blob-origin.ts';
import { createHttpOrigin } from './origin/http/http-origin.ts';
import { withHoldOff } from './origin/hold-off.ts';
import type { Origin } from './origin/origin.ts';
import { createRedis } from './redis/create.ts';
import type { Redis } from './redis/redis.ts';
import type { Settings } from './config/settings.ts';
import type { Environment } from './config/settings-reader.ts';
import { emit, onEvent } from './telemetry/events.ts';
import { Shedding } from './telemetry/shedding.ts';

/** Put in by the bundler (scripts/package/bundle.ts). */
declare const APP_VERSION: string;

/** Of one load from the origin; a request does not wait that long. */
export const loadLimitMs = 30_000;

export interface Parts extends Filling {
  readonly redis: Redis;
  readonly budget: ByteBudget;
  readonly store: EntryStore;
  readonly roster: Roster;
  readonly member: FleetMember;
  readonly rollCall: RollCall;
  readonly neighbours: Neighbours;
}

/** Makes and starts them: the connection is begun before any request. */
export function startParts(of: Settings, { credential, keeper }: Auth, environment: Environment): Parts {
  const common = { clock, random: Math.random, emit };
  let instances = 1;
  onEvent('rollCallHeard', ({ expected }) => (instances = expected));
  const redis = createRedis(of.redis, {
    keeper,
    failFastAfterMs: of.requestBudgetMs,
    instances: () => instances,
    ...common,
  });
  redis.start();

  const { maxValueBytes } = of.cache;
  const shedding = new Shedding(emit, clock);
  const budget = new ByteBudget(bytesInFlight(memoryLimits(), maxValueBytes), (valueBytes, totalBytes) =>
    shedding.refused(valueBytes, totalBytes),
  );
  const store = new EntryStore({ redis, budget, maxValueBytes, emit });
  const filling = startFilling(of, {
    ...common,
    origin: createOrigin(of, credential),
    redis,
    budget,
    store,
    keyRules: keyRulesOf(of),
  });
  const shared = { roster: new Roster(redis, of.namespace), redis, keeper };
  const member = new FleetMember({
    ...shared,
    ...common,
    identity: instanceIdentity(environment),
    readCount: () => filling.readThrough.readCount,
  });
  member.start();
  const { namespace, cache } = of;
  const app = { site: environment['WEBSITE_SITE_NAME'], namespace, keyPrefix: cache.keyPrefix };
  const neighbours = new Neighbours({ app, redis, ...common });
  neighbours.start();
  const rollCall = new RollCall({ ...shared, ...common });
  return { ...shared, ...filling, budget, store, member, rollCall, neighbours };
}

function memoryLimits() {
  return {
    constrainedBytes: process.constrainedMemory(),
    machineBytes: totalmem(),
    heapLimitBytes: getHeapStatistics().heap_size_limit,
  };
}

export function keyRulesOf(of: Settings): KeyRules {
  return { prefix: of.cache.keyPrefix, namespace: of.namespace };
}

function createOrigin(of: Settings, credential: TokenCredential): Origin | undefined {
  const { origin } = of;
  const common = { clock, timeLimitMs: loadLimitMs };
  switch (origin.kind) {
    case 'none':
      return undefined;
    case 'blob':
      return withHoldOff(createBlobOrigin({ ...origin, ...common, credential }), clock);
    case 'http':
      return withHoldOff(
        createHttpOrigin({ ...origin, ...common, isQueryInKey: of.cache.query === 'key' }),
        clock,
      );
  }
}

/** What the platform says of where this process runs, and a part that tells processes of one host apart. */
function instanceIdentity(environment: Environment): InstanceIdentity {
  // CONTAINER_NAME is what Flex Consumption sets.
  const host = environment['WEBSITE_INSTANCE_ID'] ?? environment['CONTAINER_NAME'] ?? null;
  const name = (host ?? 'local').replaceAll(/[^\w.-]/gu, '').slice(0, 12);
  return {
    id: `${name}-${randomBytes(3).toString('hex')}`,
    startedAtMs: clock.wallMs(),
    version: APP_VERSION,
    region: environment['REGION_NAME'] ?? null,
    host: host?.slice(0, 12) ?? null,
  };
}
