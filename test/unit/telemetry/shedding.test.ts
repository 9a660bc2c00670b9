import { beforeEach, describe, expect, it } from 'vitest';
import { ByteBudget } from '../../../src/util/byte-budget.ts';
import type { AppEvent } from '../../../src/telemetry/events.ts';
import { Shedding } from '../../../src/telemetry/shedding.ts';
import { LoadBudget } from '../../../src/warmup/load-budget.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const mebibyte = 2 ** 20;

describe('an instance that refuses for want of memory', () => {
  let clock: FakeClock;
  let events: AppEvent[];
  let budget: ByteBudget;

  beforeEach(() => {
    clock = new FakeClock();
    events = [];
    const shedding = new Shedding((event) => void events.push(event), clock);
    budget = new ByteBudget(16 * mebibyte, (valueBytes, totalBytes) =>
      shedding.refused(valueBytes, totalBytes),
    );
  });

  it('tells of the first refusal, and of their end when none has come for 10 s: for how long, how many', async () => {
    const charge = budget.open();
    while (charge.takeValue(mebibyte));
    const started = { type: 'sheddingStarted', valueBytes: mebibyte, totalBytes: 16 * mebibyte };
    expect(events).toEqual([started]);
    for (let seconds = 0; seconds < 60; seconds += 5) {
      await clock.advance(5000);
      expect(charge.takeValue(2 * mebibyte)).toBe(false);
    }
    expect(events).toEqual([started]);
    charge.close();
    await clock.advance(9999);
    expect(budget.open().takeValue(mebibyte)).toBe(true);
    expect(events).toHaveLength(1);
    await clock.advance(1);
    expect(events).toEqual([started, { type: 'sheddingEnded', shedMs: 60_000, refusals: 13 }]);
    expect(clock.pendingTimers).toBe(0);

    expect(budget.take(16 * mebibyte)).toBe(false);
    await clock.advance(10_000);
    expect(events.slice(2)).toEqual([
      { ...started, valueBytes: 16 * mebibyte },
      { type: 'sheddingEnded', shedMs: 0, refusals: 1 },
    ]);
  });

  it('tells nothing of a warmup that waits until its bodies fit', async () => {
    const charge = budget.open();
    charge.add(15 * mebibyte);
    const loadBudget = new LoadBudget({ budget, clock });
    let loaded = false;
    const load = loadBudget.run(mebibyte, { mayContinue: true }, async () => void (loaded = true));
    await clock.advance(1000);
    expect(loaded).toBe(false);
    charge.close();
    await clock.advance(1000);
    await load;
    expect({ loaded, events, usedBytes: budget.usedBytes }).toEqual({
      loaded: true,
      events: [],
      usedBytes: 0,
    });
  });
});
