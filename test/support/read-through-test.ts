// What one test of read-through has: an origin and a key of its own, and instances that end with it.

import { afterAll, beforeAll, expect } from 'vitest';
import { startStack, type AnyStack } from '../../local/stack.ts';
import type { ReadThroughResult } from '../../src/cache/read-through.ts';
import type { WriteCondition, WriteResult } from '../../src/cache/store.ts';
import type { CacheKind } from './caches.ts';
import {
  entryKey,
  startFillingInstance,
  type FillingInstance,
  type FillingInstanceOptions,
} from './filling-instance.ts';
import { ScriptedOrigin } from './scripted-origin.ts';
import { adoptStack } from './shared-client.ts';

type Settings = NonNullable<FillingInstanceOptions['settings']>;

export class ReadThroughTest implements AsyncDisposable {
  readonly stack: AnyStack;
  readonly key: string;
  readonly origin = new ScriptedOrigin();
  readonly #instances: FillingInstance[] = [];

  constructor(stack: AnyStack, key: string) {
    this.stack = stack;
    this.key = key;
  }

  start(settings: Settings = {}): Promise<FillingInstance> {
    return this.startWith({ settings });
  }

  startMany(count: number, settings: Settings = {}): Promise<readonly FillingInstance[]> {
    return Promise.all(Array.from({ length: count }, () => this.start(settings)));
  }

  /** @param origin the test's own unless another one, or none, is given. */
  async startWith(
    options: FillingInstanceOptions,
    origin: ScriptedOrigin | undefined = this.origin,
  ): Promise<FillingInstance> {
    return this.#keep(await startFillingInstance(this.stack, origin, options));
  }

  async startWithoutOrigin(): Promise<FillingInstance> {
    return this.#keep(await startFillingInstance(this.stack, undefined));
  }

  read(
    { readThrough }: FillingInstance,
    key: string = this.key,
    budgetMs = 1800,
  ): Promise<ReadThroughResult> {
    return readThrough.read(entryKey(key), Date.now() + budgetMs);
  }

  /** What a read says, in one word or two, and its body. */
  async outcome(instance: FillingInstance, key?: string, budgetMs?: number): Promise<string> {
    return outcomeOf(await this.read(instance, key, budgetMs));
  }

  remove(
    { readThrough }: FillingInstance,
    condition: WriteCondition = { kind: 'none', etags: [] },
    key: string = this.key,
  ): Promise<WriteResult> {
    return readThrough.remove(key, condition, Date.now() + 1800);
  }

  admin(...command: readonly (string | Buffer)[]): Promise<unknown> {
    return this.stack.redis.admin(...command);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#instances.map(async (instance) => instance[Symbol.asyncDispose]()));
  }

  #keep(instance: FillingInstance): FillingInstance {
    this.#instances.push(instance);
    return instance;
  }
}

export function outcomeOf(result: ReadThroughResult): string {
  if (result.kind === 'hit') return `${result.stale ? 'stale' : 'hit'} ${result.entry.body.toString()}`;
  return result.kind === 'loaded' ? `loaded ${result.entry.body.toString()}` : result.kind;
}

/** Of many reads, whoever of them loaded it: `got` and the value. */
export function gotOf(outcomes: readonly string[]): ReadonlySet<string> {
  return new Set(outcomes.map((outcome) => outcome.replace(/^hit|^loaded/u, 'got')));
}

/** Begins a test on the one stack that all tests of a file share. */
export type Begin = () => ReadThroughTest;

/** Call it where the tests are declared. */
export function onOneStack({ cluster }: CacheKind): Begin {
  const shared: { stack?: AnyStack } = {};
  let tests = 0;
  beforeAll(async () => {
    shared.stack = await startStack({ storage: false, cluster });
    adoptStack(shared.stack);
  });
  afterAll(async () => shared.stack?.stop());
  return () => new ReadThroughTest(shared.stack ?? expect.unreachable('no stack'), `key-${(tests += 1)}`);
}
