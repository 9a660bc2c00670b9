// On a cluster, where announcements are heard moves with the slot of their channel, and none is lost over that.

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ClusterStack } from '../../local/stack.ts';
import { systemClock } from '../../src/util/clock.ts';
import { slotOf } from '../../src/redis/key-slot.ts';
import { eventually, sleep } from '../support/eventually.ts';
import { adoptStack, startSharedClient } from '../support/shared-client.ts';
import { startStack } from '../support/stack.ts';

const channel = 'ref:{fleet}:announcements';
const soonMs = (): number => systemClock.nowMs() + 5000;

let stack: ClusterStack;
beforeAll(async () => {
  stack = await startStack({ storage: false, cluster: true });
  adoptStack(stack);
});
afterAll(async () => stack?.stop());

it('one node hears, and no announcement is lost when the slot of the channel moves', async () => {
  await using client = startSharedClient(stack);
  const heard = new Set<string>();
  client.redis.subscribe(channel, (message) => heard.add(message));
  await client.connected();
  await client.redis.listening(channel, soonMs());
  expect(client.redis.status().connections).toBe(4);
  const owner = await stack.redis.ownerOf(channel);
  const other = [0, 1, 2].find((node) => node !== owner) ?? expect.unreachable();
  const publish = async (message: string): Promise<void> => {
    await client.redis.run((redis) => redis.publish(channel, message), {
      key: channel,
      deadlineAtMs: soonMs(),
      idempotent: true,
    });
  };
  const published: string[] = [];
  const stopPublishing = new AbortController();
  const publishing = (async () => {
    for (; !stopPublishing.signal.aborted; await sleep(10)) {
      published.push(`${published.length}`);
      await publish(published.at(-1) ?? '');
    }
  })();
  try {
    await eventually(() => expect(published.length).toBeGreaterThan(20));
    await stack.redis.moveSlots(owner, other, [slotOf(channel)]);
    // PUBLISH is answered by every node: the client learns of the move by a command that is not.
    const get = { key: channel, deadlineAtMs: soonMs(), idempotent: true };
    await client.redis.run((redis) => redis.get(channel), get);
    await eventually(() => {
      const [before, after] = [owner, other].map((node) => stack.front.node(node).stats.live);
      expect([before, after]).toEqual([1, 2]);
    });
    const moved = published.length;
    await eventually(() => expect(published.length).toBeGreaterThan(moved + 20));
  } finally {
    stopPublishing.abort();
    await publishing;
  }
  await eventually(() => expect([...heard].toSorted()).toEqual(published.toSorted()));
  await eventually(() => expect(client.redis.status().connections).toBe(4));
});
