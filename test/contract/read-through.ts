// Read-through on a real Redis: instances in one process, an origin that counts what it is asked.
// Run on each kind of cache by test/integration/read-through*.test.ts.

import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { startStack, type AnyStack } from '../../local/stack.ts';
import type { CacheKind } from '../support/caches.ts';
import { encodeEntry } from '../../src/cache/entry-encoder.ts';
import { newEntry } from '../../src/cache/entry.ts';
import { lockKeys } from '../../src/cache/lock-keys.ts';
import { AppError } from '../../src/util/errors.ts';
import type { CacheAnswer } from '../../src/cache/answer.ts';
import type { RemoveResult, WriteCondition } from '../../src/cache/tier.ts';
import { entryKey, startCacheInstance, type CacheInstance } from '../support/cache-instance.ts';
import { eventually, sleep } from '../support/eventually.ts';
import { ScriptedOrigin } from '../support/scripted-origin.ts';
import { adoptStack } from '../support/shared-client.ts';

let stack: AnyStack;
let origin: ScriptedOrigin;
let tests = 0;
let name = '';

const read = async (instance: CacheInstance, key = name, budgetMs = 1800): Promise<CacheAnswer> =>
  instance.cache.read(entryKey(key), Date.now() + budgetMs);

const remove = async (
  { cache }: CacheInstance,
  condition: WriteCondition = { kind: 'none', etags: [] },
  key = name,
): Promise<RemoveResult> => cache.remove(entryKey(key), condition, Date.now() + 1800);

/** What a result is, in one word or two, and its body. */
function told(result: CacheAnswer): string {
  if (result.kind === 'hit') return `${result.stale ? 'stale' : 'hit'} ${result.entry.body.toString()}`;
  return result.kind === 'loaded' ? `loaded ${result.entry.body.toString()}` : result.kind;
}

export function readThroughSuite({ cluster }: CacheKind): void {
  beforeAll(async () => {
    stack = await startStack({ storage: false, cluster });
    adoptStack(stack);
  });
  afterAll(async () => stack?.stop());

  beforeEach(() => {
    origin = new ScriptedOrigin();
    tests += 1;
    name = `key-${tests}`;
  });

  it('fills a miss once, and the next reads are hits with what the origin said of it', async () => {
    await using instance = await startCacheInstance(stack, origin);
    origin.set(name, 'value');
    origin.fields = { 'cache-control': 'max-age=1000' };
    expect(await read(instance)).toMatchObject({
      kind: 'loaded',
      forwarded: { why: 'miss', stored: true, collapsed: false },
    });
    const hit = await read(instance);
    expect(hit).toMatchObject({
      kind: 'hit',
      stale: false,
      entry: { etag: 'v1', contentType: 'text/plain' },
    });
    if (hit.kind !== 'hit') return;
    expect(hit.entry.freshness?.ttlSeconds).toBeGreaterThan(899);
    expect(hit.entry.freshness?.ttlSeconds).toBeLessThanOrEqual(1000);
    expect(Number(await stack.redis.admin('PTTL', name))).toBeGreaterThan(950_000);
    expect(origin.loads).toHaveLength(1);
  });

  it('asks the origin once for 1,000 concurrent reads of one absent key on three instances', async () => {
    const instances = await Promise.all([1, 2, 3].map(async () => startCacheInstance(stack, origin)));
    try {
      origin.set(name, 'value');
      origin.delayMs = 300;
      const results = await Promise.all(
        Array.from({ length: 1000 }, async (_, index) => {
          const instance = instances[index % instances.length] ?? expect.unreachable();
          return told(await read(instance));
        }),
      );
      expect(origin.loads).toHaveLength(1);
      expect(new Set(results.map((result) => result.replace(/^hit|^loaded/u, 'got')))).toEqual(
        new Set(['got value']),
      );
    } finally {
      await Promise.all(instances.map(async (instance) => instance[Symbol.asyncDispose]()));
    }
  });

  it('loads nothing that there is no memory for, says so at once, and blames neither Redis nor the origin', async () => {
    await using instance = await startCacheInstance(stack, origin);
    origin.set(name, Buffer.alloc(100_000, 'x'));
    const full = instance.budget.open();
    while (full.takeValue(100_000));
    expect(told(await read(instance))).toBe('overloaded');
    expect(origin.loads).toHaveLength(1);
    expect(origin.bodiesMoved).toBe(0);
    expect(instance.events.map(({ type }) => type)).not.toContain('originFailing');
    full.close();
    expect(told(await read(instance))).toBe(`loaded ${'x'.repeat(100_000)}`);
    await eventually(() => expect(instance.budget.usedBytes).toBe(0));
  });

  it('asks the origin at most once an instance when Redis restarts, and its locks are lost, under a load', async () => {
    const instances = await Promise.all([1, 2, 3].map(async () => startCacheInstance(stack, origin)));
    try {
      for (const instance of instances) expect(told(await read(instance, 'absent'))).toBe('miss');
      origin.loads.length = 0;
      origin.set(name, 'value');
      origin.delayMs = 500;
      const reads = Array.from({ length: 300 }, async (_, index) => {
        const instance = instances[index % instances.length] ?? expect.unreachable();
        // A cluster is back after a few seconds only.
        return told(await read(instance, name, 8000));
      });
      await eventually(() => expect(origin.loads).toHaveLength(1));
      await stack.redis.restart();
      const results = await Promise.all(reads);
      expect(new Set(results.map((result) => result.replace(/^hit|^loaded/u, 'got')))).toEqual(
        new Set(['got value']),
      );
      expect(origin.loads.length).toBeLessThanOrEqual(3);
    } finally {
      await Promise.all(instances.map(async (instance) => instance[Symbol.asyncDispose]()));
    }
  });

  it('a hot key is loaded once a lifetime and no read waits for the origin after the first', async () => {
    const lifetimeSeconds = 2;
    const settings = { CACHE_DEFAULT_TTL_SECONDS: `${lifetimeSeconds}`, CACHE_STALE_SECONDS: '2' };
    const instances = await Promise.all(
      [1, 2, 3].map(async () => startCacheInstance(stack, origin, settings)),
    );
    try {
      origin.delayMs = 100;
      origin.set(name, 'value');
      for (const instance of instances) await read(instance);
      const startedAtMs = origin.loads[0]?.atMs ?? 0;
      const kinds = new Map<string, number>();
      let reads = 0;
      const reading = (instance: CacheInstance) => async (): Promise<void> => {
        while (Date.now() - startedAtMs < 3 * lifetimeSeconds * 1000) {
          const kind = told(await read(instance));
          kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
          reads += 1;
          await sleep(5);
        }
      };
      await Promise.all(instances.map((instance) => reading(instance)()));
      expect(reads).toBeGreaterThan(1000);
      expect([...kinds.keys()].filter((kind) => !['hit value', 'stale value'].includes(kind))).toEqual([]);
      // Each lifetime is cut by up to a tenth, and a renewal begins before it ends.
      const gapsMs = origin.loads.slice(1).map(({ atMs }, index) => atMs - (origin.loads[index]?.atMs ?? 0));
      expect(gapsMs.length).toBeGreaterThanOrEqual(2);
      expect(gapsMs.length).toBeLessThanOrEqual(4);
      expect(Math.min(...gapsMs)).toBeGreaterThan(lifetimeSeconds * 1000 * 0.65);
      // Renewals are conditional: the body was moved once.
      expect(origin.bodiesMoved).toBe(1);
    } finally {
      await Promise.all(instances.map(async (instance) => instance[Symbol.asyncDispose]()));
    }
  });

  it('serves what is stale at once while a slow origin renews it, and the late answer is in the cache', async () => {
    await using instance = await startCacheInstance(stack, origin, {
      CACHE_DEFAULT_TTL_SECONDS: '1',
      CACHE_STALE_SECONDS: '60',
    });
    origin.set(name, 'old');
    expect(told(await read(instance))).toBe('loaded old');
    origin.set(name, 'new');
    origin.delayMs = 1500;
    await sleep(1100);
    for (let reads = 0; reads < 10; reads += 1) {
      const startedAtMs = performance.now();
      expect(told(await read(instance))).toBe('stale old');
      expect(performance.now() - startedAtMs).toBeLessThan(50);
    }
    await eventually(async () => expect(told(await read(instance))).toMatch(/(?:hit|stale) new/u));
    expect(origin.loads).toHaveLength(2);
  });

  it('ends a miss within its time when the origin is slow, and the late answer is in the cache', async () => {
    await using instance = await startCacheInstance(stack, origin);
    origin.set(name, 'late');
    origin.delayMs = 1000;
    const startedAtMs = performance.now();
    expect(told(await read(instance, name, 300))).toBe('origin-pending');
    expect(performance.now() - startedAtMs).toBeLessThan(500);
    await eventually(async () => expect(told(await read(instance, name, 300))).toBe('hit late'));
    expect(origin.loads).toHaveLength(1);
  });

  it('remembers for a moment that the origin has none, then asks again', async () => {
    await using instance = await startCacheInstance(stack, origin, { CACHE_DEFAULT_TTL_SECONDS: '1' });
    expect(await read(instance)).toEqual({ kind: 'miss', origin: 'asked' });
    expect(await read(instance)).toEqual({ kind: 'miss', origin: 'remembered' });
    expect(origin.loads).toHaveLength(1);
    origin.set(name, 'now');
    await eventually(async () => expect(told(await read(instance))).toBe('loaded now'), 3000);
  });

  it('a stale entry that the origin has no more ends as a miss', async () => {
    await using instance = await startCacheInstance(stack, origin, { CACHE_DEFAULT_TTL_SECONDS: '1' });
    origin.set(name, 'value');
    await read(instance);
    origin.entries.clear();
    await sleep(1100);
    expect(told(await read(instance))).toBe('stale value');
    await eventually(async () => expect(told(await read(instance))).toBe('miss'));
  });

  it('serves stale while the origin fails, tries again once a second in the whole fleet, and recovers', async () => {
    const settings = { CACHE_DEFAULT_TTL_SECONDS: '4', CACHE_STALE_SECONDS: '60' };
    await using first = await startCacheInstance(stack, origin, settings);
    await using second = await startCacheInstance(stack, origin, settings);
    origin.set(name, 'old');
    await read(first);
    await sleep(4100);
    origin.failing = true;
    origin.set(name, 'new');
    const before = origin.loads.length;
    const startedAtMs = Date.now();
    while (Date.now() - startedAtMs < 3000) {
      expect(told(await read(first))).toBe('stale old');
      expect(told(await read(second))).toBe('stale old');
      await sleep(10);
    }
    expect(origin.loads.length - before).toBeGreaterThanOrEqual(2);
    expect(origin.loads.length - before).toBeLessThanOrEqual(4);
    // One key says nothing of the origin; three in a row do, once.
    const others = [1, 2, 3].map((other) => `${name}-${other}`);
    for (const other of others) expect(told(await read(first, other))).toBe('origin-failed');
    const types = (): readonly string[] => first.events.map(({ type }) => type);
    expect(types().filter((type) => type === 'originFailing')).toHaveLength(1);
    origin.failing = false;
    await eventually(async () => expect(told(await read(first))).toBe('hit new'), 4000);
    for (const other of others) expect(told(await read(first, other))).toBe('miss');
    expect(types().filter((type) => type === 'originRecovered')).toHaveLength(1);
  });

  it.each(['no-store', 'private'])('a stale entry ends when a renewal is told %s', async (said) => {
    await using instance = await startCacheInstance(stack, origin, { CACHE_STALE_SECONDS: '3600' });
    origin.set(name, 'value');
    origin.fields = { 'cache-control': 'max-age=1' };
    await read(instance);
    origin.fields = { 'cache-control': said };
    await sleep(1100);
    expect(told(await read(instance))).toBe('stale value');
    await eventually(async () => expect(told(await read(instance))).toBe('loaded value'));
    expect(await stack.redis.admin('EXISTS', name)).toBe(0);
    // It was not moved to learn that.
    expect(origin.loads[1]?.conditional).toBe(true);
  });

  it('what may not be served stale is validated by one of many reads, in the whole fleet, and its body stays', async () => {
    await using first = await startCacheInstance(stack, origin, { CACHE_STALE_SECONDS: '3600' });
    await using second = await startCacheInstance(stack, origin, { CACHE_STALE_SECONDS: '3600' });
    origin.set(name, 'value');
    origin.fields = { 'cache-control': 'max-age=1, must-revalidate' };
    await read(first);
    await sleep(1100);
    origin.delayMs = 200;
    origin.fields = { 'cache-control': 'max-age=60, must-revalidate' };
    const reads = Array.from({ length: 40 }, async (_, index) => read(index % 2 === 0 ? first : second));
    expect(new Set((await Promise.all(reads)).map(told))).toEqual(new Set(['loaded value']));
    expect([origin.loads.length, origin.bodiesMoved]).toEqual([2, 1]);
    expect(told(await read(second))).toBe('hit value');
  });

  it('what must be asked for each time is, and is served stale when that fails only where the origin lets it', async () => {
    await using instance = await startCacheInstance(stack, origin);
    const strict = `${name}-strict`;
    origin.set(name, 'value');
    origin.set(strict, 'strict');
    origin.fields = { 'cache-control': 'max-age=0' };
    await read(instance);
    origin.fields = { 'cache-control': 'no-cache' };
    await read(instance, strict);
    for (const one of [name, strict]) {
      expect(await read(instance, one)).toMatchObject({
        kind: 'loaded',
        forwarded: { why: 'stale', status: 304 },
      });
    }
    origin.failing = true;
    const asked = origin.loads.length;
    for (let reads = 0; reads < 10; reads += 1) {
      // `max-age=0` forbids nothing: the setting lets it be served while the origin fails.
      expect(await read(instance, strict)).toMatchObject({ kind: 'origin-failed' });
    }
    expect(origin.loads.length).toBe(asked + 10);
  });

  it('an entry past its time is served at once while it is known that the origin has just failed', async () => {
    await using instance = await startCacheInstance(stack, origin);
    origin.set(name, 'value');
    origin.fields = { 'cache-control': 'max-age=1, stale-while-revalidate=0, stale-if-error=60' };
    await read(instance);
    await sleep(1100);
    origin.failing = true;
    const asked = origin.loads.length;
    for (let reads = 0; reads < 20; reads += 1) {
      const startedAtMs = performance.now();
      expect(await read(instance)).toMatchObject({ kind: 'hit', stale: true, despite: 'origin-failed' });
      expect(performance.now() - startedAtMs).toBeLessThan(500);
    }
    expect(origin.loads.length - asked).toBeLessThanOrEqual(3);
  });

  it('an answer of trouble does not take the place of an entry that may be served meanwhile', async () => {
    await using instance = await startCacheInstance(stack, origin, { CACHE_STALE_SECONDS: '3600' });
    origin.set(name, 'value');
    origin.fields = { 'cache-control': 'max-age=1' };
    await read(instance);
    origin.set(name, 'trouble');
    origin.statuses.set(name, 429);
    await sleep(1100);
    await read(instance);
    await eventually(() => expect(origin.loads).toHaveLength(2));
    await sleep(100);
    expect(told(await read(instance))).toBe('stale value');
    // The origin's word on this entry is another matter.
    origin.statuses.set(name, 403);
    await eventually(async () => {
      expect(await read(instance)).toMatchObject({ entry: { loaded: { status: 403 } } });
    });
  });

  it('answers a miss with what failed while the origin fails, never with a miss', async () => {
    await using instance = await startCacheInstance(stack, origin);
    origin.failing = true;
    for (let reads = 0; reads < 3; reads += 1) expect(told(await read(instance))).toBe('origin-failed');
    origin.failing = false;
    origin.set(name, 'back');
    expect(told(await read(instance))).toBe('loaded back');
  });

  it('goes to the origin while Redis is down, with bounded loads, and says that nothing was stored', async () => {
    await using instance = await startCacheInstance(stack, origin);
    await instance.redis.ping(Date.now() + 5000);
    const names = Array.from({ length: 100 }, (_, index) => `${name}-${index}`);
    for (const one of names) origin.set(one, one);
    origin.delayMs = 50;
    await stack.redis.kill();
    try {
      const results = await Promise.all(
        names.map(async (one) => instance.cache.read(entryKey(one), Date.now() + 1800)),
      );
      expect(results.map(told)).toEqual(names.map((one) => `loaded ${one}`));
      expect(results[0]).toMatchObject({ forwarded: { why: 'bypass', stored: false } });
      expect(origin.peak).toBeLessThanOrEqual(48);
      // One load for many who ask for the same.
      origin.loads.length = 0;
      await Promise.all(Array.from({ length: 50 }, async () => read(instance, names[0])));
      expect(origin.loads.length).toBeLessThanOrEqual(2);
      // A client may have written it: only Redis can tell.
      expect(told(await read(instance, 'neither'))).toBe('unavailable');
      origin.failing = true;
      expect(told(await read(instance, 'neither'))).toBe('unavailable');
      origin.failing = false;
    } finally {
      await stack.redis.restart();
    }
    await eventually(async () => expect(told(await read(instance))).toBe('miss'));
  });

  it("takes the origin's word that there is none while Redis is down, where clients cannot write", async () => {
    await using instance = await startCacheInstance(stack, origin, { CACHE_WRITES: 'disabled' });
    await instance.redis.ping(Date.now() + 5000);
    await stack.redis.kill();
    try {
      expect(await read(instance)).toEqual({ kind: 'miss', origin: 'bypass' });
      origin.failing = true;
      expect(told(await read(instance))).toBe('unavailable');
    } finally {
      await stack.redis.restart();
    }
  });

  it("does not overwrite what a client wrote while a load was on its way, and leaves a client's entries alone", async () => {
    await using instance = await startCacheInstance(stack, origin);
    origin.set(name, 'from the origin');
    origin.delayMs = 300;
    const loading = read(instance);
    await eventually(() => expect(origin.loads).toHaveLength(1));
    await stack.redis.admin('SET', name, 'from a client');
    expect(await loading).toMatchObject({ kind: 'loaded', forwarded: { stored: false } });
    expect(told(await read(instance))).toBe('hit from a client');
    await sleep(500);
    expect(origin.loads).toHaveLength(1);
  });

  it('what is removed while it is being loaded does not come back, and who asks after that gets a new load', async () => {
    await using first = await startCacheInstance(stack, origin);
    await using second = await startCacheInstance(stack, origin);
    origin.set(name, 'old');
    origin.delayMs = 500;
    const loading = read(first);
    await eventually(() => expect(origin.loads).toHaveLength(1));
    origin.set(name, 'new');
    origin.delayMs = 0;
    expect(await remove(first)).toEqual({ kind: 'absent' });
    expect(told(await read(first))).toBe('loaded new');
    expect(await loading).toMatchObject({ kind: 'loaded', forwarded: { stored: false } });
    expect(told(await read(second))).toBe('hit new');
  });

  it('who asks after a removal of which nobody knows whether it was done gets a new load, too', async () => {
    await using instance = await startCacheInstance(stack, origin);
    origin.set(name, 'old');
    origin.delayMs = 500;
    const loading = read(instance);
    await eventually(() => expect(origin.loads).toHaveLength(1));
    origin.set(name, 'new');
    origin.delayMs = 0;
    const { redis } = instance;
    const run = redis.run.bind(redis);
    redis.run = async (work, options) => {
      redis.run = run;
      await run(work, options);
      throw new AppError('connection-lost', 'The answer was lost.');
    };
    expect(await remove(instance)).toMatchObject({ kind: 'unavailable', applied: 'unknown' });
    expect(told(await read(instance))).toBe('loaded new');
    await loading;
  });

  it('what is removed on one instance while another loads or renews it does not come back', async () => {
    await using first = await startCacheInstance(stack, origin, { CACHE_DEFAULT_TTL_SECONDS: '1' });
    await using second = await startCacheInstance(stack, origin);
    origin.set(name, 'old');
    origin.delayMs = 500;
    const loading = read(first);
    await eventually(() => expect(origin.loads).toHaveLength(1));
    expect(await remove(second)).toEqual({ kind: 'absent' });
    expect(await loading).toMatchObject({ kind: 'loaded', forwarded: { stored: false } });
    expect(await stack.redis.admin('EXISTS', name)).toBe(0);

    origin.delayMs = 0;
    expect(told(await read(first))).toBe('loaded old');
    await sleep(1100);
    origin.set(name, 'renewed');
    origin.delayMs = 500;
    expect(told(await read(first))).toBe('stale old');
    await eventually(() => expect(origin.loads).toHaveLength(3));
    expect(await remove(second)).toEqual({ kind: 'removed' });
    await sleep(700);
    expect(await stack.redis.admin('EXISTS', name)).toBe(0);
  });

  it('removing an entry also removes what was remembered instead of one, unless its condition fails', async () => {
    await using instance = await startCacheInstance(stack, origin);
    expect(told(await read(instance))).toBe('miss');
    origin.set(name, 'value');
    expect(await remove(instance, { kind: 'match', etags: ['other'] })).toEqual({
      kind: 'precondition-failed',
    });
    expect(told(await read(instance))).toBe('miss');
    expect(await remove(instance)).toEqual({ kind: 'absent' });
    expect(told(await read(instance))).toBe('loaded value');
  });

  it('loads and removes entries whatever braces are in their keys', async () => {
    await using instance = await startCacheInstance(stack, origin);
    for (const braces of ['{tag}/a', 'a{tag}', '{}a', '{}{a}', '}{', '{a}{b}', '{{a}}']) {
      const key = `${name}${braces}`;
      origin.set(key, braces);
      expect(await read(instance, key)).toMatchObject({ kind: 'loaded', forwarded: { stored: true } });
      expect(await remove(instance, undefined, key)).toEqual({ kind: 'removed' });
      expect(await stack.redis.admin('EXISTS', key)).toBe(0);
    }
  });

  it('serves and does not store what the origin forbids to store', async () => {
    await using instance = await startCacheInstance(stack, origin);
    origin.set(name, 'secret');
    origin.fields = { 'cache-control': 'no-store' };
    for (let reads = 0; reads < 2; reads += 1) {
      expect(await read(instance)).toMatchObject({ kind: 'loaded', forwarded: { stored: false } });
    }
    expect(await stack.redis.admin('EXISTS', name)).toBe(0);
    expect(origin.loads).toHaveLength(2);
  });

  it('loads what may not be stored on all instances at once, not on one after the other', async () => {
    const settings = { CACHE_DEFAULT_TTL_SECONDS: '1' };
    const instances = await Promise.all(
      [1, 2, 3, 4, 5, 6].map(async () => startCacheInstance(stack, origin, settings)),
    );
    try {
      origin.set(name, 'value');
      origin.delayMs = 500;
      origin.fields = { 'cache-control': 'no-store' };
      const readAll = async (): Promise<string[]> =>
        Promise.all(instances.map(async (instance) => told(await read(instance))));
      for (let rounds = 0; rounds < 3; rounds += 1) {
        // After the first round nobody waits for anybody: it is known.
        const startedAtMs = performance.now();
        expect(new Set(await readAll())).toEqual(new Set(['loaded value']));
        if (rounds > 0) expect(performance.now() - startedAtMs).toBeLessThan(900);
      }
      // Nor for long once it may be stored.
      origin.fields = { 'cache-control': 'max-age=60' };
      await eventually(async () => expect(new Set(await readAll())).toEqual(new Set(['hit value'])));
    } finally {
      await Promise.all(instances.map(async (instance) => instance[Symbol.asyncDispose]()));
    }
  });

  it('an instance whose loads are all slow neither keeps others from loading nor forgets what is known', async () => {
    await using busy = await startCacheInstance(stack, origin);
    await using idle = await startCacheInstance(stack, origin);
    expect(told(await read(busy, `${name}-none`))).toBe('miss');
    const slow = Array.from({ length: 32 }, (_, index) => `${name}-slow-${index}`);
    for (const one of slow) {
      origin.set(one, one);
      origin.delaysMs.set(one, 2500);
    }
    origin.set(name, 'quick');
    origin.loads.length = 0;
    const slowReads = slow.map(async (one) => read(busy, one));
    await eventually(() => expect(origin.loads).toHaveLength(32));
    const waiting = read(busy);
    expect(await read(busy, `${name}-none`)).toEqual({ kind: 'miss', origin: 'remembered' });
    await sleep(100);
    expect(told(await read(idle))).toBe('loaded quick');
    expect(told(await waiting)).toBe('loaded quick');
    expect(new Set((await Promise.all(slowReads)).map(told))).toEqual(new Set(['origin-pending']));
    await eventually(async () => expect(told(await read(busy, slow[31]))).toBe(`hit ${slow[31]}`));
  });

  it('32 keys that take very long keep no other miss from being answered', async () => {
    await using instance = await startCacheInstance(stack, origin);
    const slow = Array.from({ length: 32 }, (_, index) => `${name}-slow-${index}`);
    for (const one of slow) {
      origin.set(one, one);
      origin.delaysMs.set(one, 10_000);
    }
    const slowReads = slow.map(async (one) => read(instance, one));
    await eventually(() => expect(origin.loads).toHaveLength(32));
    const quick = Array.from({ length: 40 }, (_, index) => `${name}-quick-${index}`);
    for (const one of quick) origin.set(one, one);
    const readQuick = async (some: readonly string[]): Promise<void> => {
      const results = await Promise.all(some.map(async (one) => read(instance, one)));
      expect(results.map(told)).toEqual(some.map((one) => `loaded ${one}`));
    };
    await readQuick(quick.slice(0, 4));
    await readQuick(quick.slice(4, 20));
    expect(new Set((await Promise.all(slowReads)).map(told))).toEqual(new Set(['origin-pending']));

    // More than there are places: once their requests have left they give way, which is no failure of the origin.
    const more = Array.from({ length: 64 }, (_, index) => `${name}-more-${index}`);
    for (const one of more) {
      origin.set(one, one);
      origin.delaysMs.set(one, 10_000);
    }
    await Promise.all(more.map(async (one) => read(instance, one)));
    await readQuick(quick.slice(20));
    expect(instance.events.filter(({ type }) => type === 'originFailing')).toEqual([]);
  });

  it('does not believe a lock, nor what is remembered, that cannot be its own', async () => {
    await using instance = await startCacheInstance(stack, origin);
    const { lock, mark } = lockKeys('ref', { kind: 'load', name });
    const forgeries: readonly (readonly string[])[] = [
      ['SET', lock, 'x'],
      ['SET', lock, 'x', 'PX', '60000'],
      ['RPUSH', lock, 'x'],
      ['SET', mark, 'none'],
      ['SET', mark, 'none', 'PX', `${2 * 24 * 3600 * 1000}`],
      ['SET', mark, 'held', 'PX', '1000'],
      ['RPUSH', mark, 'none'],
    ];
    origin.set(name, 'value');
    for (const command of forgeries) {
      await stack.redis.admin('DEL', name);
      await eventually(async () => expect(await stack.redis.admin('EXISTS', lock)).toBe(0));
      await stack.redis.admin('DEL', mark);
      await stack.redis.admin(...command);
      expect(await read(instance)).toMatchObject({ kind: 'loaded', forwarded: { stored: true } });
    }
    // What could be another instance's is waited for.
    await stack.redis.admin('DEL', name);
    await stack.redis.admin('SET', lock, 'x', 'PX', '3000');
    expect(told(await read(instance, name, 500))).toBe('origin-pending');
  });

  it('a value that begins as an entry and is none is a miss: loaded anew, and told by an event', async () => {
    await using instance = await startCacheInstance(stack, origin);
    await using bare = await startCacheInstance(stack, undefined);
    origin.set(name, 'value');
    const valid = encodeEntry(newEntry(Buffer.from('poison'), 'text/html', 1, 1)).toString('latin1');
    const poisoned = [
      valid.replace('text/html', 'text/\r\ntml'),
      valid.replace('ttl=1000', 'ttl=-100'),
      valid.slice(0, 30),
      valid.replace('\u0003', '\u0001'),
    ].map((text) => Buffer.from(text, 'latin1'));
    for (const value of poisoned) {
      await stack.redis.admin('SET', name, value);
      expect(told(await read(bare))).toBe('miss');
      expect(told(await read(instance))).toBe('loaded value');
      expect(told(await read(instance))).toBe('hit value');
      // Several at once, and what is told of it.
      await stack.redis.admin('SET', name, value);
      const [many] = await bare.cache.readMany([entryKey(name)], Date.now() + 1800);
      expect(many?.kind).toBe('miss');
    }
    const events = bare.events.filter(({ type }) => type === 'entryInvalid');
    expect(events).toHaveLength(2 * poisoned.length);
    expect(JSON.stringify(events)).not.toMatch(/poison|key-/u);
  });

  it('a weak tag fulfils no If-Match, and is found by If-None-Match', async () => {
    await using instance = await startCacheInstance(stack, origin);
    origin.set(name, 'value');
    origin.fields = { etag: 'W/"w"' };
    await read(instance);
    const entry = newEntry(Buffer.from('mine'), 'text/plain', Date.now(), 60);
    const write = async (condition: WriteCondition): Promise<string> =>
      (await instance.tier.write(name, entry, condition, Date.now() + 1800)).kind;
    expect(await write({ kind: 'match', etags: ['w'] })).toBe('precondition-failed');
    expect(await write({ kind: 'none-match', etags: ['w'] })).toBe('precondition-failed');
    expect(await write({ kind: 'match', etags: ['*'] })).toBe('replaced');
    expect(await write({ kind: 'match', etags: [entry.etag] })).toBe('replaced');
  });

  it('conditions take a value that is no entry for absent', async () => {
    await using instance = await startCacheInstance(stack, undefined);
    const { tier } = instance;
    const entry = newEntry(Buffer.from('mine'), 'text/plain', Date.now(), 60);
    const invalid = encodeEntry(entry).fill('?', 30, 40);
    const write = async (condition: WriteCondition): Promise<string> => {
      await stack.redis.admin('SET', name, invalid);
      return (await tier.write(name, entry, condition, Date.now() + 1800)).kind;
    };
    expect(await write({ kind: 'match', etags: [entry.etag] })).toBe('precondition-failed');
    expect(await write({ kind: 'match', etags: ['*'] })).toBe('precondition-failed');
    expect(await write({ kind: 'none-match', etags: ['*'] })).toBe('created');
    expect(await write({ kind: 'none', etags: [] })).toBe('created');
    await stack.redis.admin('SET', name, invalid);
    expect(await remove(instance)).toEqual({ kind: 'absent' });
    expect(await stack.redis.admin('EXISTS', name)).toBe(0);
  });

  it('fills a miss though Redis takes a fifth of the budget for each command', async () => {
    await using instance = await startCacheInstance(stack, origin);
    origin.set(name, 'value');
    const run = instance.redis.run.bind(instance.redis);
    const { redis } = instance;
    redis.run = async (work, options) =>
      run(async (client) => {
        const reply = await work(client);
        await sleep(400);
        return reply;
      }, options);
    await read(instance);
    await eventually(async () => expect(told(await read(instance))).toBe('hit value'));
    expect(origin.loads.length).toBeLessThanOrEqual(2);
  });

  it('what is being loaded when the instance stops is no failure of the origin', async () => {
    await using instance = await startCacheInstance(stack, origin);
    origin.set(name, 'value');
    origin.delayMs = 5000;
    const reading = read(instance);
    await eventually(() => expect(origin.loads).toHaveLength(1));
    await instance.cache.stop();
    expect(told(await reading)).toBe('origin-pending');
    expect(instance.events.filter(({ type }) => type === 'originFailing')).toEqual([]);
  });

  it('asks the origin in time when Redis falls silent before the lock', async () => {
    await using instance = await startCacheInstance(stack, origin);
    origin.set(name, 'value');
    const look = instance.tier.read.bind(instance.tier);
    instance.tier.read = async (...question) => {
      const result = await look(...question);
      stack.front.setBehaviour('stall');
      return result;
    };
    try {
      const startedAtMs = performance.now();
      expect(await read(instance)).toMatchObject({
        kind: 'loaded',
        forwarded: { why: 'miss', stored: false },
      });
      expect(performance.now() - startedAtMs).toBeLessThan(1000);
    } finally {
      instance.tier.read = look;
      stack.front.setBehaviour('normal');
    }
    // Nor is a lock left behind that Redis gave when nobody waited for it any more.
    expect(await read(instance)).toMatchObject({ kind: 'loaded', forwarded: { stored: true } });
  });

  it('gives the lock back when a bug ends the load', async () => {
    await using instance = await startCacheInstance(stack, origin);
    origin.set(name, 'value');
    vi.spyOn(instance.tier, 'read')
      .mockResolvedValueOnce({ kind: 'miss' })
      .mockRejectedValueOnce(new TypeError('a bug'));
    await expect(read(instance)).rejects.toThrow('a bug');
    expect(told(await read(instance))).toBe('loaded value');
  });

  it('does not keep an answer back when Redis falls silent before it is stored, and stores it later', async () => {
    await using instance = await startCacheInstance(stack, origin);
    origin.set(name, 'value');
    origin.delayMs = 200;
    const reading = read(instance);
    await eventually(() => expect(origin.loads).toHaveLength(1));
    stack.front.setBehaviour('stall');
    try {
      const startedAtMs = performance.now();
      expect(await reading).toMatchObject({ kind: 'loaded', forwarded: { stored: false } });
      expect(performance.now() - startedAtMs).toBeLessThan(1000);
    } finally {
      stack.front.setBehaviour('normal');
    }
    await eventually(async () => expect(told(await read(instance))).toBe('hit value'));
    expect(origin.loads).toHaveLength(1);
  });

  it('counts a key that was asked for once, however often it is looked for while it is loaded', async () => {
    await using first = await startCacheInstance(stack, origin);
    await using second = await startCacheInstance(stack, origin);
    origin.set(name, 'value');
    origin.delayMs = 300;
    await Promise.all([read(first), read(second)]);
    await second.cache.readMany([entryKey(name), entryKey(`${name}-none`)], Date.now() + 1800);
    expect([first.cache.readCount, second.cache.readCount]).toEqual([1, 3]);
  });

  it('reads many keys at once, each with an answer of its own', async () => {
    await using instance = await startCacheInstance(stack, origin);
    origin.set(`${name}/a`, 'a');
    origin.set(`${name}/b`, 'b');
    await read(instance, `${name}/a`);
    await stack.redis.admin('RPUSH', `${name}/list`, 'x');
    const keys = ['a', 'b', 'none', 'list'].map((part) => entryKey(`${name}/${part}`));
    const results = await instance.cache.readMany(keys, Date.now() + 1800);
    expect(results.map(told)).toEqual(['hit a', 'loaded b', 'miss', 'wrong-type']);
  });

  it('another instance takes over within seconds when the one that loads is gone', async () => {
    const dead = await startCacheInstance(stack, origin);
    await using instance = await startCacheInstance(stack, origin);
    origin.set(name, 'value');
    origin.delayMs = 600_000;
    void read(dead).catch(() => {});
    await eventually(() => expect(origin.loads).toHaveLength(1));
    // As a killed process: its lock is neither extended nor released.
    await dead.redis.close();
    dead.keeper.stop();
    origin.delayMs = 0;
    // `hit` where the load has ended between two reads: it is nobody's.
    const value = /^(?:loaded|hit) value$/u;
    await eventually(async () => expect(told(await read(instance, name, 500))).toMatch(value), 6000);
  });
}
