import { beforeEach, expect, it } from 'vitest';
import { LoopWatch } from '../../../src/util/loop-watch.ts';
import { systemClock } from '../../../src/util/clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { eventually } from '../../support/eventually.ts';

let clock: FakeClock;
let loop: LoopWatch;

beforeEach(() => {
  clock = new FakeClock();
  loop = new LoopWatch(clock, (task) => task());
});

const isCurrent = (): boolean => loop.isCurrent(clock.nowMs());

it('says nothing good before all has been read once, and then while turns come', async () => {
  expect(isCurrent()).toBe(false);
  await clock.advance(0);
  for (let times = 0; times < 100; times += 1) {
    expect(isCurrent()).toBe(true);
    await clock.advance(17);
  }
});

it('notices that the process stood still, until it has read what came meanwhile', async () => {
  isCurrent();
  await clock.advance(10);
  clock.freeze(49);
  expect(isCurrent()).toBe(false);
  await clock.advance(0);
  expect(isCurrent()).toBe(true);
});

it('what is read is what had arrived when the turn began', async () => {
  const reading: (() => void)[] = [];
  loop = new LoopWatch(clock, (task) => reading.push(task));
  isCurrent();
  await clock.advance(0);
  clock.freeze(49);
  reading.pop()?.();
  expect(isCurrent()).toBe(true);
  clock.freeze(1);
  expect(isCurrent()).toBe(false);
});

it('watches no longer than a minute after it was asked last, and not once stopped', async () => {
  isCurrent();
  await clock.advance(61_000);
  expect(clock.pendingTimers).toBe(0);
  expect(isCurrent()).toBe(false);
  await clock.advance(0);
  expect(isCurrent()).toBe(true);
  loop.stop();
  await clock.advance(100);
  expect([clock.pendingTimers, isCurrent()]).toEqual([0, false]);
});

it('watches a real event loop', async () => {
  const real = new LoopWatch(systemClock);
  const isRealCurrent = (): boolean => real.isCurrent(systemClock.nowMs());
  expect(isRealCurrent()).toBe(false);
  await eventually(() => expect(isRealCurrent()).toBe(true));
  const untilMs = systemClock.nowMs() + 60;
  while (systemClock.nowMs() < untilMs);
  expect(isRealCurrent()).toBe(false);
  await eventually(() => expect(isRealCurrent()).toBe(true));
  real.stop();
});
