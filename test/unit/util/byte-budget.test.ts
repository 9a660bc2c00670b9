import { describe, expect, it } from 'vitest';
import { ByteBudget, copiesOfValue } from '../../../src/util/byte-budget.ts';
import { bytesInFlight } from '../../../src/util/instance-memory.ts';

const mebibyte = 2 ** 20;

describe('the byte budget', () => {
  it('refuses what does not fit, at once, and takes nothing of it', () => {
    const budget = new ByteBudget(16 * mebibyte);
    const charges = Array.from({ length: 4 }, () => budget.open());
    // A quarter is for small values; a value counts as often as it is in memory.
    expect(charges.map((charge) => charge.takeValue(mebibyte))).toEqual([true, true, true, false]);
    expect(budget.usedBytes).toBe(3 * copiesOfValue * mebibyte);
    for (const charge of charges) charge.close();
    expect(budget.usedBytes).toBe(0);
  });

  it('keeps a part for small values, whatever large ones have taken', () => {
    const budget = new ByteBudget(16 * mebibyte);
    const large = budget.open();
    while (large.takeValue(mebibyte / 2));
    const small = budget.open();
    let taken = 0;
    while (small.takeValue(1024)) taken += 1;
    expect(taken * 1024 * copiesOfValue).toBe(4 * mebibyte);
  });

  it('counts what is owed until it has come, though the request is over', async () => {
    const budget = new ByteBudget(16 * mebibyte);
    const charge = budget.open();
    const owed = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    expect(charge.takeValue(mebibyte)).toBe(true);
    const answers = owed.map(async ({ promise }) => charge.until(promise));
    charge.close();
    charge.close();
    owed[0]?.resolve();
    await answers[0];
    expect(budget.usedBytes).toBe(4 * mebibyte);
    // As the connection dies under it.
    owed[1]?.reject(new Error('lost'));
    await expect(answers[1]).rejects.toThrow('lost');
    expect(budget.usedBytes).toBe(0);
  });
});

describe('the bytes in flight of an instance', () => {
  const gibibyte = 2 ** 30;
  const limits = { constrainedBytes: 0, machineBytes: 64 * gibibyte, heapLimitBytes: 16 * gibibyte };

  it('are a sixteenth of its memory, whoever says how much it has', () => {
    const most = 2 * gibibyte;
    expect(bytesInFlight({ ...limits, constrainedBytes: most }, mebibyte)).toBe(most / 16);
    expect(bytesInFlight({ ...limits, machineBytes: most }, mebibyte)).toBe(most / 16);
    // V8 takes half of the memory it sees.
    expect(bytesInFlight({ ...limits, heapLimitBytes: most / 2 }, mebibyte)).toBe(most / 16);
    // What Node.js says where nothing constrains it (https://nodejs.org/api/process.html#processconstrainedmemory).
    expect(bytesInFlight({ ...limits, constrainedBytes: 2 ** 64, machineBytes: most }, mebibyte)).toBe(
      most / 16,
    );
  });

  it('are bounded both ways, and enough for one value of the largest size', () => {
    expect(bytesInFlight(limits, mebibyte)).toBe(256 * mebibyte);
    const little = { ...limits, machineBytes: 256 * mebibyte };
    expect(bytesInFlight(little, mebibyte)).toBe(32 * mebibyte);
    const largest = 100 * mebibyte;
    const budget = new ByteBudget(bytesInFlight(little, largest));
    expect(budget.open().takeValue(largest)).toBe(true);
  });
});
