import { beforeEach, expect, it } from 'vitest';
import { Refresher } from '../../../src/redis/refresher.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

let clock: FakeClock;
let atMs: number[];
let isDegraded: boolean;
let healthy: number;
let refresh: () => Promise<void>;
let refresher: Refresher;

beforeEach(() => {
  clock = new FakeClock();
  atMs = [];
  isDegraded = false;
  healthy = 0;
  refresh = async () => {};
  refresher = new Refresher({
    clock,
    // Of the spread from 0.75 to 1.25 the middle.
    random: () => 0.5,
    refresh: () => {
      atMs.push(clock.nowMs());
      return refresh();
    },
    isDegraded: () => isDegraded,
    onHealthy: () => (healthy += 1),
  });
});

const pausesMs = (): number[] => atMs.slice(1).map((ms, index) => ms - (atMs[index] ?? 0));

it('refreshes every half minute while all is well', async () => {
  refresher.start();
  await clock.advance(90_000);
  expect(pausesMs()).toEqual([30_000, 30_000, 30_000]);
  expect(healthy).toBe(4);
});

it('refreshes often while something is degraded, also where refreshes fail, and then seldom again', async () => {
  isDegraded = true;
  refresh = () => Promise.reject(new Error('no answer'));
  refresher.start();
  await clock.advance(1500);
  expect(pausesMs()).toEqual([100, 200, 400, 400, 400]);
  isDegraded = false;
  await clock.advance(400 + 30_000);
  expect(pausesMs().slice(-2)).toEqual([400, 30_000]);
  expect(healthy).toBe(2);
});

it('is brought forward, and never put back', async () => {
  refresher.start();
  await clock.advance(1000);
  refresher.soon();
  refresher.soon();
  await clock.advance(1000);
  expect(pausesMs()).toEqual([1050]);
});

it('runs one refresh at a time, which whoever asks meanwhile waits for', async () => {
  const answer = Promise.withResolvers<void>();
  refresh = () => answer.promise;
  const [first, second] = [refresher.now(), refresher.now()];
  expect(atMs).toHaveLength(1);
  answer.reject(new Error('no answer'));
  await expect(first).rejects.toThrow('no answer');
  await expect(second).rejects.toThrow('no answer');
});

it('stopped in a refresh, runs no other', async () => {
  const answer = Promise.withResolvers<void>();
  refresh = () => answer.promise;
  refresher.start();
  await clock.advance(0);
  refresher.stop();
  answer.resolve();
  await settle();
  await clock.advance(60_000);
  expect([atMs.length, clock.pendingTimers]).toEqual([1, 0]);
});
