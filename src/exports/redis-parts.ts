// What a public Redis client is made of, for the other exports of this package: they may have been loaded from
// another build (ES modules beside CommonJS), so it is found by a symbol that all of them share.

import type { TokenKeeper } from '../auth/token-keeper.ts';
import type { TokenCredentialLike } from '../auth/token-source.ts';
import type { Redis } from '../redis/redis.ts';
import type { MemoryStore } from '../cache/memory-store.ts';
import type { Security } from '../http/openapi/document.ts';
import type { Emit } from '../telemetry/events.ts';
import type { Measures } from '../telemetry/measures.ts';
import type { Clock } from '../util/clock.ts';
import { AppError } from '../util/errors.ts';
import type { Dependents } from './dependents.ts';
import type { Rule } from './options.ts';

export const redisParts: unique symbol = Symbol.for('redis-entra-functions.redis-parts') as never;

export interface RedisParts {
  readonly redis: Redis;
  readonly keeper: TokenKeeper;
  readonly credential: TokenCredentialLike;
  readonly namespace: string;
  /** How this process is named to the others. */
  readonly instance: { id: string };
  /** How long a command may take where its caller does not say. */
  readonly timeoutMs: number;
  /** What is made for this client once: it is stopped before the client closes. */
  readonly dependents: Dependents;
  /** Each cache over this client enters itself. */
  readonly caches: CacheOfClient[];
  /** Where the fleet and the probes are, once they are registered: the OpenAPI document names them. */
  readonly routes: RoutesOfClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly emit: Emit;
  /** Of the client and all of its caches. */
  readonly measures: Measures;
  /** As the client's own. */
  readonly close: () => Promise<void>;
}

export interface RoutesOfClient {
  fleet?: { readonly route: string; readonly security: Security };
  probes?: string;
}

/** What the fleet tells of a cache. */
export interface CacheOfClient {
  /** Before the name of each of its entries in Redis: another app's must not overlap with it. */
  readonly keyPrefix: string;
  /** Its memory tier, where it has one. */
  readonly memory: Pick<MemoryStore, 'entries' | 'usedBytes' | 'maxBytes'> | undefined;
}

export const aRedis: Rule = {
  expected: 'what createRedis() returned',
  holds: (value) => typeof value === 'object' && value !== null && redisParts in value,
};

/** @throws AppError `options-invalid` for what `createRedis` has not made. */
export function partsOf(owner: string, redis: object): RedisParts {
  if (aRedis.holds(redis)) return (redis as { readonly [redisParts]: RedisParts })[redisParts];
  throw new AppError('options-invalid', `${owner}: expected \`redis\` to be ${aRedis.expected}.`);
}
