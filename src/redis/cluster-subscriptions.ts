// Subscriptions on a cluster, each on the node that holds the channel's slot, which is where messages are published.
//
// Not sharded Pub/Sub, so that what is published while the slot moves still reaches listeners on both nodes.

import { delay, type Clock } from '../util/clock.ts';
import { AppError } from '../util/errors.ts';
import type { ClusterNodes } from './cluster-nodes.ts';
import { slotOf } from './key-slot.ts';
import type { RedisNode } from './node.ts';

type Listener = (message: string) => void;

/** A subscription on one node. */
interface NodeSubscription {
  readonly node: RedisNode;
  readonly stop: () => void;
}

interface Subscription {
  readonly channel: string;
  readonly listener: Listener;
  /** The last one is on the node that holds the slot; those before stay until the last one is confirmed. */
  onNodes: readonly NodeSubscription[];
}

const moveLimitMs = 30_000;
// What is published on the next node just before it takes the subscription reaches the earlier ones by the bus of the
// cluster, which promises no time; https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/.
const busDelayMs = 2000;

export class ClusterSubscriptions {
  readonly #nodes: ClusterNodes;
  readonly #clock: Clock;
  readonly #subscriptions = new Set<Subscription>();

  constructor(nodes: ClusterNodes, clock: Clock) {
    this.#nodes = nodes;
    this.#clock = clock;
    nodes.onChange(() => {
      for (const subscription of this.#subscriptions) this.#moveSubscription(subscription);
    });
  }

  add(channel: string, listener: Listener): () => void {
    const hear = (message: string): void => {
      // What a node is left with is heard after a move, and not after the end.
      if (this.#subscriptions.has(subscription)) listener(message);
    };
    const subscription: Subscription = { channel, listener: hear, onNodes: [] };
    this.#subscriptions.add(subscription);
    this.#moveSubscription(subscription);
    return () => {
      this.#subscriptions.delete(subscription);
      for (const { stop } of subscription.onNodes) stop();
      subscription.onNodes = [];
    };
  }

  /** A node that held the slot before counts as well: it hears what is published on the others. */
  async listening(channel: string, deadlineAtMs: number): Promise<void> {
    await this.#nodes.known(deadlineAtMs);
    const nodes = [...this.#subscriptions]
      .filter((subscription) => subscription.channel === channel)
      .flatMap(({ onNodes }) => onNodes.map(({ node }) => node));
    try {
      await Promise.any(nodes.map((node) => node.listening(channel, deadlineAtMs)));
    } catch (error) {
      const message = `No node of the cache listens to the channel ${channel} yet.`;
      throw new AppError('redis-unavailable', message, { cause: error });
    }
  }

  /** On the latest node that has confirmed it; the earlier ones hear what is published there by the bus of the cluster. */
  hearing(channel: string): object | undefined {
    for (const subscription of this.#subscriptions) {
      if (subscription.channel !== channel) continue;
      for (const { node } of subscription.onNodes.toReversed()) {
        const on = node.hearing(channel);
        if (on !== undefined) return on;
      }
    }
    return undefined;
  }

  #moveSubscription(subscription: Subscription): void {
    const { channel, listener, onNodes } = subscription;
    const node = this.#nodes.ownerOf(slotOf(channel));
    if (node === undefined || node === onNodes.at(-1)?.node) return;
    const newest = { node, stop: node.subscribe(channel, listener) };
    subscription.onNodes = [...onNodes, newest];
    if (onNodes.length > 0) void this.#leaveOthers(subscription, newest);
  }

  /** The earlier nodes are left a while after `newest` is confirmed, or cannot be: then they are of no use either. */
  async #leaveOthers(subscription: Subscription, newest: NodeSubscription): Promise<void> {
    const deadlineAtMs = this.#clock.nowMs() + moveLimitMs;
    await newest.node.listening(subscription.channel, deadlineAtMs).catch(() => {});
    await delay(this.#clock, busDelayMs);
    const { onNodes } = subscription;
    // Gone, where nobody listens any more or a later move has been confirmed first.
    if (!onNodes.includes(newest)) return;
    const earlier = onNodes.slice(0, onNodes.indexOf(newest));
    for (const { stop } of earlier) stop();
    subscription.onNodes = onNodes.slice(earlier.length);
  }
}
