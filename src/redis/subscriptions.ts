// Pub/Sub listeners that outlive connections: what is listened to, and on which connection now.

import type { Clock } from '../util/clock.ts';
import { AppError } from '../util/errors.ts';
import { DeadlineQueue } from '../util/deadline-queue.ts';
import type { Connection } from './connection.ts';

type Listener = (message: string) => void;

interface Channel {
  readonly listeners: Set<Listener>;
  readonly waiters: DeadlineQueue<void>;
  /** Where Redis has confirmed the subscription. */
  confirmedOn: Connection | undefined;
}

const timeLimitMs = 5000;
const retryMs = 1000;

/** Subscribes each channel once on the current connection, however many listen. */
export class Subscriptions {
  readonly #clock: Clock;
  readonly #channels = new Map<string, Channel>();
  /** Being unsubscribed. */
  readonly #leaving = new Map<string, Promise<void>>();
  readonly #onEmpty: (() => void)[] = [];
  #connection: Connection | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isEmpty(): boolean {
    return this.#channels.size === 0;
  }

  async whenEmpty(): Promise<void> {
    if (this.isEmpty) return;
    await new Promise<void>((resolve) => this.#onEmpty.push(resolve));
  }

  /** Returns how to stop; what Redis publishes before it has taken that in is still heard. */
  add(name: string, listener: Listener): () => void {
    const known = this.#channels.get(name);
    const channel = known ?? {
      listeners: new Set(),
      waiters: new DeadlineQueue(this.#clock),
      confirmedOn: undefined,
    };
    // The same function may be given twice, and taken back once.
    const own: Listener = (message) => listener(message);
    channel.listeners.add(own);
    if (known === undefined) {
      this.#channels.set(name, channel);
      if (this.#connection !== undefined) void this.#subscribe(this.#connection, name, channel);
    }
    return () => this.#remove(name, own);
  }

  /** Resolves when Redis has confirmed that this channel is listened to on the current connection. */
  async listening(name: string, deadlineAtMs: number): Promise<void> {
    const channel = this.#channels.get(name);
    if (channel === undefined) throw notListening(name);
    if (channel.confirmedOn?.isLive === true && channel.confirmedOn === this.#connection) return;
    await channel.waiters.wait(deadlineAtMs, () => notListening(name));
  }

  /** The connection that the channel is heard on now. */
  hearing(name: string): Connection | undefined {
    const on = this.#channels.get(name)?.confirmedOn;
    return on !== undefined && on === this.#connection && on.isLive ? on : undefined;
  }

  /**
   * Everything is listened to on this connection from now on. Resolves when it is, and all is heard that was published
   * before and came by the connection before: that one may be closed. Never rejects.
   */
  async moveTo(connection: Connection): Promise<void> {
    const before = this.#connection;
    this.#connection = connection;
    const channels = [...this.#channels];
    await Promise.all(channels.map(([name, channel]) => this.#subscribe(connection, name, channel)));
    if (before?.isLive !== true) return;
    // Redis answers in order: what it published before is on its way ahead of the answer.
    const deadlineAtMs = this.#clock.nowMs() + timeLimitMs;
    await before.run((client) => client.ping(), { deadlineAtMs }).catch(() => {});
  }

  /** The connection is given up, and nothing listened to until the next one. */
  leave(): void {
    this.#connection = undefined;
  }

  #remove(name: string, listener: Listener): void {
    const channel = this.#channels.get(name);
    if (channel?.listeners.has(listener) !== true) return;
    if (channel.listeners.size > 1) return void channel.listeners.delete(listener);
    this.#channels.delete(name);
    channel.waiters.rejectAll(notListening(name));
    const deadlineAtMs = this.#clock.nowMs() + timeLimitMs;
    // Until the answer the listener stays: what was published before is on its way. If that fails the connection is
    // going, and the subscription goes with it.
    const leaving = this.#connection
      ?.run((client) => client.unsubscribe(name), { deadlineAtMs })
      .catch(() => {})
      .then(() => {
        if (this.#leaving.get(name) === leaving) this.#leaving.delete(name);
      });
    if (leaving !== undefined) this.#leaving.set(name, leaving);
    if (this.isEmpty) for (const resolve of this.#onEmpty.splice(0)) resolve();
  }

  async #subscribe(connection: Connection, name: string, channel: Channel): Promise<void> {
    const hear = (message: string): void => {
      for (const listener of channel.listeners) listener(message);
    };
    const deadlineAtMs = this.#clock.nowMs() + timeLimitMs;
    const isWanted = (): boolean =>
      this.#connection === connection && connection.isLive && this.#channels.get(name) === channel;
    try {
      // node-redis drops all listeners of a channel when UNSUBSCRIBE is answered, also those that came meanwhile.
      const leaving = this.#leaving.get(name);
      if (leaving !== undefined) {
        await leaving;
        if (!isWanted()) return;
      }
      await connection.run((client) => client.subscribe(name, hear), { deadlineAtMs });
      if (!isWanted()) return;
      channel.confirmedOn = connection;
      channel.waiters.resolveAll();
    } catch {
      // A lost connection has a successor that everything moves to; a live one is tried again.
      this.#clock.after(retryMs, () => {
        if (isWanted()) void this.#subscribe(connection, name, channel);
      });
    }
  }
}

function notListening(channel: string): AppError {
  return new AppError('redis-unavailable', `The channel ${channel} is not listened to yet.`);
}
