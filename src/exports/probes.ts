// registerProbes: whether the process answers, and whether what functions need of Redis works now.

import { live, ready } from '../functions/health.ts';
import { operations } from '../http/operations.ts';
import { aRoute, aSuffix, checkApp, closeAtEnd, type FunctionsApp } from './functions-app.ts';
import { unlimited } from './handler-deps.ts';
import { checkOptions, trueOrFalse } from './options.ts';
import { aRedis, partsOf } from './redis-parts.ts';
import type { Redis } from './redis-api.ts';

/** Which client is probed, and where. */
export interface ProbesOptions {
  /** What `createRedis` returned. */
  readonly redis: Redis;
  /** `health` where undefined: `GET /api/health/live` and `GET /api/health/ready`. */
  readonly route?: string | undefined;
  /** Whether anything is written to Redis, so that `ready` says where writes are refused; true where undefined. */
  readonly writes?: boolean | undefined;
  /** After the names of the functions: for a second client in one app, on a route of its own. None where undefined. */
  readonly suffix?: string | undefined;
}

const owner = 'registerProbes';

/**
 * Registers the functions `live` and `ready`, open to anybody: 200, or 503 where Redis cannot be read. They say nothing
 * that helps an attacker.
 *
 * @throws AppError `options-invalid` that names every option that is missing or wrong.
 * @example
 * registerProbes(app, { redis });
 */
export function registerProbes(app: FunctionsApp, options: ProbesOptions): void {
  checkApp(owner, app);
  checkOptions(owner, options, {
    redis: { ...aRedis, required: true },
    route: aRoute,
    writes: trueOrFalse,
    suffix: aSuffix,
  });
  const { route = 'health', writes = true, suffix = '' } = options;
  const parts = partsOf(owner, options.redis);
  const { redis, keeper, clock, namespace, caches, timeoutMs: requestBudgetMs } = parts;
  closeAtEnd(app, parts);
  parts.routes.probes = route;
  const http = { clock, requestBudgetMs, budget: unlimited };
  const keyRules = { prefix: caches[0]?.keyPrefix ?? '', namespace };
  const probe = { authLevel: 'anonymous' } as const;
  app.http(`live${suffix}`, {
    ...probe,
    methods: [...operations.live.methods],
    route: `${route}/live`,
    handler: live(http),
  });
  const handler = ready({ ...http, redis, keeper, keyRules, writes });
  app.http(`ready${suffix}`, {
    ...probe,
    methods: [...operations.ready.methods],
    route: `${route}/ready`,
    handler,
  });
}
