// What a server in memory says of changed keys, as Redis does: on one connection after the other.

import type { Tracker as TrackerPort, Tracking } from '../../src/redis/redis.ts';
import { Tracker, type Probe } from '../../src/redis/tracker.ts';
import type { OnKeyChanged } from '../../src/redis/tracking.ts';
import type { InMemoryServer } from './in-memory-server.ts';

export class InMemoryTracking implements Tracking {
  /** Of the newest connection. */
  tracker: Tracker;
  isTracking = true;
  /** Whether what the server says arrives. */
  isHeard = true;
  /** Whether it says of changes, as it has agreed to. */
  isTelling = true;
  pings = 0;
  /** What the slot of any key is served by. */
  serving: () => TrackerPort | undefined = () => this.tracker;
  readonly #listeners = new Set<OnKeyChanged>();

  readonly #server: InMemoryServer;

  constructor(server: InMemoryServer) {
    this.#server = server;
    this.tracker = this.#newTracker();
    server.onChanged.add((key) => this.tell(key));
  }

  /** Another connection is ready, in the place of one that is lost. */
  reconnect(): void {
    this.tracker.end();
    this.tracker = this.#newTracker();
  }

  tell(key: string | undefined, tracker: Tracker = this.tracker): void {
    if (!this.isHeard || !this.isTracking || !this.isTelling) return;
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
    const change = async ({ key }: Probe): Promise<void> => {
      if (!this.isHeard) throw new Error('Nothing was heard.');
      if (this.isTelling) tracker.heard(key);
    };
    const onUnheard = (): void => {
      for (const listener of this.#listeners) listener(tracker, undefined);
    };
    const tracker = new Tracker({ isTracking: this.isTracking, ping, change, onUnheard });
    // Known before anything is read.
    tracker.listen(this.#server.clock.nowMs(), () => 'probe');
    return tracker;
  }
}

/** A process that never stands still. */
export const alwaysCurrent = { isCurrent: () => true, stop() {} };
