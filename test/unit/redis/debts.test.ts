import { beforeEach, describe, expect, it } from 'vitest';
import { Debts } from '../../../src/redis/debts.ts';
import { FakeClock } from '../../support/fake-clock.ts';

let clock: FakeClock;
let bytes: number;
let told: number;
let debts: Debts;

beforeEach(() => {
  clock = new FakeClock();
  bytes = 0;
  told = 0;
  debts = new Debts(
    clock,
    () => bytes,
    () => (told += 1),
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
  it('is told of after three quarters of a second, and again while it lasts', async () => {
    debts.gaveUp();
    await receive(700);
    expect([debts.areDue, told]).toEqual([false, 0]);
    await receive(50);
    expect([debts.areDue, told]).toEqual([true, 1]);
    await receive(1500);
    expect(told).toBe(3);
  });

  it('is not, where the answers end before that', async () => {
    debts.gaveUp();
    debts.gaveUp();
    await receive(500);
    debts.answered(false);
    debts.answered(false);
    await receive(2000);
    expect([debts.areDue, told, clock.pendingTimers]).toEqual([false, 0, 0]);
  });

  it('is not, while one answer in between comes in time for somebody', async () => {
    debts.gaveUp();
    for (let answers = 0; answers < 10; answers += 1) {
      await receive(700);
      debts.answered(true);
    }
    expect(told).toBe(0);
  });

  it('is not, where nothing comes at all: that is silence', async () => {
    debts.gaveUp();
    await clock.advance(5000);
    expect([debts.areDue, told]).toEqual([false, 0]);
    await receive(50);
    expect(debts.areDue).toBe(true);
  });

  it('is none whatever the clock on the wall does', async () => {
    debts.gaveUp();
    clock.jumpWall(-3_600_000);
    await receive(750);
    expect(told).toBe(1);
  });
});
