// Purges on a single endpoint in trouble: a link that brings nothing any more, Redis restarted or without memory, and as
// many rules as there may be.

import { expect, it } from 'vitest';
import { caches } from '../support/caches.ts';
import { eventually, sleep } from '../support/eventually.ts';
import { publicCaches } from '../support/public-caches.ts';
import { hearing, read, timeoutMs } from '../support/purging.ts';
import { startSlowLink } from '../support/slow-link.ts';
import { startControl } from '../support/timing.ts';

const begin = publicCaches(caches.single);
const nameOf = (key: 'rules' | 'ends'): string => `ref:\u001F{purges}:${key}`;
const expectDone = { kind: 'purged', expected: 2, acknowledged: 2, silent: [] };

it('is over after its wait where an instance hears nothing and cannot know it, and holds there', async () => {
  const world = begin();
  await using link = await startSlowLink(world.stack.front.port);
  const [purger, deaf] = [await world.start(), await world.start({}, link.port)];
  await hearing([purger, deaf]);
  await purger.set('half-open', 'old', { ttlSeconds: 600, tags: ['h'] });
  const seen: { readonly beganAtMs: number; readonly value: unknown }[] = [];
  const over = new AbortController();
  // All the time, so that it goes by what it knows for as long as it may.
  const reading = (async () => {
    while (!over.signal.aborted) {
      const beganAtMs = performance.now();
      const [value] = await read([deaf], 'half-open');
      seen.push({ beganAtMs, value });
      await sleep(5);
    }
  })();
  try {
    await eventually(() => expect(seen.at(-1)?.value).toBe('old'));
    using control = startControl(async () => {});
    link.silenceLast();
    const beganAtMs = performance.now();
    const purged = await purger.purge({ tags: ['h'], mode: 'remove' }, { timeoutMs });
    const doneAtMs = performance.now();
    expect(purged).toMatchObject({ expected: 2, acknowledged: 1, silent: [expect.any(String)] });
    expect(doneAtMs - beganAtMs).toBeGreaterThan(1500);
    await eventually(() => {
      const after = seen.filter((one) => one.beganAtMs > doneAtMs);
      expect(new Set(after.map(({ value }) => value))).toEqual(new Set(['miss']));
      expect(after.length).toBeGreaterThan(10);
    });
    // It was the subscriptions that went silent, and nothing else: it went by what it knew for a while.
    const wentOn = seen.some((one) => one.beganAtMs > beganAtMs && one.value === 'old');
    if (control.longestMs < 500) expect(wentOn).toBe(true);
    await purger.set('half-open', 'new', { ttlSeconds: 600, tags: ['h'] });
    expect(await read([deaf], 'half-open')).toEqual(['new']);
  } finally {
    over.abort();
    await reading;
  }
});

it('is over after its wait where an instance is cut off without a word, and its memory is not served as fresh', async () => {
  const world = begin();
  await using link = await startSlowLink(world.stack.front.port);
  const [purger, cutOff] = [await world.start(), await world.start({}, link.port)];
  await hearing([purger, cutOff]);
  await purger.set('cut-off', 'old', { ttlSeconds: 600, tags: ['c'] });
  const seen: { readonly beganAtMs: number; readonly value: unknown }[] = [];
  const reads: Promise<void>[] = [];
  const readOnce = async (): Promise<void> => {
    const beganAtMs = performance.now();
    const result = await cutOff.get('cut-off', { timeoutMs: 1000 });
    const value = result.kind === 'hit' && !result.stale ? result.value : 'not fresh';
    seen.push({ beganAtMs, value });
  };
  // All the time, without waiting for answers: some of them wait for what is not said any more.
  const over = new AbortController();
  const reading = (async () => {
    while (!over.signal.aborted) {
      reads.push(readOnce());
      await sleep(10);
    }
  })();
  try {
    await sleep(500);
    // Its connection is heard from just now: what is in memory counts as current for 2 s, longer than the purge waits.
    expect(await read([cutOff], 'absent')).toEqual(['miss']);
    link.bytesPerSecond = 0;
    const purged = await purger.purge({ tags: ['c'], mode: 'remove' }, { timeoutMs });
    const doneAtMs = performance.now();
    expect(purged).toMatchObject({ expected: 2, acknowledged: 1, silent: [expect.any(String)] });
    await sleep(1000);
    const since = () => seen.filter(({ beganAtMs }) => beganAtMs > doneAtMs);
    await eventually(() => expect(since().length).toBeGreaterThan(10));
    over.abort();
    await Promise.all([reading, ...reads]);
    const after = since();
    expect(after.filter(({ value }) => value !== 'not fresh')).toEqual([]);
    link.bytesPerSecond = Infinity;
    await eventually(async () => expect(await read([cutOff], 'cut-off')).toEqual(['miss']));
  } finally {
    over.abort();
    await Promise.all([reading, ...reads]);
  }
});

it('holds over a restart of Redis that loses all, whatever entries come back, and new ones stay', async () => {
  const world = begin();
  const { redis } = world.stack;
  const both = await hearing(await world.startMany(2));
  const [first = expect.unreachable(), second = expect.unreachable()] = both;
  await first.set('restarted', 'old', { ttlSeconds: 600, tags: ['r'] });
  const bytes = await redis.adminRaw('GET', 'shop:restarted');
  if (!Buffer.isBuffer(bytes)) throw new Error('There is no entry.');
  expect(await second.purge({ tags: ['r'], mode: 'remove' }, { timeoutMs })).toMatchObject(expectDone);
  await redis.kill();
  expect(await second.get('restarted', { timeoutMs: 100 })).toMatchObject({ kind: 'unavailable' });
  await redis.restart();
  await redis.admin('SET', 'shop:restarted', bytes);
  await eventually(async () => expect(await read(both, 'restarted')).toEqual(['miss', 'miss']));
  await eventually(async () => {
    await read(both, 'any');
    expect(await redis.admin('ZSCORE', nameOf('rules'), 'rtshop:\nr')).not.toBeNull();
  });
  await redis.admin('SET', 'shop:restarted', bytes);
  const later = await world.start();
  expect(await read([...both, later], 'restarted')).toEqual(['miss', 'miss', 'miss']);
  expect(await first.set('restarted', 'new', { tags: ['r'] })).toMatchObject({ kind: 'created' });
  expect(await read([...both, later], 'restarted')).toEqual(['new', 'new', 'new']);
  // All hear again.
  await hearing([...both, later]);
});

it('refuses more rules than 10,000 and keeps those; they end with the entries that they are about', async () => {
  const world = begin();
  const { redis } = world.stack;
  await redis.admin('FLUSHALL');
  const both = await world.startMany(2);
  const [first = expect.unreachable(), second = expect.unreachable()] = both;
  await first.set('ended', 'client', { ttlSeconds: 600, tags: ['0'] });
  const loaded = { ttlSeconds: 600, staleSeconds: 600, tags: ['0'] };
  await first.getOrSet('loaded', () => 'old', loaded);
  const tagsFrom = (from: number): string[] => Array.from({ length: 1000 }, (_, index) => `${from + index}`);
  for (let from = 0; from < 10_000; from += 1000)
    expect(await first.purge({ tags: tagsFrom(from) }, { timeoutMs })).toMatchObject({ kind: 'purged' });
  const refused = await second.purge({ tags: ['one-more'] }, { timeoutMs });
  expect(refused).toMatchObject({ kind: 'unavailable', applied: 'no', error: { code: 'overloaded' } });
  // Those that there are can be moved, and all hold, for others as well.
  expect(await second.purge({ tags: tagsFrom(0) }, { timeoutMs })).toMatchObject({ kind: 'purged' });
  const third = await world.start();
  const [stale, ...others] = await read([...both, third], 'loaded');
  expect([stale, ...others]).toEqual(['stale old', 'stale old', 'stale old']);
  expect(await redis.admin('ZCARD', nameOf('rules'))).toBe(10_000);

  // As if as much time had passed as anything is kept.
  await redis.admin('ZUNIONSTORE', nameOf('ends'), '1', nameOf('ends'), 'WEIGHTS', '0');
  // Each purge is some questions, and each of these removes some of them.
  await eventually(async () => {
    expect(await second.purge({ tags: ['one-more'] }, { timeoutMs })).toMatchObject({ kind: 'purged' });
    expect(await redis.admin('ZCARD', nameOf('rules'))).toBe(1);
  });
  // What was loaded before a rule that has gone cannot be judged any more; what a client wrote is kept.
  const later = await world.start();
  expect(await read([later], 'loaded')).toEqual(['stale old']);
  expect(await read([later], 'ended')).toEqual(['client']);
});

it('cannot be placed in a Redis without memory; reads go on, and then it can', async () => {
  const world = begin();
  const { redis } = world.stack;
  const [first = expect.unreachable()] = await hearing(await world.startMany(1));
  await first.set('full', 'kept', { ttlSeconds: 600 });
  try {
    await redis.admin('CONFIG', 'SET', 'maxmemory', '1');
    await redis.admin('DEL', nameOf('rules'), nameOf('ends'), 'ref:\u001F{purges}:state');
    const later = await world.start();
    for (let again = 0; again < 20; again += 1)
      expect(await read([first, later], 'full')).toEqual(['kept', 'kept']);
    expect(await first.purge({ keys: ['full'] }, { timeoutMs })).toMatchObject({
      kind: 'unavailable',
      applied: 'no',
    });
  } finally {
    await redis.admin('CONFIG', 'SET', 'maxmemory', '0');
  }
  const done = { kind: 'purged', silent: [] };
  await eventually(async () =>
    expect(await first.purge({ keys: ['full'], mode: 'remove' }, { timeoutMs })).toMatchObject(done),
  );
  expect(await read([first], 'full')).toEqual(['miss']);
});
