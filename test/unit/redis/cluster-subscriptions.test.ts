import { beforeEach, expect, it } from 'vitest';
import type { ClusterNodes } from '../../../src/redis/cluster-nodes.ts';
import { ClusterSubscriptions } from '../../../src/redis/cluster-subscriptions.ts';
import type { RedisNode } from '../../../src/redis/node.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

class Node {
  readonly subscribed = new Set<string>();
  /** Decides when and how the subscription is confirmed. */
  confirmed = Promise.withResolvers<void>();

  subscribe(channel: string): () => void {
    this.subscribed.add(channel);
    return () => this.subscribed.delete(channel);
  }

  listening(): Promise<void> {
    return this.confirmed.promise;
  }
}

let owner: Node | undefined;
let change: () => void;
let subscriptions: ClusterSubscriptions;
let clock: FakeClock;
const busDelayMs = 2000;

beforeEach(() => {
  owner = undefined;
  const nodes = {
    known: async () => {},
    ownerOf: () => owner as unknown as RedisNode | undefined,
    onChange: (listener: () => void) => (change = listener),
  };
  clock = new FakeClock();
  subscriptions = new ClusterSubscriptions(nodes as unknown as ClusterNodes, clock);
});

it('a channel is subscribed on the node that holds its slot, once that is known', async () => {
  subscriptions.add('news', () => {});
  await expect(subscriptions.listening('news', 1000)).rejects.toMatchObject({ code: 'redis-unavailable' });
  const node = (owner = new Node());
  change();
  node.confirmed.resolve();
  await subscriptions.listening('news', 1000);
  expect([...node.subscribed]).toEqual(['news']);
});

it('is left on the node before only when what was published before the next one confirmed it has come', async () => {
  const before = (owner = new Node());
  subscriptions.add('news', () => {});
  const next = (owner = new Node());
  change();
  change();
  await settle();
  expect([before.subscribed.size, next.subscribed.size]).toEqual([1, 1]);
  next.confirmed.resolve();
  await settle();
  await clock.advance(busDelayMs - 1);
  expect([before.subscribed.size, next.subscribed.size]).toEqual([1, 1]);
  await clock.advance(1);
  expect([before.subscribed.size, next.subscribed.size]).toEqual([0, 1]);
});

it('is left on all nodes before, in whichever order moves are confirmed', async () => {
  const first = (owner = new Node());
  subscriptions.add('news', () => {});
  const second = (owner = new Node());
  change();
  const third = (owner = new Node());
  change();
  third.confirmed.resolve();
  await settle();
  await clock.advance(busDelayMs);
  expect([first.subscribed.size, second.subscribed.size, third.subscribed.size]).toEqual([0, 0, 1]);
  second.confirmed.reject(new Error('late'));
  await settle();
  await clock.advance(busDelayMs);
  expect(third.subscribed.size).toBe(1);
});

it('stopped, is left everywhere', async () => {
  const before = (owner = new Node());
  const stop = subscriptions.add('news', () => {});
  const next = (owner = new Node());
  change();
  stop();
  next.confirmed.resolve();
  await settle();
  change();
  expect([before.subscribed.size, next.subscribed.size]).toEqual([0, 0]);
});
