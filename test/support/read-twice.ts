// A tier in memory as its contract sees it: what it has, it answers from memory.

import { expect } from 'vitest';
import type { MemoryStore } from '../../src/cache/memory-store.ts';
import { MemoryTier } from '../../src/cache/memory-tier.ts';
import type { ReadResult, Room, Tier } from '../../src/cache/tier.ts';
import type { Charge } from '../../src/util/byte-budget.ts';
import { settle } from './fake-clock.ts';

/** Whatever is read is worth to be kept. */
export const alwaysRead = { has: () => true, add() {} };

/**
 * Every read is made once for the copy, and once for the answer.
 * @param isCertain whether that has to come from memory then.
 */
export function readTwice(below: Tier, store: MemoryStore, isCertain: boolean): Tier {
  const tier = new MemoryTier(below, store);
  const plain = (result: ReadResult): ReadResult => {
    if (result.kind !== 'hit') return result;
    const { from, ...rest } = result;
    if (isCertain) expect(from).toBe('memory');
    return rest;
  };
  return {
    async read(key: string, deadlineAtMs: number, charge?: Charge) {
      const first = await tier.read(key, deadlineAtMs);
      if (first.kind !== 'hit') return first;
      await settle();
      return plain(await tier.read(key, deadlineAtMs, charge));
    },
    async readMany(keys: readonly string[], deadlineAtMs: number, room?: Room) {
      const first = await Promise.all(keys.map(async (key) => below.read(key, deadlineAtMs)));
      await settle();
      // What is invalid is told for each read of it.
      if (!first.some(({ kind }) => kind === 'hit')) return first;
      const results = await tier.readMany(keys, deadlineAtMs, room);
      return results.map(plain);
    },
    readHeads: (keys, deadlineAtMs) => tier.readHeads(keys, deadlineAtMs),
    write: (...change) => tier.write(...change),
    touch: (...change) => tier.touch(...change),
    remove: (...change) => tier.remove(...change),
  };
}
