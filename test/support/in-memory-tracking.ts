// What a server in memory says of changed keys, as Redis does: on one connection after the other.

import type { Tracker as TrackerPort, Tracking } from '../../src/redis/redis.ts';
import { Tracker } from '../../src/redis/tracker.ts';
import type { OnKeyChanged } from '../../src/redis/tracking.ts';
import type { InMemoryServer } from './in-memory-server.ts';

export class InMemoryTracking implements Tracking {
  /** Of the newest connection. */
  tracker: Tracker;
  isTracking = true;
  /** Whether what the server says arrives. */
  isHeard = true;
  pings = 0;
  /** What the slot of any key is served by. */
  serving: () => TrackerPort | undefined = () => this.tracker;
  readonly #listeners = new Set<OnKeyChanged>();

  constructor(server: InMemoryServer) {
    this.tracker = this.#newTracker();
    server.onChanged.add((key) => this.tell(key));
  }

  /** Another connection is ready, in the place of one that is lost. */
  reconnect(): void {
    this.tracker.end();
    this.tracker = this.#newTracker();
  }

  tell(key: string | undefined, tracker: Tracker = this.tracker): void {
    if (!this.isHeard || !this.isTracking) return;
    for (const listener of this.#listeners) listener(tracker, key);
  }

  listen(onChanged: OnKeyChanged): () => void {
    this.#listeners.add(onChanged);
    return () => this.#listeners.delete(onChanged);
  }

  of(): TrackerPort {
    return this.tracker;
  }

  slotOf(key: string): number {
    return key.length;
  }

  #newTracker(): Tracker {
    const ping = async (): Promise<void> => {
      this.pings += 1;
      if (!this.isHeard) throw new Error('Nothing was heard.');
    };
    return new Tracker({ isTracking: this.isTracking, ping });
  }
}

/** A process that never stands still. */
export const alwaysCurrent = { isCurrent: () => true, stop() {} };
