import { beforeEach, expect, it } from 'vitest';
import { ByteBudget } from '../../../src/util/byte-budget.ts';
import { LoadBudget } from '../../../src/warmup/load-budget.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const mebibyte = 2 ** 20;
let clock: FakeClock;
let budget: ByteBudget;
let loadBudget: LoadBudget;
let loads: number;

beforeEach(() => {
  clock = new FakeClock();
  budget = new ByteBudget(16 * mebibyte);
  loadBudget = new LoadBudget({ budget, clock });
  loads = 0;
});

const load = async (): Promise<void> => void (loads += 1);

it('waits while requests take the room, and loads when they give it back', async () => {
  const charge = budget.open();
  charge.add(15 * mebibyte);
  const loading = loadBudget.run(mebibyte, { mayContinue: true }, load);
  await clock.advance(1000);
  expect(loads).toBe(0);
  charge.close();
  await clock.advance(50);
  await loading;
  expect(loads).toBe(1);
  expect(budget.usedBytes).toBe(0);
});

it('loads nothing any more when the run ends while it waits', async () => {
  const run = { mayContinue: true };
  const charge = budget.open();
  charge.add(15 * mebibyte);
  const loading = loadBudget.run(mebibyte, run, load);
  await clock.advance(1000);
  run.mayContinue = false;
  charge.close();
  await clock.advance(50);
  await loading;
  expect(loads).toBe(0);
  expect(clock.pendingTimers).toBe(0);
});

it('gives the room back when a load throws', async () => {
  const fail = async (): Promise<void> => {
    expect(budget.usedBytes).toBeGreaterThan(0);
    throw new TypeError('a bug');
  };
  await expect(loadBudget.run(mebibyte, { mayContinue: true }, fail)).rejects.toThrow('a bug');
  expect(budget.usedBytes).toBe(0);
  await loadBudget.run(0, { mayContinue: true }, load);
  expect(loads).toBe(1);
});
