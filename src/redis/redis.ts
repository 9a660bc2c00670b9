// What the rest of the app sees of Redis: one client, however many connections are behind it.
// Implemented by standalone.ts; used by cache/, functions/ and main.ts. Knows no topology and no token.

import type { RedisClient } from './connection.ts';

export interface CallOptions {
  /** When the caller stops waiting, in milliseconds since the epoch. */
  readonly deadlineAtMs: number;
  /** Whether `work` may be run again when a connection was lost under it, or Redis asked who this is. */
  readonly idempotent: boolean;
}

export interface RedisStatus {
  readonly state: 'idle' | 'connecting' | 'ready' | 'backing-off' | 'closed';
  readonly connections: number;
  readonly lastFailure: string | undefined;
}

export interface Redis {
  /**
   * Runs commands of the node-redis client. Commands issued in one go share one round trip.
   * @throws AppError `redis-unavailable`, `redis-rejected-identity` or `token-unavailable` when nothing was
   * sent; `connection-lost` or `deadline-exceeded` when it is unknown what a write did; `wrong-type` and
   * `command-failed` when Redis answered with an error.
   */
  run<T>(work: (client: RedisClient) => Promise<T>, options: CallOptions): Promise<T>;
  status(): RedisStatus;
  /** Starts connecting. Never throws and never waits. */
  start(): void;
  /** Answers what is in flight, then closes. */
  close(): Promise<void>;
}
