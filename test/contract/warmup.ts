// The warmup on a real Redis: instances in one process, an origin that counts what it is asked.

import { InvocationContext, type Timer } from '@azure/functions';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { AppError } from '../../src/util/errors.ts';
import { startStack, type AnyStack } from '../../local/stack.ts';
import type { CacheKind } from '../support/caches.ts';
import { lockKeys } from '../../src/cache/lock-keys.ts';
import { systemClock } from '../../src/util/clock.ts';
import { scheduledWarmup } from '../../src/functions/scheduled-warmup.ts';
import { withHoldOff } from '../../src/origin/hold-off.ts';
import type { WarmupReport } from '../../src/warmup/report.ts';
import { entryKey, startCacheInstance, type CacheInstance } from '../support/cache-instance.ts';
import { eventually, sleep } from '../support/eventually.ts';
import { ScriptedOrigin } from '../support/scripted-origin.ts';
import { adoptStack } from '../support/shared-client.ts';

let stack: AnyStack;
let origin: ScriptedOrigin;

const start = (settings: Readonly<Record<string, string>> = {}): Promise<CacheInstance> =>
  startCacheInstance(stack, origin, { CACHE_DEFAULT_TTL_SECONDS: '3600', ...settings });

interface RunOptions {
  readonly limitMs?: number;
  readonly endsInMs?: number;
  readonly nextRunInMs?: number;
}

/** One run to its end; fails where another instance was at it. */
async function run(instance: CacheInstance, options: RunOptions = {}): Promise<WarmupReport> {
  const { limitMs = 60_000, endsInMs = 90_000, nextRunInMs = 300_000 } = options;
  const nowMs = Date.now();
  const outcome = await instance.warmup?.run({
    nextRunAtMs: nowMs + nextRunInMs,
    deadlineAtMs: nowMs + limitMs,
    endsAtMs: nowMs + endsInMs,
  });
  return outcome?.kind === 'ended' ? outcome.report : expect.unreachable(`the run was ${outcome?.kind}`);
}

function fill(count: number, bytes = 2048): void {
  for (let index = 0; index < count; index += 1) {
    origin.set(`set/${index}`, Buffer.alloc(bytes, `${index} `));
  }
}

async function expectWarm(instance: CacheInstance): Promise<void> {
  const before = origin.loads.length;
  const names = [...origin.entries.keys()];
  for (let at = 0; at < names.length; at += 500) {
    const some = names.slice(at, at + 500);
    const results = await instance.cache.readMany(some.map(entryKey), Date.now() + 10_000);
    for (const [index, name] of some.entries()) {
      expect(results[index]).toMatchObject({ kind: 'hit', stale: false });
      const result = results[index];
      if (result?.kind === 'hit')
        expect(result.entry.body.equals(origin.entries.get(name)?.body ?? Buffer.alloc(0))).toBe(true);
    }
  }
  expect(origin.loads).toHaveLength(before);
}

export function warmupSuite({ cluster }: CacheKind): void {
  beforeAll(async () => {
    stack = await startStack({ storage: false, cluster });
    adoptStack(stack);
  });
  afterAll(async () => stack?.stop());
  beforeEach(async () => {
    origin = new ScriptedOrigin();
    await stack.redis.admin('FLUSHALL');
  });

  it('loads 2,000 entries, each byte-identical; the next run moves no body, and only what has changed is loaded', async () => {
    await using instance = await start();
    fill(2000);
    expect(await run(instance)).toMatchObject({
      listed: 2000,
      loaded: 2000,
      bytes: 2000 * 2048,
      current: 0,
      failed: {},
      complete: true,
    });
    await expectWarm(instance);

    expect(await run(instance)).toMatchObject({
      listed: 2000,
      current: 2000,
      loaded: 0,
      renewed: 0,
      bytes: 0,
    });
    for (let index = 0; index < 10; index += 1) origin.set(`set/${index * 100}`, `changed ${index}`);
    origin.loads.length = 0;
    expect(await run(instance)).toMatchObject({ current: 1990, loaded: 10 });
    expect(origin.loads).toHaveLength(10);
    await expectWarm(instance);
  });

  it('renews what would not stay fresh until the next run without asking for it again', async () => {
    await using instance = await start({ CACHE_DEFAULT_TTL_SECONDS: '100' });
    fill(300);
    await run(instance);
    origin.loads.length = 0;
    await stack.redis.admin('PEXPIRE', 'set/7', '5000');
    expect(await run(instance)).toMatchObject({ renewed: 300, loaded: 0, current: 0 });
    expect(origin.loads).toEqual([]);
    expect(Number(await stack.redis.admin('PTTL', 'set/7'))).toBeGreaterThan(100_000);
    await expectWarm(instance);
  });

  it('takes the next run from the schedule: what the host calls next is the tick that is being run', async () => {
    await using instance = await start({ CACHE_DEFAULT_TTL_SECONDS: '100' });
    fill(3);
    const lines: string[] = [];
    const context = new InvocationContext({
      functionName: 'scheduledWarmup',
      logHandler: (_level, message) => void lines.push(String(message)),
    });
    const handler = scheduledWarmup({
      warmup: instance.warmup,
      clock: systemClock,
      schedule: '0 0 0 1 1 *',
      invocationLimitMs: 300_000,
      loadLimitMs: 30_000,
    });
    const now = new Date().toISOString();
    const timer: Timer = {
      isPastDue: false,
      schedule: { adjustForDST: true },
      scheduleStatus: { last: now, next: now, lastUpdated: now },
    };
    await handler(timer, context);
    await handler(timer, context);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain('"loaded":3');
    expect(lines[1]).toContain('"renewed":3');
  });

  it('one bad entry stops nothing: too large, not a key, of another type, gone, written by a client', async () => {
    await using instance = await start({ CACHE_MAX_VALUE_BYTES: '4096' });
    fill(50);
    origin.set('set/huge', Buffer.alloc(5000));
    origin.set('set/\u0007bell', 'x');
    origin.set('set/list', 'x');
    origin.set('set/theirs', 'x');
    await stack.redis.admin('RPUSH', 'set/list', 'x');
    await stack.redis.admin('SET', 'set/theirs', 'theirs');
    const report = await run(instance);
    expect(report).toMatchObject({
      listed: 54,
      loaded: 50,
      kept: 1,
      failed: { 'value-too-large': 1, 'invalid-key': 1, 'wrong-type': 1 },
      tooLarge: ['set/huge'],
      complete: true,
    });
    expect(await stack.redis.admin('GET', 'set/theirs')).toBe('theirs');
  });

  it('a fault of single entries has a cause of its own and ends no run, however many there are', async () => {
    await using instance = await start();
    fill(143, 8);
    origin.pageSize = 20;
    const load = origin.load.bind(origin);
    origin.load = async (name, options) => {
      const answer = await load(name, options);
      const index = Number(name.split('/')[1]);
      if (index >= 140) return answer;
      if (index < 120) {
        const isOfOneEntry = true;
        throw new AppError('origin-failed', 'It sent a body that is no whole gzip data.', { isOfOneEntry });
      }
      return {
        kind: 'answered',
        status: 403,
        body: Buffer.from('No.'),
        codings: [],
        fields: {},
        restrictions: [],
      };
    };
    const report = await run(instance);
    expect(report).toMatchObject({ complete: true, loaded: 3, listed: 143 });
    expect(report.failed).toEqual({ unusable: 120, 'answered-403': 20 });
    expect(instance.events.filter(({ type }) => type === 'originFailing')).toEqual([]);
    expect(await run(instance)).toMatchObject({ complete: true, current: 3 });
  });

  it('leaves alone what asked for that: an entry by 429, the origin by failing, for the next run, too', async () => {
    await using instance = await startCacheInstance(stack, withHoldOff(origin, systemClock), {
      WARMUP_KEYS: Array.from({ length: 200 }, (_, index) => `set/${index}`).join(','),
    });
    fill(200, 8);
    origin.fields = { 'retry-after': '60' };
    for (const name of origin.entries.keys()) origin.statuses.set(name, 429);
    for (let runs = 0; runs < 2; runs += 1)
      expect((await run(instance)).failed).toEqual({ 'answered-429': 200 });
    expect(origin.loads).toHaveLength(200);

    origin.loads.length = 0;
    origin.load = async (name) => {
      origin.loads.push({ name, atMs: 0, conditional: false });
      await sleep(5);
      throw new AppError('origin-failed', 'It answered 503.', { retryAfterSeconds: 60 });
    };
    await using other = await startCacheInstance(stack, withHoldOff(origin, systemClock), {
      WARMUP_KEYS: 'set/0,set/1,set/2,set/3',
    });
    for (let runs = 0; runs < 2; runs += 1) expect((await run(other)).failed).toEqual({ 'origin-failed': 4 });
    expect(origin.loads.length).toBeLessThanOrEqual(4);
  });

  it('ends an entry where a 304 says that it may be stored no more', async () => {
    await using instance = await start({ WARMUP_KEYS: 'set/0' });
    fill(1);
    expect(await run(instance)).toMatchObject({ loaded: 1 });
    origin.fields = { 'cache-control': 'no-store' };
    expect(await run(instance, { nextRunInMs: 7_200_000 })).toMatchObject({
      renewed: 0,
      failed: { 'not-cacheable': 1 },
    });
    expect(await stack.redis.admin('EXISTS', 'set/0')).toBe(0);
    expect(origin.bodiesMoved).toBe(1);
  });

  it('stores what is there now though it was remembered for long that there is none', async () => {
    await using instance = await start({ CACHE_DEFAULT_TTL_SECONDS: '1', CACHE_STALE_SECONDS: '0' });
    origin.fields = { 'cache-control': 'max-age=3600' };
    const read = async (): Promise<string> =>
      (await instance.cache.read(entryKey('set/1'), Date.now() + 1800)).kind;
    expect(await read()).toBe('miss');
    origin.fields = {};
    origin.set('set/1', 'value');
    expect(await read()).toBe('miss');
    await run(instance);
    expect(await read()).toBe('hit');
    await stack.redis.admin('DEL', 'set/1');
    expect(await read()).toBe('loaded');
  });

  it('with five instances one does the work', async () => {
    const instances = await Promise.all([1, 2, 3, 4, 5].map(async () => start()));
    try {
      fill(500);
      origin.delayMs = 20;
      await Promise.all(instances.map(async ({ redis }) => redis.ping(Date.now() + 5000)));
      const nowMs = Date.now();
      const outcomes = await Promise.all(
        instances.map(async ({ warmup }) =>
          warmup?.run({
            nextRunAtMs: nowMs + 300_000,
            deadlineAtMs: nowMs + 60_000,
            endsAtMs: nowMs + 90_000,
          }),
        ),
      );
      expect(outcomes.filter((outcome) => outcome?.kind === 'ended')).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome?.kind === 'held')).toHaveLength(4);
      expect(origin.loads).toHaveLength(500);
    } finally {
      await Promise.all(instances.map(async (instance) => instance[Symbol.asyncDispose]()));
    }
  });

  it('is kept from running by no key that a client can name, and by no lock that is not its own', async () => {
    await using instance = await start();
    fill(3);
    const containerUrl = 'https://localhost/account/container';
    const scope = JSON.stringify([containerUrl, '']);
    const { lock } = lockKeys('ref', { kind: 'warmup', name: scope });
    origin.delayMs = 2000;
    const running = run(instance);
    await eventually(() => expect(origin.loads).toHaveLength(3));
    // Nor does a removal, or the load, of such a key touch its lock.
    for (const name of [`warmup ${scope}`, scope]) {
      origin.delaysMs.set(name, 0);
      await instance.cache.read(entryKey(name), Date.now() + 1800);
      await instance.cache.remove(entryKey(name), { kind: 'none', etags: [] }, Date.now() + 1800);
    }
    expect(await stack.redis.admin('EXISTS', lock)).toBe(1);
    expect(await running).toMatchObject({ complete: true });
    origin.delayMs = 0;
    for (const forgery of [
      ['SET', lock, 'x'],
      ['SET', lock, 'x', 'PX', '600000'],
      ['RPUSH', lock, 'x'],
    ]) {
      await eventually(async () => expect(await stack.redis.admin('EXISTS', lock)).toBe(0));
      await stack.redis.admin(...forgery);
      expect(await run(instance)).toMatchObject({ complete: true });
    }
  });

  it('loads anew what begins as an entry and is none', async () => {
    await using instance = await start();
    fill(3);
    await run(instance);
    const stored = (await stack.redis.adminRaw('GET', 'set/1')) as Buffer;
    await stack.redis.admin('SET', 'set/1', stored.fill('?', 20, 60));
    expect(await run(instance)).toMatchObject({ current: 2, loaded: 1, failed: {} });
    expect(instance.events.filter(({ type }) => type === 'entryInvalid')).toHaveLength(1);
    await expectWarm(instance);
  });

  it('stops at its time limit, and the next run continues there, on another instance, and then does what came before', async () => {
    await using first = await start();
    await using second = await start();
    fill(1000);
    origin.pageSize = 100;
    origin.delayMs = 100;
    const cut = await run(first, { limitMs: 900 });
    expect(cut.complete).toBe(false);
    expect(cut.loaded).toBeGreaterThan(0);
    expect(cut.loaded).toBeLessThan(1000);
    const before = origin.loads.length;
    const rest = await run(second);
    expect(rest.complete).toBe(true);
    expect(cut.loaded + rest.loaded).toBe(1000);
    // It began in the middle: the page it stopped in came first.
    const pageOf = (index: number): number =>
      Math.floor(Number(origin.loads[index]?.name.split('/')[1]) / 100);
    expect(pageOf(before)).toBe(Math.floor(cut.loaded / 100));
    await expectWarm(first);
    expect(await stack.redis.admin('KEYS', 'ref:\u001Fwarmup:*')).toEqual([]);
  });

  it('gives up at its end what still hangs then, and the next run loads it', async () => {
    await using instance = await start();
    fill(50);
    origin.delayMs = 30_000;
    const startedAtMs = Date.now();
    const cut = await run(instance, { limitMs: 200, endsInMs: 400 });
    expect(Date.now() - startedAtMs).toBeLessThan(10_000);
    expect(cut).toMatchObject({ complete: false, loaded: 0, failed: {} });
    origin.delayMs = 0;
    expect(await run(instance)).toMatchObject({ complete: true, loaded: 50 });
  });

  it('killed half-way, the next run completes it as soon as the lock has expired', async () => {
    const killed = await start();
    await using instance = await start();
    fill(1000);
    origin.delayMs = 20;
    origin.pageSize = 100;
    const running = killed.warmup?.run({
      nextRunAtMs: Date.now() + 300_000,
      deadlineAtMs: Date.now() + 60_000,
      endsAtMs: Date.now() + 90_000,
    });
    await eventually(() => expect(origin.loads.length).toBeGreaterThan(300));
    // As a killed process: nothing is released.
    await killed.redis.close();
    killed.keeper.stop();
    expect(await running).toMatchObject({ report: { complete: false } });
    const report = await eventually(async () => run(instance), 6000);
    expect(report).toMatchObject({ complete: true, failed: {} });
    expect(report.loaded).toBeLessThan(800);
    await expectWarm(instance);
  });

  it('ends when the origin or Redis is gone, says so, and the next run goes on', async () => {
    await using instance = await start();
    fill(1000);
    origin.pageSize = 1000;
    origin.failing = true;
    expect(await run(instance)).toMatchObject({ complete: false, failed: { 'listing-failed': 1 } });
    origin.failing = false;
    const load = origin.load.bind(origin);
    origin.load = async (name, options) => {
      if (origin.loads.length === 200) origin.failing = true;
      return load(name, options);
    };
    const broken = await run(instance);
    expect(broken.complete).toBe(false);
    expect(broken.failed['origin-failed']).toBeLessThan(200);
    origin.load = load;
    origin.failing = false;
    origin.delayMs = 20;
    const running = run(instance);
    await eventually(() => expect(origin.loads.length).toBeGreaterThan(400));
    await stack.redis.kill();
    const cut = await running;
    expect(cut).toMatchObject({ complete: false });
    expect(Object.keys(cut.failed)).toEqual(['cache-unavailable']);
    await stack.redis.restart();
    const report = await eventually(async () => run(instance), 6000);
    expect(report).toMatchObject({ loaded: 1000, complete: true, failed: {} });
  });

  it('warms the keys that the settings name, by conditional requests where they are not fresh', async () => {
    await using instance = await start({ WARMUP_KEYS: 'one, two,three', CACHE_DEFAULT_TTL_SECONDS: '100' });
    for (const name of ['one', 'two', 'four']) origin.set(name, name);
    expect(await run(instance)).toMatchObject({ listed: 3, loaded: 2, failed: { 'not-found': 1 } });
    origin.set('two', 'second');
    expect(await run(instance)).toMatchObject({ listed: 3, loaded: 1, renewed: 1 });
    expect(origin.bodiesMoved).toBe(3);
  });

  it('notices that a key which the settings name has changed, although the cached entry is fresh', async () => {
    await using instance = await start({ WARMUP_KEYS: 'one,two,one' });
    for (const name of ['one', 'two']) origin.set(name, name);
    expect(await run(instance)).toMatchObject({ listed: 2, loaded: 2 });
    expect(await run(instance)).toMatchObject({ listed: 2, current: 2, loaded: 0, renewed: 0, bytes: 0 });
    expect(origin.bodiesMoved).toBe(2);
    origin.set('two', 'second');
    expect(await run(instance)).toMatchObject({ listed: 2, current: 1, loaded: 1 });
    await expectWarm(instance);
  });

  it('asks for no key anew that is fresh and that the origin gives no entity tag or date', async () => {
    await using instance = await start({ WARMUP_KEYS: 'one' });
    origin.set('one', 'one');
    origin.validates = false;
    expect(await run(instance)).toMatchObject({ loaded: 1 });
    expect(await run(instance)).toMatchObject({ current: 1, loaded: 0 });
    expect(origin.loads).toHaveLength(1);
  });
}
