import { beforeEach, describe, expect, it } from 'vitest';
import { ByteBudget } from '../../../src/util/byte-budget.ts';
import { delay } from '../../../src/util/clock.ts';
import { PageWarmer } from '../../../src/warmup/page.ts';
import { Run } from '../../../src/warmup/run.ts';
import type { Candidate } from '../../../src/warmup/warm-set.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { loadedHead, ScriptedCache } from '../../support/scripted-warmup.ts';

const etag = '"listed"';

let clock: FakeClock;
let cache: ScriptedCache;
let run: Run;
let random: number;

beforeEach(() => {
  clock = new FakeClock();
  cache = new ScriptedCache();
  const nowMs = clock.nowMs();
  const limits = { nextRunAtMs: nowMs + 300_000, deadlineAtMs: nowMs + 60_000, endsAtMs: nowMs + 90_000 };
  run = new Run(limits, new AbortController().signal, clock);
  random = 0;
});

const listed = (name: string, bytes = 1): Candidate => ({ name, listed: { etag, bytes } });
const many = (count: number, bytes = 1): Candidate[] =>
  Array.from({ length: count }, (_, index) => listed(`k${index}`, bytes));

async function warm(candidates: readonly Candidate[], maxValueBytes = 100): Promise<void> {
  const budget = new ByteBudget(2 ** 30);
  const warmer = new PageWarmer({ cache, maxValueBytes, budget, clock, random: () => random });
  const warming = warmer.warm(candidates, run);
  await clock.advance(50_000);
  await warming;
  expect(budget.usedBytes).toBe(0);
}

it('counts what becomes of each entry', async () => {
  const storedAtMs = clock.wallMs();
  const head = (ttlSeconds: number) => loadedHead(storedAtMs, { etag }, { ttlSeconds });
  cache.heads.set('current', { kind: 'hit', head: head(1000) });
  cache.heads.set('extended', { kind: 'hit', head: head(100) });
  cache.heads.set('foreign', { kind: 'hit', head: undefined });
  cache.heads.set('list', { kind: 'wrong-type' });
  cache.onRefresh = (name) => {
    if (name === 'gone') return { kind: 'failed', cause: 'not-found' };
    if (name === 'grown') return { kind: 'failed', cause: 'value-too-large' };
    if (name === 'written') return { kind: 'superseded' };
    if (name === 'cut') return { kind: 'aborted' };
    return { kind: 'loaded', bytes: 7 };
  };
  const names = [
    'current',
    'extended',
    'foreign',
    'list',
    'absent',
    'gone',
    'grown',
    'written',
    'cut',
    'a\u0007',
  ];
  await warm([...names.map((name) => listed(name)), listed('huge', 101)]);
  expect(run.report(true)).toEqual({
    listed: 11,
    current: 1,
    renewed: 1,
    loaded: 1,
    bytes: 7,
    kept: 2,
    failed: { 'invalid-key': 1, 'wrong-type': 1, 'not-found': 1, 'value-too-large': 2 },
    tooLarge: ['grown', 'huge'],
    seconds: 50,
    complete: true,
  });
  expect(cache.extended).toEqual(['extended']);
});

it('names 20 of those that are too large', async () => {
  await warm(many(30, 101));
  expect(run.report(true).tooLarge).toHaveLength(20);
  expect(run.report(true).failed).toEqual({ 'value-too-large': 30 });
});

describe('an entry to refresh', () => {
  it('is known to have changed where a listing has named it', async () => {
    const head = loadedHead(clock.wallMs(), { etag: '"old"' });
    cache.heads.set('named', { kind: 'hit', head });
    cache.heads.set('listed', { kind: 'hit', head });
    await warm([listed('listed'), { name: 'named', listed: undefined }]);
    expect(cache.refreshed).toMatchObject([
      { name: 'listed', request: { held: head, isChanged: true, isFresh: false, signal: run.signal } },
      { name: 'named', request: { held: head, isChanged: false, isFresh: false } },
    ]);
  });
});

it('begins at another entry each time', async () => {
  random = 0.5;
  await warm(many(4));
  expect(cache.names).toEqual(['k2', 'k3', 'k0', 'k1']);
});

it('reads 250 heads at a time, and loads 32 entries at a time', async () => {
  let [now, peak] = [0, 0];
  cache.onRefresh = async () => {
    peak = Math.max(peak, (now += 1));
    await delay(clock, 10);
    now -= 1;
    return { kind: 'loaded', bytes: 1 };
  };
  await warm(many(600));
  expect(cache.headReads).toEqual([250, 250, 100]);
  expect(peak).toBe(32);
  expect(run.counts.loaded).toBe(600);
});

it('has no more than 16 MiB of bodies under way; those whose size nobody knows count as the largest', async () => {
  const mebibyte = 2 ** 20;
  let [now, peak] = [0, 0];
  cache.onRefresh = async () => {
    peak = Math.max(peak, (now += 1));
    await delay(clock, 10);
    now -= 1;
    return { kind: 'loaded', bytes: 1 };
  };
  await warm(
    Array.from({ length: 100 }, (_, index) => ({ name: `k${index}`, listed: undefined })),
    mebibyte,
  );
  expect(peak).toBe(16);
  expect(run.counts.loaded).toBe(100);
});

it('begins no entry once the run may not continue, and reads no more heads', async () => {
  cache.onRefresh = async () => {
    await delay(clock, 30_000);
    return { kind: 'loaded', bytes: 1 };
  };
  clock.freeze(40_000);
  await warm(many(600));
  // The deadline passed with the first ones; the others waited for a worker.
  expect(cache.refreshed).toHaveLength(32);
  expect(cache.headReads).toEqual([250]);
  expect(run.counts.loaded).toBe(32);
  await warm(many(1));
  expect(cache.headReads).toEqual([250]);
});

it('extends no entry either once the run may not continue', async () => {
  const head = loadedHead(clock.wallMs(), { etag });
  for (const { name } of many(100)) cache.heads.set(name, { kind: 'hit', head });
  cache.extend = async () => {
    clock.freeze(60_000);
    return { kind: 'renewed' };
  };
  await warm(many(100));
  // Those that workers had taken before.
  expect(run.counts.renewed).toBeLessThanOrEqual(33);
});
