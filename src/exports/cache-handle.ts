// A public cache over the parts of one: keys and options checked, values encoded and decoded, answers as the caller is
// told them.

import type { CacheAnswer } from '../cache/answer.ts';
import { discardDamaged, sameAs } from '../cache/damaged.ts';
import { newEntry, type Entry } from '../cache/entry.ts';
import type { EntryKey } from '../cache/key.ts';
import { OriginHealth } from '../origin/origin-health.ts';
import { distinctTags } from '../origin/tags.ts';
import { overloaded } from '../util/byte-budget.ts';
import { untilAborted } from '../util/deadline.ts';
import { AppError } from '../util/errors.ts';
import { zip } from '../util/zip.ts';
import { beginCall, endCall, keptAlive } from '../util/pending-calls.ts';
import { AnsweredValues } from './answered-values.ts';
import { conditionOf, errorOf, notApplied, tooLarge, whatWasThrown } from './cache-answers.ts';
import type {
  Cache,
  DeleteOptions,
  FactoryContext,
  GetOptions,
  GetOrSetOptions,
  PurgeTargets,
  SetOptions,
  WrapOptions,
} from './cache-api.ts';
import type { DeleteResult, GetResult, PurgeResult, SetResult } from './cache-results.ts';
import { keyOfArguments } from './cache-arguments.ts';
import { FactorySource, type FactoryDeps } from './cache-factory.ts';
import { checkCall, deleteRules, getOrSetRules, getRules, setRules, wrapRules } from './cache-options.ts';
import { cacheParts, loadLimitMs, type CacheParts } from './cache-parts.ts';
import { purgeResultOf, purgeTargetsOf } from './cache-purge.ts';
import { DamagedBody, encodeValue, type Cacheable, type Serializer } from './cache-values.ts';
import { aFunction, checkOptions } from './options.ts';

type Factory = (context: FactoryContext) => unknown;
type Loading = GetOrSetOptions<never>;

const nothing = {};

export class CacheHandle implements Cache {
  readonly [cacheParts]: CacheParts;
  readonly #parts: CacheParts;
  readonly #serializer: Serializer | undefined;
  readonly #values: AnsweredValues;
  readonly #factories: FactoryDeps;

  constructor(parts: CacheParts, serializer: Serializer | undefined) {
    this[cacheParts] = { ...parts, serializer };
    this.#parts = parts;
    this.#serializer = serializer;
    this.#values = new AnsweredValues(serializer, parts.memory);
    const { clock, emit } = parts.redis;
    const { staleSeconds } = parts.settings;
    this.#factories = { staleSeconds, serializer, health: new OriginHealth(emit, clock), clock };
  }

  async get<T = unknown>(name: string, options: GetOptions = nothing): Promise<GetResult<T>> {
    checkCall('cache.get', options, getRules);
    const key = this.#keyOf('cache.get', name);
    return this.#resultOf<T>(key, await this.#read(key, options), options);
  }

  async getMany<T = unknown>(
    names: readonly string[],
    options: GetOptions = nothing,
  ): Promise<readonly GetResult<T>[]> {
    checkCall('cache.getMany', options, getRules);
    if (!Array.isArray(names))
      throw new AppError('options-invalid', 'cache.getMany: expected an array of keys');
    const keys = names.map((name) => this.#keyOf('cache.getMany', name));
    if (keys.length === 0) return [];
    const answers = await keptAlive(this.#parts.cache.readMany(keys, this.#deadline(options)));
    return Promise.all(
      zip(keys, answers).map(async ([key, answer]) => this.#resultOf<T>(key, answer, options)),
    );
  }

  async set(name: string, value: Cacheable, options: SetOptions = nothing): Promise<SetResult> {
    checkCall('cache.set', options, setRules);
    const key = this.#keyOf('cache.set', name);
    const { cache, settings, budget, redis } = this.#parts;
    const { body, contentType } = encodeValue(value, this.#serializer);
    if (body.length > settings.maxValueBytes) throw tooLarge(body.length, settings.maxValueBytes);
    const charge = budget.open();
    try {
      if (!charge.takeValue(body.length)) {
        return { kind: 'unavailable', error: overloaded(), applied: 'no' };
      }
      const ttlSeconds = options.ttlSeconds ?? settings.defaultTtlSeconds;
      const tags = options.tags && distinctTags(options.tags);
      const entry = newEntry(body, contentType, redis.clock.wallMs(), ttlSeconds, tags);
      const condition = conditionOf(options.condition);
      const result = await keptAlive(cache.write(key, entry, condition, this.#deadline(options), charge));
      if (result.kind === 'created' || result.kind === 'replaced') {
        return { kind: result.kind, etag: entry.etag };
      }
      return result.kind === 'precondition-failed' ? { kind: result.kind } : notApplied(result);
    } finally {
      charge.close();
    }
  }

  async delete(name: string, options: DeleteOptions = nothing): Promise<DeleteResult> {
    checkCall('cache.delete', options, deleteRules);
    const key = this.#keyOf('cache.delete', name);
    const condition = conditionOf(options.condition);
    const result = await keptAlive(this.#parts.cache.remove(key, condition, this.#deadline(options)));
    if (result.kind === 'removed') return { kind: 'deleted' };
    return result.kind === 'absent' || result.kind === 'precondition-failed'
      ? { kind: result.kind }
      : notApplied(result);
  }

  async purge(targets: PurgeTargets, options: GetOptions = nothing): Promise<PurgeResult> {
    const owner = 'cache.purge';
    checkCall(owner, options, getRules);
    const names = purgeTargetsOf(owner, targets);
    const request = { ...names, keys: names.keys.map((name) => this.#keyOf(owner, name)) };
    return purgeResultOf(await keptAlive(this.#parts.cache.purge(request, this.#deadline(options))));
  }

  getOrSet<T extends Cacheable>(
    name: string,
    factory: (context: FactoryContext) => T | Promise<T>,
    options: GetOrSetOptions<T>,
  ): Promise<T> {
    const owner = 'cache.getOrSet';
    const checkedKey = (): EntryKey => {
      checkCall(owner, options, getOrSetRules, 'ttlSeconds');
      if (typeof factory !== 'function')
        checkOptions(owner, { factory }, { factory: { ...aFunction, required: true } });
      return this.#keyOf(owner, name);
    };
    return this.#load(checkedKey, factory, options);
  }

  wrap<A extends readonly unknown[], T extends Cacheable>(
    name: string,
    fn: (...values: A) => T | Promise<T>,
    options: WrapOptions<A, T>,
  ): (...values: A) => Promise<T> {
    const owner = `cache.wrap(${JSON.stringify(name)})`;
    checkOptions<WrapOptions<never, never>>(owner, options, wrapRules);
    checkOptions(owner, { fn }, { fn: { ...aFunction, required: true } });
    const { key: keyOf = (...values: A) => keyOfArguments(owner, values) } = options;
    this.#keyOf(owner, `${name}:`);
    return (...values) =>
      this.#load(
        () => this.#keyOf(owner, `${name}:${keyOf(...values)}`),
        () => fn(...values),
        options,
      );
  }

  /** One promise from call to answer, for a hit is to cost no more. */
  async #load<T>(
    checkedKey: () => EntryKey,
    factory: Factory,
    options: Loading,
    isSecond = false,
  ): Promise<T> {
    const key = checkedKey();
    const { cache, redis } = this.#parts;
    const { signal, timeoutMs = loadLimitMs } = options;
    signal?.throwIfAborted();
    const source = new FactorySource(this.#factories, factory, options);
    const read = cache.read(key, redis.clock.nowMs() + timeoutMs, { source, signal });
    let answer: CacheAnswer;
    if (read instanceof Promise) {
      beginCall();
      try {
        answer = await (signal === undefined ? read : untilAborted(read, signal));
      } finally {
        endCall();
      }
    } else {
      answer = read;
    }
    if (answer.kind === 'miss') return null as T;
    if (answer.kind !== 'hit' && answer.kind !== 'loaded') throw whatWasThrown(errorOf(answer));
    const { entry } = answer;
    try {
      const value = this.#values.valueOf(key.redisKey, answer);
      return (value instanceof Promise ? await value : value) as T;
    } catch (error) {
      // Another serializer's, or damaged by whoever wrote it: the factory knows better.
      if (isSecond || answer.kind === 'loaded') throw error;
      await keptAlive(this.#discard(key, entry, error));
      return this.#load(() => key, factory, options, true);
    }
  }

  async #resultOf<T>(
    key: EntryKey,
    answer: CacheAnswer,
    options: GetOptions,
    isSecond = false,
  ): Promise<GetResult<T>> {
    if (answer.kind === 'miss') return { kind: 'miss' };
    if (answer.kind !== 'hit' && answer.kind !== 'loaded') {
      return { kind: 'unavailable', error: errorOf(answer) };
    }
    try {
      const { etag, contentType, freshness } = answer.entry;
      const value = (await this.#values.valueOf(key.redisKey, answer)) as T;
      const nowMs = this.#parts.redis.clock.wallMs();
      const ageSeconds = freshness && Math.max(nowMs - freshness.storedAtMs, 0) / 1000;
      const stale = answer.kind === 'hit' && answer.stale;
      return { kind: 'hit', value, stale, ageSeconds, etag, contentType };
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (!(error instanceof DamagedBody)) return { kind: 'unavailable', error };
      if (isSecond) return { kind: 'miss' };
      await keptAlive(this.#discard(key, answer.entry, error));
      return this.#resultOf<T>(key, await this.#read(key, options), options, true);
    }
  }

  #read(key: EntryKey, options: GetOptions): CacheAnswer | Promise<CacheAnswer> {
    const answer = this.#parts.cache.read(key, this.#deadline(options));
    return answer instanceof Promise ? keptAlive(answer) : answer;
  }

  /** What cannot be used, so that it is loaded anew. */
  async #discard(key: EntryKey, entry: Entry, why: unknown): Promise<void> {
    const { cache, redis } = this.#parts;
    const deadlineAtMs = this.#deadline(nothing);
    if (why instanceof DamagedBody)
      await discardDamaged({ cache, emit: redis.emit }, key, entry, deadlineAtMs);
    else await cache.remove(key, sameAs(entry), deadlineAtMs);
  }

  #keyOf(owner: string, name: string): EntryKey {
    if (typeof name !== 'string') throw new AppError('options-invalid', `${owner}: expected a string as key`);
    const result = this.#parts.cache.keyOf(name);
    if (result.kind === 'valid') return result.key;
    throw new AppError('options-invalid', `${owner}: ${result.detail}`);
  }

  #deadline({ timeoutMs }: GetOptions): number {
    return this.#parts.redis.clock.nowMs() + (timeoutMs ?? this.#parts.settings.requestBudgetMs);
  }
}
