import { beforeEach, describe, expect, it } from 'vitest';
import { AbandonedReplies } from '../../../src/redis/abandoned-replies.ts';
import { FakeClock } from '../../support/fake-clock.ts';

let clock: FakeClock;
let bytes: number;
let calls: number;
let replies: AbandonedReplies;

beforeEach(() => {
  clock = new FakeClock();
  bytes = 0;
  calls = 0;
  replies = new AbandonedReplies(
    clock,
    () => bytes,
    () => (calls += 1),
  );
});

/** Bytes come while time passes. */
async function receive(ms: number): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += 50) {
    bytes += 1000;
    await clock.advance(50);
  }
}

describe('a connection that answers what nobody waits for any more', () => {
  it('is calls of after three quarters of a second, and again while it lasts', async () => {
    replies.onTimeout();
    await receive(700);
    expect([replies.areBlocking, calls]).toEqual([false, 0]);
    await receive(50);
    expect([replies.areBlocking, calls]).toEqual([true, 1]);
    await receive(1500);
    expect(calls).toBe(3);
  });

  it('is not, where the answers end before that', async () => {
    replies.onTimeout();
    replies.onTimeout();
    await receive(500);
    replies.onReply(false);
    replies.onReply(false);
    await receive(2000);
    expect([replies.areBlocking, calls, clock.pendingTimers]).toEqual([false, 0, 0]);
  });

  it('is not, while one answer in between comes in time for somebody', async () => {
    replies.onTimeout();
    for (let answers = 0; answers < 10; answers += 1) {
      await receive(700);
      replies.onReply(true);
    }
    expect(calls).toBe(0);
  });

  it('is not, where nothing comes at all: that is silence', async () => {
    replies.onTimeout();
    await clock.advance(5000);
    expect([replies.areBlocking, calls]).toEqual([false, 0]);
    await receive(50);
    expect(replies.areBlocking).toBe(true);
  });

  it('is none whatever the clock on the wall does', async () => {
    replies.onTimeout();
    clock.jumpWall(-3_600_000);
    await receive(750);
    expect(calls).toBe(1);
  });
});
