// Warmups for tests: instances in one process on one stack, which is emptied for each test, over a scripted origin.

import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import type { AnyStack } from '../../local/stack.ts';
import type { WarmupReport } from '../../src/warmup/report.ts';
import type { CacheKind } from './caches.ts';
import { entryKey, startCacheInstance, type CacheInstance } from './cache-instance.ts';
import { ScriptedOrigin } from './scripted-origin.ts';
import { adoptStack } from './shared-client.ts';
import { startStack } from './stack.ts';

export interface RunOptions {
  readonly limitMs?: number;
  readonly endsInMs?: number;
  readonly nextRunInMs?: number;
}

export interface Warmups {
  readonly stack: AnyStack;
  /** Of the test that runs. */
  readonly origin: ScriptedOrigin;
  start(settings?: Readonly<Record<string, string>>): Promise<CacheInstance>;
  /** One run to its end; fails where another instance was at it. */
  run(instance: CacheInstance, options?: RunOptions): Promise<WarmupReport>;
  /** Gives the origin entries `set/0`, `set/1` and so on. */
  fill(count: number, bytes?: number): void;
  /** Fails unless a read of every entry is a hit, with the bytes that the origin has. */
  expectWarm(instance: CacheInstance): Promise<void>;
}

/** Call it where the tests are declared. */
export function warmupsOnOneStack({ cluster }: CacheKind): Warmups {
  const shared: { stack?: AnyStack; origin: ScriptedOrigin } = { origin: new ScriptedOrigin() };
  const stackOf = (): AnyStack => shared.stack ?? expect.unreachable('no stack');
  beforeAll(async () => {
    shared.stack = await startStack({ storage: false, cluster });
    adoptStack(shared.stack);
  });
  afterAll(async () => shared.stack?.stop());
  beforeEach(async () => {
    shared.origin = new ScriptedOrigin();
    await stackOf().redis.admin('FLUSHALL');
  });

  return {
    get stack() {
      return stackOf();
    },
    get origin() {
      return shared.origin;
    },
    start: (settings = {}) =>
      startCacheInstance(stackOf(), shared.origin, {
        CACHE_DEFAULT_TTL_SECONDS: '3600',
        REQUEST_BUDGET_MS: '20000',
        ...settings,
      }),
    async run(instance, { limitMs = 60_000, endsInMs = 90_000, nextRunInMs = 300_000 } = {}) {
      const nowMs = Date.now();
      const outcome = await instance.warmup?.run({
        nextRunAtMs: nowMs + nextRunInMs,
        deadlineAtMs: nowMs + limitMs,
        endsAtMs: nowMs + endsInMs,
      });
      return outcome?.kind === 'ended' ? outcome.report : expect.unreachable(`the run was ${outcome?.kind}`);
    },
    fill(count, bytes = 2048) {
      for (let index = 0; index < count; index += 1) {
        shared.origin.set(`set/${index}`, Buffer.alloc(bytes, `${index} `));
      }
    },
    async expectWarm(instance) {
      const { origin } = shared;
      const before = origin.loads.length;
      const names = [...origin.entries.keys()];
      for (let at = 0; at < names.length; at += 500) {
        const some = names.slice(at, at + 500);
        const results = await instance.cache.readMany(some.map(entryKey), Date.now() + 60_000);
        for (const [index, name] of some.entries()) {
          expect(results[index]).toMatchObject({ kind: 'hit', stale: false });
          const result = results[index];
          if (result?.kind === 'hit')
            expect(result.entry.body.equals(origin.entries.get(name)?.body ?? Buffer.alloc(0))).toBe(true);
        }
      }
      expect(origin.loads).toHaveLength(before);
    },
  };
}
