import { beforeEach, expect, it } from 'vitest';
import { CallDeadlines, granularityMs } from '../../../src/redis/call-deadlines.ts';
import { FakeClock } from '../../support/fake-clock.ts';

interface Call {
  readonly deadlineAtMs: number;
}

let clock: FakeClock;
let ended: Map<Call, number>;
let deadlines: CallDeadlines<Call>;

beforeEach(() => {
  clock = new FakeClock();
  ended = new Map();
  deadlines = new CallDeadlines(clock, (call) => ended.set(call, clock.nowMs()));
});

function add(inMs: number): Call {
  const call = { deadlineAtMs: clock.nowMs() + inMs };
  deadlines.add(call);
  return call;
}

it('ends each call at its deadline or a little later, whatever their order, and never before', async () => {
  await clock.advance(7);
  const calls = [2000, 3, 500, 501, 50, 0, 1999, 26].map(add);
  await clock.advance(3000);
  expect(ended.size).toBe(calls.length);
  for (const call of calls) {
    const lateMs = (ended.get(call) ?? 0) - call.deadlineAtMs;
    expect(lateMs).toBeGreaterThanOrEqual(0);
    expect(lateMs).toBeLessThanOrEqual(granularityMs);
  }
});

it('needs one timer, however many calls there are', () => {
  for (let index = 0; index < 1000; index += 1) add(2000 + index);
  expect(clock.pendingTimers).toBe(1);
});

it('does not end a call that was removed, and says which had ended', async () => {
  const [kept, removed] = [add(100), add(100)];
  expect(deadlines.remove(removed)).toBe(true);
  await clock.advance(200);
  expect([...ended.keys()]).toEqual([kept]);
  expect(deadlines.remove(kept)).toBe(false);
  expect([deadlines.calls.size, clock.pendingTimers]).toEqual([0, 0]);
});

it('ends a call whose deadline has passed already', async () => {
  add(-10);
  await clock.advance(0);
  expect(ended.size).toBe(1);
});

it('ends what is added while it ends others', async () => {
  const nested = new CallDeadlines<Call>(clock, (call) => {
    ended.set(call, clock.nowMs());
    if (ended.size === 1) nested.add({ deadlineAtMs: clock.nowMs() + 100 });
  });
  nested.add({ deadlineAtMs: clock.nowMs() + 100 });
  await clock.advance(300);
  expect(ended.size).toBe(2);
});

it('goes by the monotonic clock', async () => {
  add(1000);
  clock.jumpWall(3_600_000);
  await clock.advance(900);
  expect(ended.size).toBe(0);
});
