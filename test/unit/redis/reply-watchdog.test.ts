import { beforeEach, describe, expect, it } from 'vitest';
import { ReplyWatchdog } from '../../../src/redis/reply-watchdog.ts';
import { FakeClock } from '../../support/fake-clock.ts';

let clock: FakeClock;
let bytes: number;
let told: number[];
let watchdog: ReplyWatchdog;

beforeEach(() => {
  clock = new FakeClock();
  bytes = 0;
  told = [];
  watchdog = new ReplyWatchdog(
    clock,
    () => bytes,
    (silentMs) => told.push(silentMs),
  );
});

describe('watchdog on a connection', () => {
  it('is told a moment after an answer is late, once nothing has come for one and a half seconds', async () => {
    watchdog.onSend(clock.nowMs());
    await clock.advance(1800);
    watchdog.onTimeout();
    await clock.advance(50);
    expect(told).toEqual([1850]);
  });

  it.each([3_600_000, -3_600_000])('is told on time when the wall jumps by %i ms', async (jumpMs) => {
    watchdog.onSend(clock.nowMs());
    clock.jumpWall(jumpMs);
    await clock.advance(1800);
    watchdog.onTimeout();
    await clock.advance(50);
    expect(told).toEqual([1850]);
  });

  it('is told of a short deadline as well, at one and a half seconds', async () => {
    watchdog.onSend(clock.nowMs());
    await clock.advance(200);
    watchdog.onTimeout();
    await clock.advance(1299);
    expect(told).toEqual([]);
    await clock.advance(1);
    expect(told).toEqual([1500]);
  });

  it('is none while an answer is coming, and is told when it stops halfway', async () => {
    watchdog.onSend(clock.nowMs());
    for (let atMs = 0; atMs < 10_000; atMs += 100) {
      bytes += 1000;
      if (atMs === 1800) watchdog.onTimeout();
      await clock.advance(100);
    }
    expect(told).toEqual([]);
    await clock.advance(3000);
    expect(told).toHaveLength(1);
  });

  it('is none when another command is answered, nor when all have been', async () => {
    watchdog.onSend(clock.nowMs());
    watchdog.onSend(clock.nowMs());
    await clock.advance(1800);
    watchdog.onReply(clock.nowMs());
    watchdog.onTimeout();
    await clock.advance(100);
    expect(told).toEqual([]);
    watchdog.onReply(clock.nowMs());
    await clock.advance(60_000);
    expect(told).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('is none when the process stood still: what arrived meanwhile comes first', async () => {
    watchdog.onSend(clock.nowMs());
    clock.freeze(5000);
    watchdog.onTimeout();
    bytes += 7;
    watchdog.onReply(clock.nowMs());
    await clock.advance(60_000);
    expect(told).toEqual([]);
  });

  it('is not watched for once the connection has ended', async () => {
    watchdog.onSend(clock.nowMs());
    watchdog.onTimeout();
    watchdog.stop();
    expect(clock.pendingTimers).toBe(0);
  });
});
