// Instances of the cache that share a server in memory, with an origin and a clock of the test's choice. `it` gives
// each test a world of its own, and fails where one of its instances has not given back all that it held.

import { expect, test } from 'vitest';
import type { CacheAnswer } from '../../src/cache/answer.ts';
import type { CacheOptions } from '../../src/cache/cache-options.ts';
import { Cache } from '../../src/cache/cache.ts';
import { newEntry, type Entry } from '../../src/cache/entry.ts';
import type { EntryKey } from '../../src/cache/key.ts';
import type { Locks } from '../../src/cache/locks.ts';
import type { RemoveResult, Tier, WriteCondition, WriteResult } from '../../src/cache/tier.ts';
import { MemoryStore, type MemoryStoreOptions } from '../../src/cache/memory-store.ts';
import { MemoryTier } from '../../src/cache/memory-tier.ts';
import { OriginHealth } from '../../src/origin/origin-health.ts';
import { createOrigins } from '../../src/origin/origins.ts';
import type { Origin } from '../../src/origin/origin.ts';
import type { AppEvent } from '../../src/telemetry/events.ts';
import { Measures } from '../../src/telemetry/measures.ts';
import { ByteBudget } from '../../src/util/byte-budget.ts';
import { FakeClock, settle } from './fake-clock.ts';
import { InMemoryConnection, InMemoryServer } from './in-memory-server.ts';
import { InMemoryLocks } from './in-memory-locks.ts';
import { InMemoryTier } from './in-memory-tier.ts';
import { alwaysCurrent, InMemoryTracking } from './in-memory-tracking.ts';
import { ScriptedOrigin } from './scripted-origin.ts';

export const namespace = 'ref';

export interface InstanceOptions extends Partial<CacheOptions> {
  /** The only one; that of the world where it is not mentioned. */
  readonly origin?: Origin | undefined;
  readonly budgetBytes?: number;
  /** With what is not said here: 8 MiB, and Redis says which keys change. Without memory where undefined. */
  readonly memory?: Partial<MemoryStoreOptions>;
  /** Whether the memory may answer; always where undefined. */
  readonly isTrusted?: () => boolean;
}

/** One process with the cache. */
export class InMemoryInstance {
  readonly connection: InMemoryConnection;
  readonly budget: ByteBudget;
  readonly tier: Tier;
  readonly locks: Locks;
  readonly cache: Cache;
  readonly measures = new Measures();
  readonly events: AppEvent[] = [];
  readonly tracking: InMemoryTracking;
  /** Where `memory` was given. */
  readonly store: MemoryStore | undefined;
  readonly #clock: FakeClock;

  constructor({ server, clock, origin }: World, options: InstanceOptions) {
    this.#clock = clock;
    const own = 'origin' in options ? options.origin : origin;
    const emit = (event: AppEvent): void => void this.events.push(event);
    this.connection = new InMemoryConnection(server);
    this.budget = new ByteBudget(options.budgetBytes ?? 128 * 2 ** 20);
    const maxValueBytes = options.maxValueBytes ?? 2 ** 20;
    this.tracking = new InMemoryTracking(server);
    const { tracking, connection, budget } = this;
    this.store =
      options.memory &&
      new MemoryStore({
        tracking,
        namespace,
        clock,
        loop: alwaysCurrent,
        maxBytes: 2 ** 23,
        maxAgeMs: 0,
        counts: this.measures.events,
        ...options.memory,
      });
    const below = new InMemoryTier({ connection, budget, maxValueBytes, emit, copies: this.store });
    this.tier = this.store === undefined ? below : new MemoryTier(below, this.store, options.isTrusted);
    this.locks = new InMemoryLocks(this.connection, clock, namespace);
    this.cache = new Cache({
      tier: this.tier,
      locks: this.locks,
      origins: createOrigins(own && { origin: own, health: new OriginHealth(emit, clock) }, []),
      keyRules: { prefix: '', namespace },
      clientsWrite: true,
      defaultTtlSeconds: 300,
      staleSeconds: 60,
      maxValueBytes,
      requestBudgetMs: 2000,
      budget: this.budget,
      measures: this.measures,
      clock,
      random: () => 0,
      ...options,
    });
  }

  /** The types of the events so far. */
  get told(): readonly string[] {
    return this.events.map(({ type }) => type);
  }

  async read(name: string, budgetMs = 2000): Promise<CacheAnswer> {
    return this.cache.read(entryKey(name), this.#clock.nowMs() + budgetMs);
  }

  readMany(names: readonly string[], budgetMs = 2000): Promise<readonly CacheAnswer[]> {
    return this.cache.readMany(names.map(entryKey), this.#clock.nowMs() + budgetMs);
  }

  /** As a client does. */
  write(name: string, text: string, condition: WriteCondition = always): Promise<WriteResult> {
    const entry = this.entry(text);
    return this.cache.write(entryKey(name), entry, condition, this.#clock.nowMs() + 2000);
  }

  entry(text: string): Entry {
    return newEntry(Buffer.from(text), 'text/plain', this.#clock.wallMs(), 3600);
  }

  remove(name: string, condition: WriteCondition = always): Promise<RemoveResult> {
    return this.cache.remove(entryKey(name), condition, this.#clock.nowMs() + 2000);
  }
}

export class World {
  readonly clock = new FakeClock();
  readonly server = new InMemoryServer(this.clock);
  readonly origin = new ScriptedOrigin(this.clock);
  readonly #instances: InMemoryInstance[] = [];

  instance(options: InstanceOptions = {}): InMemoryInstance {
    const instance = new InMemoryInstance(this, options);
    this.#instances.push(instance);
    return instance;
  }

  instances(count: number, options: InstanceOptions = {}): readonly InMemoryInstance[] {
    return Array.from({ length: count }, () => this.instance(options));
  }

  /** What `promise` comes to within `ms` of the clock; the clock has then moved by all of them. */
  async after<T>(ms: number, promise: Promise<T>): Promise<T> {
    const outcome = { isThere: false };
    void promise.then(
      () => (outcome.isThere = true),
      () => (outcome.isThere = true),
    );
    await this.clock.advance(ms);
    expect(outcome.isThere, `it was not there after ${ms} ms`).toBe(true);
    return promise;
  }

  /** Ends all that is under way; each instance has then given back what it held. */
  async end(): Promise<void> {
    const stopping = this.#instances.map(async ({ connection, cache }) => {
      connection.release();
      return cache.stop();
    });
    await this.clock.advance(30_000);
    await Promise.all(stopping);
    await settle();
    expect(this.#instances.map(({ budget }) => budget.usedBytes)).toEqual(this.#instances.map(() => 0));
    expect(this.server.keys().filter((key) => key.endsWith(':lock'))).toEqual([]);
  }
}

export const it = test.extend<{ readonly world: World }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the names of the fixtures from the pattern.
  world: async ({}, use) => {
    const world = new World();
    await use(world);
    await world.end();
  },
});

/** An instance that has loaded `value` under the key `key`, with this `Cache-Control` of the origin. */
export async function filledInstance(
  world: World,
  value: string,
  cacheControl: string,
  options: object = {},
): Promise<InMemoryInstance> {
  const instance = world.instance(options);
  world.origin.set('key', value);
  world.origin.fields = { 'cache-control': cacheControl };
  await instance.read('key');
  return instance;
}

export function entryKey(name: string): EntryKey {
  return { name, redisKey: name };
}

const always = { kind: 'none', etags: [] } as const satisfies WriteCondition;

/** What an answer is, in one word or two, and its body. */
export function told(answer: CacheAnswer): string {
  if (answer.kind === 'hit') return `${answer.stale ? 'stale' : 'hit'} ${answer.entry.body.toString()}`;
  return answer.kind === 'loaded' ? `loaded ${answer.entry.body.toString()}` : answer.kind;
}
