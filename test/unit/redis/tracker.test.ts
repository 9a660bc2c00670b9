import { beforeEach, expect, it } from 'vitest';
import { Tracker } from '../../../src/redis/tracker.ts';
import { settle } from '../../support/fake-clock.ts';

let pings: { readonly deadlineAtMs: number; readonly answer: () => void; readonly fail: () => void }[];
let tracker: Tracker;

beforeEach(() => {
  pings = [];
  const ping = (deadlineAtMs: number) =>
    new Promise<void>((answer, reject) => {
      pings.push({ deadlineAtMs, answer, fail: () => reject(new Error('late')) });
    });
  tracker = new Tracker({ isTracking: true, ping });
});

it('is not current before anything was answered, and for 2 s from when what was answered was sent', () => {
  expect(tracker.isCurrent(0)).toBe(false);
  tracker.answered(10_000);
  expect([tracker.isCurrent(12_000), tracker.isCurrent(12_001)]).toEqual([true, false]);
  // What was sent before is answered after.
  tracker.answered(9000);
  expect(tracker.isCurrent(12_000)).toBe(true);
});

it('asks once where what is known is a second old, and is current from when it asked', async () => {
  tracker.answered(1000);
  tracker.isCurrent(2000);
  expect(pings).toHaveLength(0);
  tracker.isCurrent(2001);
  tracker.isCurrent(2500);
  expect(pings.map(({ deadlineAtMs }) => deadlineAtMs)).toEqual([4001]);
  pings[0]?.answer();
  await settle();
  expect([tracker.isCurrent(4001), tracker.isCurrent(4002)]).toEqual([true, false]);
});

it('asks again where no answer came, and nothing once its connection has ended', async () => {
  tracker.answered(1000);
  tracker.isCurrent(2001);
  pings[0]?.fail();
  await settle();
  expect(tracker.isCurrent(2002)).toBe(true);
  expect(pings).toHaveLength(2);
  tracker.end();
  pings[1]?.fail();
  await settle();
  expect([tracker.isLive, tracker.isCurrent(2003)]).toEqual([false, false]);
  expect(pings).toHaveLength(2);
});
