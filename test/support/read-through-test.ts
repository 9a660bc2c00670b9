// What one test of read-through has: an origin and a key of its own, and instances that end with it.

import { afterAll, beforeAll, expect } from 'vitest';
import type { AnyStack } from '../../local/stack.ts';
import type { CacheAnswer } from '../../src/cache/answer.ts';
import type { RemoveResult, WriteCondition } from '../../src/cache/tier.ts';
import type { CacheKind } from './caches.ts';
import { entryKey, startCacheInstance, type CacheInstance } from './cache-instance.ts';
import { ScriptedOrigin } from './scripted-origin.ts';
import { adoptStack } from './shared-client.ts';
import { startStack } from './stack.ts';

type Settings = Readonly<Record<string, string>>;

// Redis gets a third of it each time it is asked: time enough also on a machine that is busy with other tests. What is
// looked at is what is loaded; memory has tests of its own.
const patientBudgetMs = 20_000;
/** Where Redis is taken away, so that each read waits for its third of this, and then for as long as its load takes. */
const troubledBudgetMs = 6000;
const troubledPatienceMs = 60_000;

export class ReadThroughTest implements AsyncDisposable {
  readonly stack: AnyStack;
  readonly key: string;
  readonly origin = new ScriptedOrigin();
  readonly #instances: CacheInstance[] = [];
  readonly #budgetMs: number;
  /** How long a read may take where it does not say so itself. */
  readonly #patienceMs: number;

  constructor(stack: AnyStack, key: string, how: 'patient' | 'troubled') {
    this.stack = stack;
    this.key = key;
    this.#budgetMs = how === 'patient' ? patientBudgetMs : troubledBudgetMs;
    this.#patienceMs = how === 'patient' ? patientBudgetMs - 200 : troubledPatienceMs;
  }

  /** With the origin of the test. */
  async start(settings: Settings = {}): Promise<CacheInstance> {
    return this.#keep(await startCacheInstance(this.stack, this.origin, { ...this.#settings, ...settings }));
  }

  startMany(count: number, settings: Settings = {}): Promise<readonly CacheInstance[]> {
    return Promise.all(Array.from({ length: count }, () => this.start(settings)));
  }

  async startWithoutOrigin(): Promise<CacheInstance> {
    return this.#keep(await startCacheInstance(this.stack, undefined, this.#settings));
  }

  async read(
    { cache }: CacheInstance,
    key: string = this.key,
    budgetMs = this.#patienceMs,
  ): Promise<CacheAnswer> {
    return cache.read(entryKey(key), Date.now() + budgetMs);
  }

  /** What a read says, in one word or two, and its body. */
  async outcome(instance: CacheInstance, key?: string, budgetMs?: number): Promise<string> {
    return outcomeOf(await this.read(instance, key, budgetMs));
  }

  remove(
    { cache }: CacheInstance,
    condition: WriteCondition = { kind: 'none', etags: [] },
    key: string = this.key,
  ): Promise<RemoveResult> {
    return cache.remove(entryKey(key), condition, Date.now() + this.#budgetMs - 200);
  }

  admin(...command: readonly (string | Buffer)[]): Promise<unknown> {
    return this.stack.redis.admin(...command);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#instances.map(async (instance) => instance[Symbol.asyncDispose]()));
  }

  get #settings(): Settings {
    return { REQUEST_BUDGET_MS: `${this.#budgetMs}`, CACHE_MEMORY_MB: '0' };
  }

  #keep(instance: CacheInstance): CacheInstance {
    this.#instances.push(instance);
    return instance;
  }
}

export function outcomeOf(result: CacheAnswer): string {
  if (result.kind === 'hit') return `${result.stale ? 'stale' : 'hit'} ${result.entry.body.toString()}`;
  return result.kind === 'loaded' ? `loaded ${result.entry.body.toString()}` : result.kind;
}

/** Of many reads, whoever of them loaded it: `got` and the value. */
export function gotOf(outcomes: readonly string[]): ReadonlySet<string> {
  return new Set(outcomes.map((outcome) => outcome.replace(/^hit|^loaded/u, 'got')));
}

/** Begins a test on the one stack that all tests of a file share. */
export type Begin = (how?: 'patient' | 'troubled') => ReadThroughTest;

/** Call it where the tests are declared. */
export function onOneStack({ cluster }: CacheKind): Begin {
  const shared: { stack?: AnyStack } = {};
  let tests = 0;
  beforeAll(async () => {
    shared.stack = await startStack({ storage: false, cluster });
    adoptStack(shared.stack);
  });
  afterAll(async () => shared.stack?.stop());
  return (how = 'patient') =>
    new ReadThroughTest(shared.stack ?? expect.unreachable('no stack'), `key-${(tests += 1)}`, how);
}
