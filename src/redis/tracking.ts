// Keys that Redis tracks: it says on a connection when one that was read there changes. Whether it is asked to, what it
// said, and what each connection knows (https://redis.io/docs/latest/develop/reference/client-side-caching/).

import type { Clock } from '../util/clock.ts';
import type { Emit } from '../telemetry/events.ts';
import type { RedisClient } from './handshake.ts';
import type { Tracker } from './tracker.ts';

/** @param key undefined: all that were read on the connection. */
export type OnKeyChanged = (tracker: Tracker, key: string | undefined) => void;

/** What the parts above see of it. */
export interface Tracking {
  /** From now on Redis is asked to track keys, on the connections that carry commands; returns how to stop. */
  listen(onChanged: OnKeyChanged): () => void;
  /** Of the connection that `client` is. */
  of(client: RedisClient): Tracker | undefined;
  /** Of a key; 0 where there is one node for all. */
  slotOf(key: string): number;
  /**
   * Of the connection that commands about a slot go to now, or, where that is lost, went to last; undefined where it is
   * not known.
   */
  serving(slot: number): Tracker | undefined;
}

// An access policy, or a proxy, seldom changes.
const askedAgainAfterMs = 3_600_000;

/** Of one client, with all of its connections. */
export class ClientTracking {
  readonly #clock: Clock;
  readonly #emit: Emit;
  readonly #listeners = new Set<OnKeyChanged>();
  readonly #wanting = new Set<() => void>();
  readonly #trackers = new WeakMap<RedisClient, Tracker>();
  #askedFromMs = Number.NEGATIVE_INFINITY;
  #isRefusalTold = false;

  constructor({ clock, emit }: { readonly clock: Clock; readonly emit: Emit }) {
    this.#clock = clock;
    this.#emit = emit;
  }

  listen(onChanged: OnKeyChanged): () => void {
    this.#listeners.add(onChanged);
    for (const onWanted of this.#wanting) onWanted();
    return () => this.#listeners.delete(onChanged);
  }

  of(client: RedisClient): Tracker | undefined {
    return this.#trackers.get(client);
  }

  /** Whether a connection that is opened now asks Redis to track. */
  get isAsked(): boolean {
    return this.#listeners.size > 0 && this.#clock.nowMs() >= this.#askedFromMs;
  }

  /** `listener` is called when somebody begins to listen: connections that are there may not track yet. */
  onWanted(listener: () => void): () => void {
    this.#wanting.add(listener);
    return () => this.#wanting.delete(listener);
  }

  connected(client: RedisClient, tracker: Tracker): void {
    this.#trackers.set(client, tracker);
  }

  /** What hears which keys change on a connection that is opened now; undefined where Redis is not asked for that. */
  askFor(trackerOf: () => Tracker | undefined): ((key: string | undefined) => void) | undefined {
    if (!this.isAsked) return undefined;
    return (key) => {
      const tracker = trackerOf();
      if (tracker === undefined) return;
      tracker.heard(key);
      for (const onChanged of this.#listeners) onChanged(tracker, key);
    };
  }

  /** A connection was not told of a change, though Redis had agreed to: what was read there may have changed. */
  unheard(tracker: Tracker, isDeaf: boolean): void {
    for (const onChanged of this.#listeners) onChanged(tracker, undefined);
    if (isDeaf) this.refused({ reason: 'It agreed, and said nothing of keys that changed.' });
  }

  /** Redis is not asked again for an hour; that is told once. */
  refused({ reason }: { readonly reason: string }): void {
    this.#askedFromMs = this.#clock.nowMs() + askedAgainAfterMs;
    if (this.#isRefusalTold) return;
    this.#isRefusalTold = true;
    this.#emit({ type: 'trackingRefused', reason });
  }
}
