import { describe, expect, it } from 'vitest';
import type { LockSubject } from '../../../src/cache/lock-keys.ts';
import { OriginHealth } from '../../../src/origin/origin-health.ts';
import { createOrigins } from '../../../src/origin/origins.ts';
import type { Origin } from '../../../src/origin/origin.ts';
import { ByteBudget } from '../../../src/util/byte-budget.ts';
import { createWarmup } from '../../../src/warmup/create.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { ScriptedCache } from '../../support/scripted-warmup.ts';

const clock = new FakeClock();
const originUrl = 'https://origin/container';
const health = new OriginHealth(() => {}, clock);

/** The Redis of checkpoints: keys and values. */
class ScriptedRedis {
  readonly values = new Map<string, string>();
  readonly expirations: unknown[] = [];
  readonly #client = {
    get: async (key: string) => this.values.get(key) ?? null,
    set: async (key: string, value: string, options: unknown) => {
      this.values.set(key, value);
      this.expirations.push(options);
    },
    del: async (key: string) => this.values.delete(key),
  };

  async run<T>(work: (client: never) => Promise<T>): Promise<T> {
    return work(this.#client as never);
  }
}

function start(origin: Partial<Origin> | undefined, keys: readonly string[] = [], prefix = '') {
  const redis = new ScriptedRedis();
  const cache = new ScriptedCache();
  const subjects: LockSubject[] = [];
  const warmup = createWarmup({
    origins: createOrigins(origin && { origin: origin as Origin, health }, []),
    keys,
    prefix,
    redis,
    cache,
    namespace: 'ref',
    locks: {
      async acquire(subject) {
        subjects.push(subject);
        return { kind: 'acquired', lock: { guard: undefined, release() {} } };
      },
    },
    budget: new ByteBudget(2 ** 30),
    maxValueBytes: 100,
    clock,
    random: () => 0,
  });
  const run = async (limitMs = 1000) => {
    const nowMs = clock.nowMs();
    const limits = { nextRunAtMs: nowMs, deadlineAtMs: nowMs + limitMs, endsAtMs: nowMs + limitMs };
    const running = warmup?.run(limits);
    await clock.advance(limitMs);
    return running;
  };
  return { warmup, run, redis, cache, subjects };
}

const page = (key: string, continuationToken?: string) => ({
  entries: [{ key, etag: '"e"', bytes: 1 }],
  continuationToken,
});

describe('there is nothing to warm', () => {
  it('without an origin', () => {
    expect(start(undefined).warmup).toBeUndefined();
  });

  it('without keys where the origin cannot be listed', () => {
    expect(start({}).warmup).toBeUndefined();
  });
});

it('warms the keys that are named, each once, before what could be listed', async () => {
  const { run, cache, subjects } = start(
    { listing: { scope: originUrl, pages: () => expect.unreachable() } },
    ['a', 'b', 'a'],
  );
  await run();
  expect(cache.names).toEqual(['a', 'b']);
  expect(subjects).toEqual([{ kind: 'warmup', name: '["a","b","a"]' }]);
});

it('warms what is listed under the prefix, and continues where it stopped, of the same origin and prefix only', async () => {
  const asked: [string, string | undefined][] = [];
  async function* pages(prefix: string, { continuationToken }: { continuationToken?: string | undefined }) {
    asked.push([prefix, continuationToken]);
    if (continuationToken === undefined) yield page('set/1', 'second');
    yield page('set/2');
  }
  const { run, redis, cache, subjects } = start({ listing: { scope: originUrl, pages } }, [], 'set/');
  cache.onRefresh = () => {
    clock.freeze(1000);
    return { kind: 'loaded', bytes: 1 };
  };
  await run(1000);
  const [key] = redis.values.keys();
  expect(key).toMatch(/^ref:.warmup:[\da-f]{40}$/u);
  expect(redis.values.get(key ?? '')).toBe('second');
  expect(redis.expirations).toEqual([{ expiration: { type: 'EX', value: 24 * 3600 } }]);
  cache.onRefresh = () => ({ kind: 'loaded', bytes: 1 });
  expect(await run()).toMatchObject({ report: { complete: true, listed: 2 } });
  expect(cache.names).toEqual(['set/1', 'set/2', 'set/1']);
  expect(asked).toEqual([
    ['set/', undefined],
    ['set/', 'second'],
    ['set/', undefined],
  ]);
  expect(redis.values.size).toBe(0);
  expect(subjects[0]).toEqual({ kind: 'warmup', name: JSON.stringify([originUrl, 'set/']) });
});
