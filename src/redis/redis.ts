// What the rest of the app sees of Redis: one client, however many connections are behind it.

import type { AppError } from '../util/errors.ts';
import type { RedisClient } from './handshake.ts';
import type { Tracking } from './tracking.ts';

/** The node-redis client that commands are issued on. */
export type { RedisClient } from './handshake.ts';
/** Which keys change, and how far a connection has heard of that. */
export type { Tracker } from './tracker.ts';
export type { Tracking } from './tracking.ts';

export interface CallOptions {
  /** What the commands are about, all of it in one slot: they go to the node that holds it. */
  readonly key: string;
  /** When the caller stops waiting, by the monotonic clock. */
  readonly deadlineAtMs: number;
  /** Whether `work` may be run again when a connection was lost under it, or Redis asked who this is. */
  readonly idempotent: boolean;
}

/** What became of one key of many. */
export type KeyOutcome<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: AppError };

export interface RedisStatus {
  readonly state: 'idle' | 'connecting' | 'ready' | 'backing-off' | 'closed';
  /** Live ones, for commands and for subscriptions: as many AUTHs a rotation costs. */
  readonly connections: number;
  readonly lastFailure: string | undefined;
  /** AUTH commands on live connections since the start, by their outcome. */
  readonly reauthenticated: number;
  readonly reauthenticationsFailed: number;
}

export interface Redis {
  /**
   * Runs commands of the node-redis client. Commands issued in one go share one round trip.
   * @throws AppError `redis-unavailable`, `redis-rejected-identity` or `token-unavailable` when nothing was
   * sent; `connection-lost` or `deadline-exceeded` when it is unknown what a write did; `wrong-type` and
   * `command-failed` when Redis answered with an error.
   */
  run<T>(work: (client: RedisClient) => Promise<T>, options: CallOptions): Promise<T>;
  /**
   * Runs `work` once for each node with the keys it holds, all nodes at once; the outcomes in the order of
   * `keys`. A node that cannot be asked fails its own keys only.
   */
  runMany<T>(
    keys: readonly string[],
    work: (client: RedisClient, keys: readonly string[]) => Promise<readonly T[]>,
    options: Omit<CallOptions, 'key'>,
  ): Promise<readonly KeyOutcome<T>[]>;
  /** Resolves when Redis has answered a PING; one node that answers is enough. */
  ping(deadlineAtMs: number): Promise<void>;
  status(): RedisStatus;
  /** Resolves when no live connection is being brought to the current token. */
  settled(): Promise<void>;
  /**
   * Listens to a Pub/Sub channel, on a connection that carries no commands, and on the one after each loss; returns
   * how to stop. What is published while there is none is missed, and what is published while one takes over from
   * another may be heard twice.
   */
  subscribe(channel: string, listener: (message: string) => void): () => void;
  /**
   * Resolves when what is published from now on is heard; the channel has been subscribed.
   * @throws AppError at the deadline.
   */
  listening(channel: string, deadlineAtMs: number): Promise<void>;
  /** Which keys change, as Redis says it. */
  readonly tracking: Tracking;
  /**
   * What the channel is heard on now: a live connection on which Redis has confirmed it. Undefined where there is none,
   * and another one after each loss: as long as it is the same, nothing was missed.
   */
  hearing(channel: string): object | undefined;
  /** Starts connecting. Never throws and never waits. */
  start(): void;
  /** Answers what is in flight, then closes. */
  close(): Promise<void>;
}
