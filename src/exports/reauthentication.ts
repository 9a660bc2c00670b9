// registerReauthentication: the timer that keeps every instance of an app signed in to Redis, and the page that shows it.

import { hostname } from 'node:os';
import { startFleet, type Fleet } from '../fleet/fleet.ts';
import type { MemoryUse } from '../fleet/instance-measures.ts';
import { fleetPage } from '../functions/fleet-page.ts';
import { fleet as fleetHandler } from '../functions/fleet.ts';
import { reauthenticate } from '../functions/reauthenticate.ts';
import { operations } from '../http/operations.ts';
import { answeredReads } from '../telemetry/measures.ts';
import type { Callers } from './callers-api.ts';
import { aCallers, guardOf } from './callers-parts.ts';
import { anAuthLevel, aRoute, aSchedule, aSuffix, checkApp, closeAtEnd } from './functions-app.ts';
import type { AuthLevel, FunctionsApp } from './functions-app.ts';
import { instanceId } from './instance-id.ts';
import { checkOptions, orNull, type Rule } from './options.ts';
import { aRedis, partsOf, type CacheOfClient, type RedisParts } from './redis-parts.ts';
import { unlimited } from './handler-deps.ts';
import type { Redis } from './redis-api.ts';

/** Whose roll is called and when, and how this instance is shown. */
export interface ReauthenticationOptions {
  /** What `createRedis` returned. Instances whose clients have the same `namespace` are one fleet. */
  readonly redis: Redis;
  /** When the roll is called: NCRONTAB, six fields. Each minute where undefined. */
  readonly schedule?: string | undefined;
  /** Registers `GET /api/<fleetRoute>`, which shows the fleet as JSON, or as a page to a browser. None where undefined. */
  readonly fleetRoute?: string | undefined;
  /** Who may see the fleet: app role `Fleet.Read`. Where undefined, whoever the host lets in by `authLevel`. */
  readonly callers?: Callers | undefined;
  /** Of the fleet route; `function` where undefined, `anonymous` with `callers`. */
  readonly authLevel?: AuthLevel | undefined;
  /**
   * The Function App's name (`WEBSITE_SITE_NAME`), by which apps on one cache tell each other apart; where undefined,
   * the client's namespace and its cache's prefix do.
   */
  readonly site?: string | undefined;
  /** The machine or container, shown by the fleet; the host name of the machine where undefined. */
  readonly host?: string | null | undefined;
  /** Shown by the fleet. */
  readonly region?: string | null | undefined;
  /** Of your app, shown by the fleet. */
  readonly version?: string | undefined;
  /** After the names of the functions: for a second client in one app, on a route of its own. None where undefined. */
  readonly suffix?: string | undefined;
}

const owner = 'registerReauthentication';
const words: Rule = { expected: 'a string', holds: (value) => typeof value === 'string' };

/**
 * Registers the timer `reauthenticate`. Each time it fires, on one instance, it calls the roll over Redis: every
 * instance renews its token if that is due, re-authenticates its connections, and reports; the invocation logs how many
 * of how many did. An instance whose timer never fires loses the report only, for each also renews by itself.
 *
 * The process enters the fleet at once. When the app ends, it leaves, and the client closes.
 *
 * @throws AppError `options-invalid` that names every option that is missing or wrong.
 * @example
 * registerReauthentication(app, { redis, fleetRoute: 'fleet' });
 */
export function registerReauthentication(app: FunctionsApp, options: ReauthenticationOptions): void {
  checkApp(owner, app);
  checkOptions(owner, options, {
    redis: { ...aRedis, required: true },
    schedule: aSchedule,
    fleetRoute: aRoute,
    callers: aCallers,
    authLevel: anAuthLevel,
    site: words,
    host: orNull(words),
    region: orNull(words),
    version: words,
    suffix: aSuffix,
  });
  const { redis, schedule = '0 * * * * *', fleetRoute: route, suffix = '' } = options;
  const parts = partsOf(owner, redis);
  const { keeper, clock, timeoutMs: requestBudgetMs } = parts;
  const { registry, rollCall } = parts.dependents.once('fleet', () => enterFleet(parts, options));
  closeAtEnd(app, parts);
  app.timer(`reauthenticate${suffix}`, {
    schedule,
    handler: reauthenticate({ keeper, rollCall, clock, schedule }),
  });
  if (route === undefined) return;
  const guard = guardOf(app, options);
  const { authLevel, security } = guard;
  parts.routes.fleet = { route, security };
  const { methods, roles } = operations.fleet;
  const access = guard.access({ roles, bySignIn: true });
  const deps = { clock, requestBudgetMs, budget: unlimited, access, registry, schedule, page: fleetPage };
  app.http(`fleet${suffix}`, { methods: [...methods], route, authLevel, handler: fleetHandler(deps) });
}

function enterFleet(parts: RedisParts, options: ReauthenticationOptions): Fleet {
  const { namespace, caches, clock, instance, measures } = parts;
  const { site, host = hostname(), region = null, version = '' } = options;
  // Purges name it, too.
  instance.id = instanceId(host);
  return startFleet({
    ...parts,
    // The first cache stands for the app: one that has none has no entries that another's could overlap with.
    app: () => caches[0] && { site, namespace, keyPrefix: caches[0].keyPrefix },
    instance: {
      id: instance.id,
      startedAtMs: clock.wallMs(),
      version,
      region,
      host: host?.slice(0, 12) ?? null,
    },
    readCount: () => answeredReads(measures),
    memory: () => memoryOf(caches),
  });
}

/** Of all caches together; null where none of them keeps anything in memory. */
function memoryOf(caches: readonly CacheOfClient[]): MemoryUse | null {
  const kept = caches.flatMap(({ memory }) => memory ?? []);
  if (kept.length === 0) return null;
  return {
    entries: kept.reduce((sum, { entries }) => sum + entries, 0),
    bytes: kept.reduce((sum, { usedBytes }) => sum + usedBytes, 0),
  };
}
