// The client of the app's HTTP side: each call within its time, over one fetch and one identity.

import { checkKey } from './address.ts';
import { jsonIn } from './answer.ts';
import { readBatch } from './batch.ts';
import { exchangeOnce, exchangeRead, type ExchangeDeps } from './exchange.ts';
import type { Fleet } from './fleet.ts';
import { notApplied, notRead, unexpected } from './outcome.ts';
import { get, head, type ReadOptions } from './read.ts';
import type {
  BatchItem,
  DeleteResult,
  GetResult,
  HeadResult,
  PurgeResult,
  PutResult,
  Unavailable,
} from './results.ts';
import { withinTime, type CallOptions, type Scope } from './scope.ts';
import { put, remove, type DeleteOptions, type PutOptions, type PutValue } from './write.ts';

/** What to purge: 1 to 1,000 keys, tags and prefixes together. */
export interface PurgeTargets {
  /** As they are read. */
  readonly keys?: readonly string[] | undefined;
  /** As they were written with the entries, or came from the origin. */
  readonly tags?: readonly string[] | undefined;
  /** What keys begin with; `''` is everything in this cache. */
  readonly prefixes?: readonly string[] | undefined;
  /** `stale`, the default: served as stale while they are renewed. `remove`: not there any more. */
  readonly mode?: 'stale' | 'remove' | undefined;
}

/**
 * A cache over HTTP. Whoever cannot be asked is `unavailable`, never a miss; CacheRequestError is thrown for what the
 * caller has to change, such as an invalid key or a role that is missing.
 */
export interface CacheClient {
  /** Reads one entry. */
  get(key: string, options?: ReadOptions): Promise<GetResult>;
  /** Reads what is known of one entry, without its value. */
  head(key: string, options?: ReadOptions): Promise<HeadResult>;
  /** Writes one entry, once: where the answer is lost, the result says so. */
  put(key: string, value: PutValue, options?: PutOptions): Promise<PutResult>;
  /** Removes one entry, once. */
  delete(key: string, options?: DeleteOptions): Promise<DeleteResult>;
  /** Reads many entries, 100 in one request; one item for each key, in their order. */
  batch(keys: readonly string[], options?: CallOptions): Promise<readonly BatchItem[]>;
  /** Makes entries stale, or removes them, on all instances, whatever their number. */
  purge(targets: PurgeTargets, options?: CallOptions): Promise<PurgeResult>;
  /** The instances of the app, and their tokens. */
  fleet(options?: CallOptions): Promise<({ readonly kind: 'fleet' } & Fleet) | Unavailable>;
}

export interface CacheClientDeps extends ExchangeDeps {
  /** Each a whole URL without a slash at the end. */
  readonly urls: Readonly<Record<'cache' | 'batch' | 'purge' | 'fleet', string>>;
  readonly timeoutMs: number;
}

export function cacheClient(deps: CacheClientDeps): CacheClient {
  const { urls } = deps;
  const call = async <T>(
    { timeoutMs = deps.timeoutMs, signal }: CallOptions,
    run: (scope: Scope) => Promise<T>,
  ): Promise<T> => withinTime(deps.clock, timeoutMs, signal, run);
  const ofKey = async <T>(
    key: string,
    options: CallOptions,
    run: (scope: Scope) => Promise<T>,
  ): Promise<T> => {
    checkKey(key);
    return call(options, run);
  };
  const manyDeps = { ...deps, batchUrl: urls.batch };
  const many = async (keys: readonly string[], scope: Scope): Promise<readonly BatchItem[]> =>
    readBatch(manyDeps, keys, scope);
  const one = { ...deps, entryUrl: `${urls.cache}/`, readBatch: many };
  return {
    get: async (key, options = {}) => ofKey(key, options, async (scope) => get(one, key, options, scope)),
    head: async (key, options = {}) => ofKey(key, options, async (scope) => head(one, key, options, scope)),
    put: async (key, value, options = {}) =>
      ofKey(key, options, async (scope) => put(one, key, value, options, scope)),
    delete: async (key, options = {}) =>
      ofKey(key, options, async (scope) => remove(one, key, options, scope)),
    batch: async (keys, options = {}) => call(options, async (scope) => many(keys, scope)),
    purge: async (targets, options = {}) => call(options, async (scope) => purge(deps, targets, scope)),
    fleet: async (options = {}) => call(options, async (scope) => fleet(deps, scope)),
  };
}

async function purge(deps: CacheClientDeps, targets: PurgeTargets, scope: Scope): Promise<PurgeResult> {
  const { keys, tags, prefixes, mode } = targets;
  const body = JSON.stringify({ keys, tags, prefixes, mode });
  const headers = { 'Content-Type': 'application/json' };
  const exchange = await exchangeOnce(deps, { method: 'POST', url: deps.urls.purge, headers, body }, scope);
  if (exchange.kind === 'answered') {
    const { answer } = exchange;
    if (answer.status === 200) return purged(jsonIn(answer.body)) ?? unexpected(answer);
    if (answer.status < 400) unexpected(answer);
  }
  return notApplied(exchange, deps.clock);
}

function purged(json: unknown): PurgeResult | undefined {
  const { purgedAt, expected, acknowledged, silent } = (json ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof purgedAt !== 'string' || typeof expected !== 'number') return undefined;
  if (typeof acknowledged !== 'number' || !Array.isArray(silent)) return undefined;
  return {
    kind: 'purged',
    purgedAt: new Date(purgedAt),
    expected,
    acknowledged,
    silent: silent as readonly string[],
  };
}

async function fleet(
  deps: CacheClientDeps,
  scope: Scope,
): Promise<({ readonly kind: 'fleet' } & Fleet) | Unavailable> {
  const headers = { Accept: 'application/json' };
  const exchange = await exchangeRead(deps, { method: 'GET', url: deps.urls.fleet, headers }, scope);
  if (exchange.kind === 'answered') {
    const { answer } = exchange;
    if (answer.status === 200) {
      const json = (jsonIn(answer.body) ?? {}) as Partial<Fleet>;
      if (!Array.isArray(json.instances) || !Array.isArray(json.rollCalls)) unexpected(answer);
      return { kind: 'fleet', ...(json as Fleet) };
    }
    if (answer.status < 400) unexpected(answer);
  }
  return notRead(exchange, deps.clock);
}
