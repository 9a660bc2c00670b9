import { beforeEach, describe, expect, it } from 'vitest';
import type { LockAttempt } from '../../../src/cache/locks.ts';
import type { Refreshed, RefreshRequest } from '../../../src/cache/refresher.ts';
import { ByteBudget } from '../../../src/util/byte-budget.ts';
import { delay } from '../../../src/util/clock.ts';
import { AppError } from '../../../src/util/errors.ts';
import type { WarmupReport } from '../../../src/warmup/report.ts';
import { Warmup } from '../../../src/warmup/warmup.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { ScriptedCache, ScriptedCheckpoint, ScriptedWarmSet } from '../../support/scripted-warmup.ts';

const names = [['a0', 'a1'], ['b0', 'b1'], ['c0'], ['d0']];

let clock: FakeClock;
let cache: ScriptedCache;
let warmSet: ScriptedWarmSet;
let checkpoint: ScriptedCheckpoint;
let warmup: Warmup;
/** Locks taken and given back. */
let locking: string[];
let attempt: () => LockAttempt;

beforeEach(() => {
  clock = new FakeClock();
  cache = new ScriptedCache();
  warmSet = new ScriptedWarmSet(clock, names);
  checkpoint = new ScriptedCheckpoint();
  locking = [];
  attempt = () => ({
    kind: 'acquired',
    lock: { guard: undefined, release: () => void locking.push('released') },
  });
  warmup = new Warmup({
    cache,
    warmSet,
    checkpoint,
    locks: {
      async acquire({ kind, name }) {
        locking.push(`${kind} ${name}`);
        return attempt();
      },
    },
    budget: new ByteBudget(2 ** 30),
    maxValueBytes: 100,
    clock,
    random: () => 0,
  });
});

/** A run to its end, with what is done meanwhile at its time. */
async function run(
  during: readonly (readonly [number, () => unknown])[] = [],
  { limitMs = 60_000, endsInMs = 90_000 } = {},
): Promise<WarmupReport> {
  for (const [atMs, task] of during) clock.after(atMs, () => void task());
  const nowMs = clock.nowMs();
  const limits = { nextRunAtMs: nowMs, deadlineAtMs: nowMs + limitMs, endsAtMs: nowMs + endsInMs };
  const running = warmup.run(limits);
  await clock.advance(120_000);
  const outcome = await running;
  expect(locking).toEqual(['warmup scope', 'released']);
  expect(clock.pendingTimers).toBe(0);
  locking.length = 0;
  return outcome.kind === 'ended' ? outcome.report : expect.unreachable();
}

/** Loads take so long, or until they are aborted. */
function loadsTake(ms: number, result: Refreshed = { kind: 'loaded', bytes: 1 }): void {
  cache.onRefresh = async (_name, { signal }: RefreshRequest) => {
    const aborted = new Promise<Refreshed>((resolve) => {
      signal.addEventListener('abort', () => resolve({ kind: 'aborted' }), { once: true });
    });
    return Promise.race([delay(clock, ms).then(() => result), aborted]);
  };
}

describe('a run', () => {
  it('works on page after page, notes where each next one begins, and at the end nothing', async () => {
    const report = await run();
    expect(cache.names).toEqual(names.flat());
    expect(report).toMatchObject({ listed: 6, loaded: 6, bytes: 6, failed: {}, complete: true });
    expect(checkpoint.written).toEqual(['1', '2', '3', undefined]);
  });

  it('of an empty warm set is complete', async () => {
    warmSet.names = [];
    expect(await run()).toMatchObject({ listed: 0, complete: true });
  });

  it('lists one page ahead, and no more', async () => {
    loadsTake(1000);
    const ahead: number[] = [];
    const count = (): void => void ahead.push(warmSet.asked.length);
    await run([500, 1500, 2500, 3500].map((atMs) => [atMs, count] as const));
    expect(ahead).toEqual([2, 3, 4, 4]);
  });

  it('is left to another instance that has the lock', async () => {
    attempt = () => ({ kind: 'held' });
    const limits = { nextRunAtMs: 0, deadlineAtMs: Infinity, endsAtMs: Infinity };
    expect(await warmup.run(limits)).toEqual({ kind: 'held' });
    expect(warmSet.asked).toEqual([]);
  });

  it('says how long it took', async () => {
    loadsTake(1234);
    expect((await run()).seconds).toBe(4.9);
  });
});

describe('a checkpoint', () => {
  it('is where the next run begins, and it comes back to that place', async () => {
    checkpoint.token = '2';
    expect(await run()).toMatchObject({ listed: 6, complete: true });
    expect(cache.names).toEqual(['c0', 'd0', 'a0', 'a1', 'b0', 'b1']);
    expect(checkpoint.written).toEqual(['3', undefined, '1', undefined]);
  });

  it('that the listing does not come to again makes the run go on to the end, and nothing is missed', async () => {
    checkpoint.token = '2';
    cache.onRefresh = (name) => {
      // Two larger pages from now on: none begins at the token 2.
      if (name === 'd0')
        warmSet.names = [
          ['a0', 'a1', 'b0'],
          ['b1', 'c0', 'd0'],
        ];
      return { kind: 'loaded', bytes: 1 };
    };
    expect(await run()).toMatchObject({ complete: true });
    expect(new Set(cache.names)).toEqual(new Set(names.flat()));
  });

  it('is noted again where the run has to stop after it came round the end', async () => {
    checkpoint.token = '3';
    loadsTake(1000);
    expect(await run([], { limitMs: 2500 })).toMatchObject({ complete: false, loaded: 5 });
    expect(cache.names).toEqual(['d0', 'a0', 'a1', 'b0', 'b1']);
    expect(checkpoint.token).toBe('1');
  });

  it('that the origin does not know any more lets the run begin anew', async () => {
    checkpoint.token = '2';
    warmSet.knowsTokens = false;
    expect(await run()).toMatchObject({ complete: true, listed: 6, failed: { 'listing-failed': 1 } });
    expect(cache.names).toEqual(names.flat());
  });

  it('that was passed does not let the run begin anew', async () => {
    checkpoint.token = '1';
    warmSet.failing.add(2);
    expect(await run()).toMatchObject({ complete: false, listed: 2, failed: { 'listing-failed': 1 } });
    expect(warmSet.asked).toEqual([1, 2]);
    expect(checkpoint.token).toBe('2');
  });

  it('that was lost lets the run begin at the start', async () => {
    loadsTake(1000);
    await run([], { limitMs: 1500 });
    expect(checkpoint.token).toBe('1');
    checkpoint.token = undefined;
    cache.refreshed.length = 0;
    expect(await run()).toMatchObject({ complete: true });
    expect(cache.names).toEqual(names.flat());
  });
});

describe('a run that has to stop', () => {
  it('at its deadline begins no load any more, and finishes those under way', async () => {
    loadsTake(1000);
    expect(await run([], { limitMs: 1500 })).toMatchObject({ complete: false, loaded: 4, failed: {} });
    expect(cache.names).toEqual(['a0', 'a1', 'b0', 'b1']);
    // The page it stopped in comes again.
    expect(checkpoint.token).toBe('1');
  });

  it('on its first page lets the next one begin after that page', async () => {
    loadsTake(1000);
    expect(await run([], { limitMs: 500 })).toMatchObject({ complete: false, loaded: 2 });
    expect(checkpoint.token).toBe('1');
    await run([], { limitMs: 500 });
    expect(checkpoint.token).toBe('2');
  });

  it('on a page that is the first and the last lets the next one begin at the start', async () => {
    checkpoint.token = '3';
    loadsTake(1000);
    expect(await run([], { limitMs: 500 })).toMatchObject({ complete: false, loaded: 1 });
    expect(checkpoint.token).toBeUndefined();
  });

  it('at its end gives up what is under way, which is no failure', async () => {
    loadsTake(80_000);
    const report = await run([], { limitMs: 500, endsInMs: 1000 });
    expect(report).toMatchObject({ complete: false, loaded: 0, failed: {}, seconds: 1 });
  });

  it('because the process stops gives up what is under way, and the next one begins with this page', async () => {
    loadsTake(80_000);
    const report = await run([[300, () => warmup.stop()]]);
    expect(report).toMatchObject({ complete: false, loaded: 0, failed: {}, seconds: 0.3 });
    expect(checkpoint.written).toEqual([]);
    expect(await run()).toMatchObject({ complete: false, listed: 0, failed: {} });
  });

  it.each([undefined, '2'])('while pages are listed (from %s) is no failure of the origin', async (token) => {
    checkpoint.token = token;
    warmSet.delayMs = 80_000;
    const report = await run([[300, () => warmup.stop()]]);
    expect(report).toMatchObject({ complete: false, listed: 0, failed: {} });
    expect(checkpoint.token).toBe(token);
    expect(warmSet.asked).toHaveLength(1);
  });
});

describe('an origin that is away', () => {
  it('fails the listing, and the next run begins at that page', async () => {
    warmSet.failing.add(2);
    expect(await run()).toMatchObject({ complete: false, loaded: 4, failed: { 'listing-failed': 1 } });
    expect(checkpoint.token).toBe('2');
  });

  it('with a part of the warm set that cannot be listed keeps nobody from the others', async () => {
    const missing = { candidates: [], continuationToken: '3', isPartMissing: true };
    warmSet.instead.set(2, missing);
    expect(await run()).toMatchObject({ complete: false, loaded: 5, failed: { 'listing-failed': 1 } });
    expect(checkpoint.token).toBeUndefined();
    warmSet.instead.clear();
    expect(await run()).toMatchObject({ complete: true, loaded: 6 });
  });

  it('ends the run when 100 loads in a row were not answered', async () => {
    warmSet.names = [Array.from({ length: 200 }, (_, index) => `a${index}`), ['b0']];
    loadsTake(10, { kind: 'failed', cause: 'origin-failed' });
    const report = await run();
    expect(report.complete).toBe(false);
    // What was under way with the hundredth is counted as well.
    expect(report.failed['origin-failed']).toBeGreaterThanOrEqual(100);
    expect(report.failed['origin-failed']).toBeLessThan(132);
    expect(checkpoint.token).toBe('1');
  });

  it('is not away where one of 100 is answered', async () => {
    warmSet.names = [Array.from({ length: 500 }, (_, index) => `a${index}`)];
    cache.onRefresh = (name) =>
      name.endsWith('50')
        ? { kind: 'failed', cause: 'not-found' }
        : { kind: 'failed', cause: 'origin-failed' };
    expect(await run()).toMatchObject({
      complete: true,
      failed: { 'origin-failed': 495, 'not-found': 5 },
    });
  });
});

describe('a Redis that is away', () => {
  const unavailable = { code: 'redis-unavailable' };
  const limits = { nextRunAtMs: 0, deadlineAtMs: Infinity, endsAtMs: Infinity };

  it('from the start is an error, and nothing is done', async () => {
    checkpoint.isAway = true;
    await expect(warmup.run({ ...limits, endsAtMs: clock.nowMs() + 1000 })).rejects.toMatchObject(
      unavailable,
    );
    expect(locking).toEqual(['warmup scope', 'released']);
    attempt = () => {
      throw new AppError('redis-unavailable', 'away');
    };
    await expect(warmup.run(limits)).rejects.toMatchObject(unavailable);
    expect(warmSet.asked).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('when heads are read ends the run', async () => {
    cache.isAway = true;
    checkpoint.token = '1';
    const report = await run();
    expect(report).toMatchObject({ complete: false, listed: 2, loaded: 0 });
    expect(Object.keys(report.failed)).toEqual(['cache-unavailable']);
    expect(warmSet.asked).toEqual([1, 2]);
  });

  it('when an entry is stored ends the run', async () => {
    cache.onRefresh = (name) =>
      name === 'b0' ? { kind: 'failed', cause: 'cache-unavailable' } : { kind: 'loaded', bytes: 1 };
    const report = await run();
    expect(report).toMatchObject({ complete: false, failed: { 'cache-unavailable': 1 } });
    expect(checkpoint.token).toBe('1');
  });

  it('when the checkpoint is noted ends the run', async () => {
    cache.onRefresh = () => {
      checkpoint.isAway = true;
      return { kind: 'loaded', bytes: 1 };
    };
    const report = await run();
    expect(report).toMatchObject({ complete: false, loaded: 2, failed: { 'cache-unavailable': 1 } });
  });
});

it('hides no bug, and gives the lock back', async () => {
  warmSet.pages = () => {
    throw new TypeError('a bug');
  };
  const nowMs = clock.nowMs();
  const limits = { nextRunAtMs: nowMs, deadlineAtMs: nowMs + 1000, endsAtMs: nowMs + 2000 };
  await expect(warmup.run(limits)).rejects.toThrow('a bug');
  expect(locking).toEqual(['warmup scope', 'released']);
});
