// The memory of an instance on a cluster: slots that move while keys in them are read and written, and failovers.

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ClusterStack } from '../../local/stack.ts';
import { newEntry } from '../../src/cache/entry.ts';
import { slotOf } from '../../src/redis/key-slot.ts';
import { systemClock as clock } from '../../src/util/clock.ts';
import { always } from '../contract/tier-world.ts';
import { startCacheInstance, type CacheInstance } from '../support/cache-instance.ts';
import { eventually, sleep } from '../support/eventually.ts';
import { adoptStack } from '../support/shared-client.ts';
import { startControl } from '../support/timing.ts';
import { startStack } from '../support/stack.ts';

const keys = Array.from({ length: 12 }, (_, index) => `memory-${index}`);
const soon = (): number => clock.nowMs() + 10_000;
let stack: ClusterStack;
let reader: CacheInstance;
let writer: CacheInstance;

beforeAll(async () => {
  stack = await startStack({ storage: false, cluster: true });
  adoptStack(stack);
  [reader, writer] = await Promise.all([
    startCacheInstance(stack, undefined),
    startCacheInstance(stack, undefined, { CACHE_MEMORY_MB: '0' }),
  ]);
});
afterAll(async () => {
  await Promise.all([reader, writer].map((instance) => instance?.[Symbol.asyncDispose]()));
  await stack?.stop();
});

/** Reads and writes while `change` runs; the reads from memory, and those of them that were too old. */
async function under(change: () => Promise<void>): Promise<{ fromMemory: number; tooOld: string[] }> {
  /** By key, the numbers that were written, with when that was acknowledged. */
  const acked = new Map(keys.map((key) => [key, [] as number[]]));
  const seen = { fromMemory: 0, tooOld: [] as string[] };
  using control = startControl(async () => {});
  const over = new AbortController();
  const writing = (async () => {
    for (let turn = 0; !over.signal.aborted; turn += 1) {
      const key = keys[turn % keys.length] ?? '';
      const times = acked.get(key) ?? [];
      const entry = newEntry(Buffer.from(`${times.length}`), 'text/plain', clock.wallMs(), 3600);
      const { kind } = await writer.tier.write(key, entry, always, soon());
      // One whose outcome is not known is written again, as the same number.
      if (kind === 'created' || kind === 'replaced') times.push(clock.nowMs());
      await sleep(15);
    }
  })();
  const reading = (async () => {
    for (let turn = 0; !over.signal.aborted; turn += 1) {
      const key = keys[turn % keys.length] ?? '';
      const beganAtMs = clock.nowMs();
      const result = await reader.tier.read(key, soon());
      if (result.kind === 'hit' && result.from === 'memory') {
        seen.fromMemory += 1;
        const text = result.entry.body.toString();
        const lateMs = beganAtMs - (acked.get(key)?.[Number(text) + 1] ?? Number.POSITIVE_INFINITY);
        // Half of a second for a front that shares the processor with all nodes and with this test.
        const heldUpMs = control.longestIn(Date.now() - lateMs - 500, Date.now());
        if (lateMs > 500 + heldUpMs) seen.tooOld.push(`${key} is ${text}, ${lateMs} ms late`);
      }
      await sleep(1);
    }
  })();
  try {
    await change();
  } finally {
    over.abort();
    await Promise.all([writing, reading]);
  }
  return seen;
}

async function allAreKept(): Promise<void> {
  for (const key of keys)
    await eventually(async () =>
      expect(await reader.tier.read(key, soon())).toMatchObject({ from: 'memory' }),
    );
}

/** The slots of those keys that a node has. */
async function slotsOf(node: number): Promise<readonly number[]> {
  const owners = await Promise.all(keys.map((key) => stack.redis.ownerOf(key)));
  return keys.filter((_, index) => owners[index] === node).map(slotOf);
}

it('serves nothing old while slots move to another node, and back', async () => {
  const slots = await slotsOf(0);
  expect(slots.length).toBeGreaterThan(0);
  const found = await under(async () => {
    await sleep(1000);
    for (const [from, to] of [
      [0, 1],
      [1, 0],
    ] as const) {
      await stack.redis.moveSlots(from, to, slots, { keysPerStep: 1, onStep: () => sleep(5) });
      await sleep(700);
    }
  });
  expect(found.tooOld).toEqual([]);
  expect(found.fromMemory).toBeGreaterThan(0);
  await allAreKept();
});

it('serves nothing old while a replica takes over', async () => {
  const found = await under(async () => {
    await sleep(500);
    await stack.redis.failover(2);
    await sleep(1500);
  });
  expect(found.tooOld).toEqual([]);
  expect(found.fromMemory).toBeGreaterThan(0);
  await allAreKept();
});
