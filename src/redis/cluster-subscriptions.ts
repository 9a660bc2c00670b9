// What is listened to on a cluster, each channel on the node that holds its slot, which is where it is published.
//
// Not sharded Pub/Sub: what is published while the slot moves still reaches listeners on both nodes.

import type { Clock } from '../util/clock.ts';
import { AppError } from '../util/errors.ts';
import type { ClusterNodes } from './cluster-nodes.ts';
import { slotOf } from './key-slot.ts';
import type { RedisNode } from './node.ts';

type Listener = (message: string) => void;

interface Place {
  readonly node: RedisNode;
  readonly stop: () => void;
}

interface Subscription {
  readonly channel: string;
  readonly listener: Listener;
  /** Where it is heard: the last one on the node that holds the slot, those before until the last one listens. */
  places: readonly Place[];
}

const moveLimitMs = 30_000;

export class ClusterSubscriptions {
  readonly #nodes: ClusterNodes;
  readonly #clock: Clock;
  readonly #subscriptions = new Set<Subscription>();

  constructor(nodes: ClusterNodes, clock: Clock) {
    this.#nodes = nodes;
    this.#clock = clock;
    nodes.onChange(() => {
      for (const subscription of this.#subscriptions) this.#place(subscription);
    });
  }

  add(channel: string, listener: Listener): () => void {
    const subscription: Subscription = { channel, listener, places: [] };
    this.#subscriptions.add(subscription);
    this.#place(subscription);
    return () => {
      this.#subscriptions.delete(subscription);
      for (const { stop } of subscription.places) stop();
      subscription.places = [];
    };
  }

  /** Also where it still listens on the node that held the slot before: that hears what is published on others. */
  async listening(channel: string, deadlineAtMs: number): Promise<void> {
    await this.#nodes.known(deadlineAtMs);
    const nodes = [...this.#subscriptions]
      .filter((subscription) => subscription.channel === channel)
      .flatMap(({ places }) => places.map(({ node }) => node));
    try {
      await Promise.any(nodes.map((node) => node.listening(channel, deadlineAtMs)));
    } catch (error) {
      const message = `No node of the cache listens to the channel ${channel} yet.`;
      throw new AppError('redis-unavailable', message, { cause: error });
    }
  }

  #place(subscription: Subscription): void {
    const { channel, listener, places } = subscription;
    const node = this.#nodes.ownerOf(slotOf(channel));
    if (node === undefined || node === places.at(-1)?.node) return;
    const place = { node, stop: node.subscribe(channel, listener) };
    subscription.places = [...places, place];
    if (places.length > 0) void this.#leaveOthers(subscription, place);
  }

  /** The nodes before it are left when this one listens, or cannot: then they are of no use either. */
  async #leaveOthers(subscription: Subscription, place: Place): Promise<void> {
    const deadlineAtMs = this.#clock.nowMs() + moveLimitMs;
    await place.node.listening(subscription.channel, deadlineAtMs).catch(() => {});
    const at = subscription.places.indexOf(place);
    for (const { stop } of subscription.places.slice(0, Math.max(at, 0))) stop();
    if (at > 0) subscription.places = subscription.places.slice(at);
  }
}
