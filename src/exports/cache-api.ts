// What a user of ./cache sees of a cache: its methods, and their options.

import type { Cacheable } from './cache-values.ts';
import type { DeleteResult, GetResult, PurgeResult, SetResult } from './cache-results.ts';

/** What is to be purged: 1 to 1,000 keys, tags and prefixes together. */
export interface PurgeTargets {
  /** Also such as somebody else wrote: with `mode` `remove` those are deleted. */
  readonly keys?: readonly string[] | undefined;
  /** Of this cache's entries. */
  readonly tags?: readonly string[] | undefined;
  /** What keys begin with; `''` is everything in this cache. */
  readonly prefixes?: readonly string[] | undefined;
  /**
   * `stale` where undefined: a value is answered as stale for its stale time, while it is renewed; what was set, and has
   * no source, until it expires. `remove`: it is there no more.
   */
  readonly mode?: 'stale' | 'remove' | undefined;
}

/** What must hold for a write: there is no entry, there is one, or it is in the state of this `etag` of a `hit`. */
export type Condition = 'absent' | 'present' | { readonly etag: string };

/** Of a call that asks Redis only. */
export interface GetOptions {
  /** Milliseconds after which the call ends as `unavailable`; the cache's `timeoutMs` where undefined. */
  readonly timeoutMs?: number | undefined;
}

/** Of a call that changes one key. */
export interface DeleteOptions extends GetOptions {
  /** None where undefined. */
  readonly condition?: Condition | undefined;
}

/** Of a write. */
export interface SetOptions extends DeleteOptions {
  /** Seconds that it lives, from 0.001 to a year; the cache's `defaultTtlSeconds` where undefined. */
  readonly ttlSeconds?: number | undefined;
  /**
   * By which it is purged together with others: at most 64 tags of 1 to 128 printable ASCII characters without spaces and
   * commas, 4,096 characters together. They go with this value: the next write has its own. None where undefined.
   */
  readonly tags?: readonly string[] | undefined;
}

/** How long what a factory makes may be used, and how. */
export interface LifetimeOptions<T> {
  /**
   * Seconds that the value is fresh, from 0.001 to a year, or a function that says so of a value. Up to a tenth is
   * taken off at random, so that what was filled together does not expire together. 0 of a function is "not stored": for
   * the next 5 s each process then asks its own factory, and nothing is stored either.
   */
  readonly ttlSeconds: number | ((value: T) => number);
  /**
   * Seconds past that in which the old value is answered at once, while one caller's factory renews it; the cache's
   * `staleSeconds` where undefined.
   */
  readonly staleSeconds?: number | undefined;
  /** Seconds past it in which the old value is answered where the factory fails; `staleSeconds` where undefined. */
  readonly staleIfErrorSeconds?: number | undefined;
  /**
   * Seconds that a factory's `null` is remembered as "there is nothing": no value to `get`, 404 over HTTP. Where
   * undefined, `null` is a value like any other.
   */
  readonly negativeTtlSeconds?: number | undefined;
  /**
   * Tags of the value, as those of `set`, or a function that says them of a value. A remembered `null` has none. None where
   * undefined.
   */
  readonly tags?: readonly string[] | ((value: T) => readonly string[]) | undefined;
  /**
   * Milliseconds after which the caller gets an old value, or `deadline-exceeded`; 30,000 where undefined. The factory
   * goes on, and what it brings is stored; it has 30 s, or as long as this, if that is longer.
   */
  readonly timeoutMs?: number | undefined;
}

/** How long the value may be used, and how long this caller waits. */
export interface GetOrSetOptions<T> extends LifetimeOptions<T> {
  /**
   * Rejects this call with its reason. The factory goes on for others that wait for the same key; if there are none, its
   * own signal is aborted.
   */
  readonly signal?: AbortSignal | undefined;
}

/** How long values may be used, and what their keys are made of. */
export interface WrapOptions<A extends readonly unknown[], T> extends LifetimeOptions<T> {
  /** What tells calls apart, instead of all arguments: the end of the key. */
  readonly key?: ((...values: Same<A>) => string) | undefined;
}

/** `A`, which is not inferred from here: a `key` that needs the first argument only leaves `fn` the others. */
type Same<A extends readonly unknown[]> = A extends infer B extends readonly unknown[] ? B : never;

/** What a factory is given. */
export interface FactoryContext {
  /** Aborted when nobody wants the value any more, its time is up, or the client is closed. */
  readonly signal: AbortSignal;
}

/**
 * Made by `createCache`. A key is 1 to 1,024 bytes of UTF-8 without control characters, and not under the client's own
 * namespace. Methods throw AppError `options-invalid` for another key, or a wrong option, by name.
 */
export interface Cache {
  /**
   * Reads one value in one round trip. `T` is what you know of it: nothing checks that. JSON is parsed, text is a string,
   * anything else a Buffer, whoever wrote it. Never rejects for an outage.
   *
   * @example
   * ```ts
   * const price = await cache.get<number>('price:42');
   * if (price.kind === 'hit') console.log(price.value, price.stale);
   * if (price.kind === 'unavailable') console.log('Nobody knows:', price.error.code);
   * ```
   */
  get<T = unknown>(key: string, options?: GetOptions): Promise<GetResult<T>>;
  /**
   * Reads many values in one round trip to each node; the results in the order of `keys`.
   *
   * @example
   * ```ts
   * const prices = await cache.getMany<number>(['price:42', 'price:43']);
   * const known = prices.flatMap((price) => (price.kind === 'hit' ? [price.value] : []));
   * ```
   */
  getMany<T = unknown>(keys: readonly string[], options?: GetOptions): Promise<readonly GetResult<T>[]>;
  /**
   * Writes one value: bytes as they are, anything else as JSON, or as the cache's serializer makes it. It wins over a
   * load that is under way. Never rejects for an outage, and never repeats a write whose outcome is unknown.
   *
   * @example
   * ```ts
   * const written = await cache.set('price:42', 12.5, { ttlSeconds: 60, condition: 'absent' });
   * if (written.kind === 'unavailable') console.log(written.error.code, written.applied);
   * ```
   * @throws AppError `value-invalid` for `undefined`, for what has no such form, and for more than `maxValueBytes`.
   */
  set(key: string, value: Cacheable, options?: SetOptions): Promise<SetResult>;
  /**
   * Removes one value, and what is remembered of its key. It wins over a load that is under way.
   *
   * @example
   * ```ts
   * const removed = await cache.delete('price:42');
   * if (removed.kind === 'unavailable') console.log(removed.error.code, removed.applied);
   * ```
   */
  delete(key: string, options?: DeleteOptions): Promise<DeleteResult>;
  /**
   * Makes values stale, or removes them, in all instances that use the cache through a client of the same namespace; waits
   * until these have taken it in, or have to ask before they answer. A value that was being loaded when the purge came is
   * not stored, and none that is set afterwards is touched. It costs the same whatever the number of values. Never rejects
   * for an outage.
   *
   * @example
   * ```ts
   * const purged = await cache.purge({ tags: ['products'] });
   * if (purged.kind === 'unavailable') console.log(purged.error.code, purged.applied);
   * ```
   */
  purge(targets: PurgeTargets, options?: GetOptions): Promise<PurgeResult>;
  /**
   * The value under `key`, or what `factory` makes: once in the process and once in the fleet, however many ask. A stale
   * value is answered at once and renewed behind it; one that is about to expire is renewed before it does. Where Redis
   * cannot be asked, the factory is, once a key and process and with bounded concurrency, and nothing is stored. What is
   * answered is always what was stored: parsed anew for each caller.
   *
   * A factory may run after the call that gave it has been answered: for a renewal, or for others. It may ask the cache for
   * other keys: factories inside others have places of their own.
   *
   * @example
   * ```ts
   * const product = await cache.getOrSet(
   *   `product:${id}`,
   *   async ({ signal }) => {
   *     const response = await fetch(`https://shop.example/products/${id}`, { signal });
   *     return response.status === 404 ? null : ((await response.json()) as Product);
   *   },
   *   { ttlSeconds: 60, staleSeconds: 300, negativeTtlSeconds: 10 },
   * );
   * ```
   * @throws what `factory` throws, as it is, where no old value may be answered; the reason of `signal`; AppError
   * `options-invalid` where `factory` asks for the key that it is to load; `deadline-exceeded` after `timeoutMs`,
   * `value-invalid` for a value that cannot be stored as one, `wrong-type` where the key holds another type of Redis,
   * `overloaded` and `stopped`.
   */
  getOrSet<T extends Cacheable>(
    key: string,
    factory: (context: FactoryContext) => T | Promise<T>,
    options: GetOrSetOptions<T>,
  ): Promise<T>;
  /**
   * A function that answers from the cache, and else as `fn` does: `getOrSet` with a key of `name` and the arguments.
   * Options are checked now, and arguments that no key can be made of at the call.
   *
   * @example
   * ```ts
   * const loadPrices = cache.wrap('prices', fetchPrices, { ttlSeconds: 30 });
   * const prices = await loadPrices('EUR', { withTax: true });
   * ```
   */
  wrap<A extends readonly unknown[], T extends Cacheable>(
    name: string,
    fn: (...values: A) => T | Promise<T>,
    options: WrapOptions<A, T>,
  ): (...values: A) => Promise<T>;
}
