import { beforeEach, describe, expect, it } from 'vitest';
import { Silence } from '../../../src/redis/reply-watchdog.ts';
import { FakeClock } from '../../support/fake-clock.ts';

let clock: FakeClock;
let bytes: number;
let told: number[];
let silence: Silence;

beforeEach(() => {
  clock = new FakeClock();
  bytes = 0;
  told = [];
  silence = new Silence(
    clock,
    () => bytes,
    (silentMs) => told.push(silentMs),
  );
});

describe('silence on a connection', () => {
  it('is told a moment after an answer is late, once nothing has come for one and a half seconds', async () => {
    silence.asked();
    await clock.advance(1800);
    silence.late();
    await clock.advance(50);
    expect(told).toEqual([1850]);
  });

  it.each([3_600_000, -3_600_000])('is told on time when the wall jumps by %i ms', async (jumpMs) => {
    silence.asked();
    clock.jumpWall(jumpMs);
    await clock.advance(1800);
    silence.late();
    await clock.advance(50);
    expect(told).toEqual([1850]);
  });

  it('is told of a short deadline as well, at one and a half seconds', async () => {
    silence.asked();
    await clock.advance(200);
    silence.late();
    await clock.advance(1299);
    expect(told).toEqual([]);
    await clock.advance(1);
    expect(told).toEqual([1500]);
  });

  it('is none while an answer is coming, and is told when it stops halfway', async () => {
    silence.asked();
    for (let atMs = 0; atMs < 10_000; atMs += 100) {
      bytes += 1000;
      if (atMs === 1800) silence.late();
      await clock.advance(100);
    }
    expect(told).toEqual([]);
    await clock.advance(3000);
    expect(told).toHaveLength(1);
  });

  it('is none when another command is answered, nor when all have been', async () => {
    silence.asked();
    silence.asked();
    await clock.advance(1800);
    silence.answered();
    silence.late();
    await clock.advance(100);
    expect(told).toEqual([]);
    silence.answered();
    await clock.advance(60_000);
    expect(told).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('is none when the process stood still: what arrived meanwhile comes first', async () => {
    silence.asked();
    clock.freeze(5000);
    silence.late();
    bytes += 7;
    silence.answered();
    await clock.advance(60_000);
    expect(told).toEqual([]);
  });

  it('is not watched for once the connection has ended', async () => {
    silence.asked();
    silence.late();
    silence.stop();
    expect(clock.pendingTimers).toBe(0);
  });
});
