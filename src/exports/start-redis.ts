// Starts a public Redis client over a token keeper: the one way to make it, for createRedis and for the app, which asks
// for its first token before it loads this.

import { hostname } from 'node:os';
import type { TokenKeeper } from '../auth/token-keeper.ts';
import type { TokenCredentialLike } from '../auth/token-source.ts';
import { createRedis, type RedisEndpoint } from '../redis/create.ts';
import { closedError } from '../redis/outage.ts';
import { EventHub } from '../telemetry/event-hub.ts';
import { addMeasures, type Gauges } from '../telemetry/all-measures.ts';
import { emit } from '../telemetry/events.ts';
import { Measures } from '../telemetry/measures.ts';
import { systemClock as clock } from '../util/clock.ts';
import { untilAborted } from '../util/deadline.ts';
import { AppError } from '../util/errors.ts';
import { keptAlive } from '../util/pending-calls.ts';
import { shielded } from '../util/shielded.ts';
import { Dependents } from './dependents.ts';
import { instanceId } from './instance-id.ts';
import type { CallOptions, Redis } from './redis-api.ts';
import { redisParts, type CacheOfClient, type RedisParts } from './redis-parts.ts';

/** As `RedisOptions`, its defaults filled in. */
export interface StartRedisOptions extends RedisEndpoint {
  readonly namespace: string;
  readonly timeoutMs: number;
}

/** What the client's tokens come from; the keeper has been started, and stops with the client. */
export interface StartedAuth {
  readonly credential: TokenCredentialLike;
  readonly keeper: TokenKeeper;
  /** What the keeper emits to; a new one, without the keeper's events, where undefined. */
  readonly events?: EventHub;
  /** Called when the client begins to close. */
  readonly onClosing?: () => void;
}

/** Begins to connect. Waits for nothing. */
export function startRedis(options: StartRedisOptions, auth: StartedAuth): Redis {
  const { namespace, timeoutMs, ...endpoint } = options;
  const { credential, keeper, events = new EventHub(emit), onClosing } = auth;
  const measures = new Measures();
  const common = { clock, random: Math.random, emit: events.emit };
  let instances = 1;
  events.on('rollCallHeard', ({ expected }) => (instances = expected));
  events.on('purgeAdopted', () => (measures.events.purgesAdopted += 1));
  const redis = createRedis(endpoint, {
    keeper,
    failFastAfterMs: timeoutMs,
    instances: () => instances,
    latency: measures.latencies.redis,
    ...common,
  });
  redis.start();
  const dependents = new Dependents();
  const caches: CacheOfClient[] = [];
  const removeMeasures = addMeasures(namespace, measures, () => gaugesOf({ redis, keeper, caches }));
  let closing: Promise<void> | undefined;
  const closeOnce = async (): Promise<void> => {
    onClosing?.();
    await dependents.stop();
    await redis.close();
    keeper.stop();
    removeMeasures();
  };
  const close = (): Promise<void> => (closing ??= keptAlive(closeOnce()));
  const instance = { id: instanceId(hostname()) };
  const shared = { credential, namespace, instance, timeoutMs, dependents, caches, routes: {}, close };
  const parts: RedisParts = { redis, keeper, measures, ...shared, ...common };

  /** Checks what a call was given, and begins it with the options that the parts take. */
  const call = async <T>(
    given: CallOptions,
    fault: string | undefined,
    begin: (options: { readonly deadlineAtMs: number; readonly idempotent: boolean }) => Promise<T>,
  ): Promise<T> => {
    if (closing !== undefined) throw closedError();
    const { timeoutMs: ownMs = timeoutMs, idempotent = false, signal } = given;
    const wrong =
      fault ?? unknownOption(given) ?? (ownMs > 0 ? undefined : 'timeoutMs: expected milliseconds above 0');
    if (wrong !== undefined) throw new AppError('options-invalid', `Redis client: ${wrong}`);
    signal?.throwIfAborted();
    const begun = keptAlive(begin({ deadlineAtMs: clock.nowMs() + ownMs, idempotent }));
    return signal === undefined ? begun : untilAborted(begun, signal);
  };
  const noWork = (work: unknown): string | undefined =>
    typeof work === 'function' ? undefined : 'work: expected a function';

  const handle: Redis & { readonly [redisParts]: RedisParts } = {
    [redisParts]: parts,
    run: (work, run) => {
      const noKey = typeof run?.key === 'string' ? undefined : 'key: expected the key that work is about';
      return call(run ?? {}, noWork(work) ?? noKey, (own) => redis.run(work, { key: run.key, ...own }));
    },
    runMany: (keys, work, run = {}) => {
      const noKeys = Array.isArray(keys) ? undefined : 'keys: expected an array';
      return call(run, noWork(work) ?? noKeys, (own) => redis.runMany(keys, work, own));
    },
    subscribe(channel, listener) {
      if (closing !== undefined) throw closedError();
      if (typeof channel !== 'string' || typeof listener !== 'function')
        throw new AppError('options-invalid', 'Redis client: expected a channel and a function');
      return redis.subscribe(channel, shielded(listener));
    },
    status: () => ({ ...redis.status(), token: keeper.status() }),
    onEvent: (type, listener) => events.on(type, listener),
    close,
    [Symbol.asyncDispose]: close,
  };
  return handle;
}

function gaugesOf({ redis, keeper, caches }: Pick<RedisParts, 'redis' | 'keeper' | 'caches'>): Gauges {
  const { connections, reauthenticated, reauthenticationsFailed } = redis.status();
  const { timeLeftMs } = keeper.status();
  const sum = (of: (memory: NonNullable<CacheOfClient['memory']>) => number): number =>
    caches.reduce((total, { memory }) => total + (memory === undefined ? 0 : of(memory)), 0);
  return {
    connections,
    reauthenticated,
    reauthenticationsFailed,
    tokenSecondsLeft: timeLeftMs === undefined ? undefined : timeLeftMs / 1000,
    memoryEntries: sum(({ entries }) => entries),
    memoryBytes: sum(({ usedBytes }) => usedBytes),
    memoryLimitBytes: sum(({ maxBytes }) => maxBytes),
  };
}

const callOptions: readonly string[] = ['key', 'timeoutMs', 'idempotent', 'signal'];

function unknownOption(given: object): string | undefined {
  for (const name in given)
    if (!callOptions.includes(name)) return `${name} is no option; there are ${callOptions.join(', ')}`;
  return undefined;
}
