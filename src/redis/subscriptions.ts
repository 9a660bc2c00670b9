// Pub/Sub listeners that outlive connections. Used by node.ts.
// Knows what is listened to and on which connection now; not what is said.

import type { Clock } from '../clock.ts';
import type { Connection } from './connection.ts';

type Listener = (message: string) => void;

const timeLimitMs = 5000;
const retryMs = 1000;

/** Subscribes each channel once on the current connection, however many listen. */
export class Subscriptions {
  readonly #clock: Clock;
  readonly #listeners = new Map<string, Set<Listener>>();
  #connection: Connection | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(channel: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(channel);
    if (listeners === undefined) {
      this.#listeners.set(channel, new Set([listener]));
      if (this.#connection !== undefined) this.#subscribe(this.#connection, channel);
    } else {
      listeners.add(listener);
    }
    return () => this.#remove(channel, listener);
  }

  /** Everything that is listened to is listened to on this connection from now on. */
  moveTo(connection: Connection): void {
    this.#connection = connection;
    for (const channel of this.#listeners.keys()) this.#subscribe(connection, channel);
  }

  #remove(channel: string, listener: Listener): void {
    const listeners = this.#listeners.get(channel);
    if (listeners?.delete(listener) !== true || listeners.size > 0) return;
    this.#listeners.delete(channel);
    // If that fails the connection is going, and the subscription goes with it.
    this.#connection
      ?.run((client) => client.unsubscribe(channel), this.#clock.nowMs() + timeLimitMs)
      .catch(() => {});
  }

  #subscribe(connection: Connection, channel: string): void {
    const hear = (message: string): void => {
      for (const listener of this.#listeners.get(channel) ?? []) listener(message);
    };
    connection
      .run((client) => client.subscribe(channel, hear), this.#clock.nowMs() + timeLimitMs)
      .catch(() => {
        // A lost connection has a successor that everything moves to; a live one is tried again.
        this.#clock.after(retryMs, () => {
          const wanted = this.#connection === connection && connection.isLive && this.#listeners.has(channel);
          if (wanted) this.#subscribe(connection, channel);
        });
      });
  }
}
