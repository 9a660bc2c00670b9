// What a user of ./redis sees of a client: its methods, their options, what they resolve to.

import type { KeeperStatus } from '../auth/token-keeper.ts';
import type { KeyOutcome, RedisClient, RedisStatus as ConnectionsStatus } from '../redis/redis.ts';
import type { AppEvent, ClusterEvent, RefusalEvent } from '../telemetry/events.ts';

/** What happens to one client: its tokens, its connections, its nodes, its fleet. No event carries a token or a value. */
export type RedisEvent =
  | Extract<
      AppEvent,
      { type: `token${string}` | `connection${string}` | `tracking${string}` | `rollCall${string}` }
    >
  | ClusterEvent
  | RefusalEvent;

/** Of every call that reaches Redis. */
export interface CallOptions {
  /** Milliseconds after which the call ends with `deadline-exceeded`, or with what stands in the way; the client's `timeoutMs` where undefined. */
  readonly timeoutMs?: number | undefined;
  /**
   * Whether `work` may be run a second time where a connection was lost under it: true for reads, and for writes that
   * do the same again. False where undefined.
   */
  readonly idempotent?: boolean | undefined;
  /** Ends the call with the signal's reason. What has been sent to Redis by then may still be carried out. */
  readonly signal?: AbortSignal | undefined;
}

/** Of a call about one key. */
export interface RunOptions extends CallOptions {
  /** The key that the commands are about. On a cluster it says which node they go to: all of them in one slot. */
  readonly key: string;
}

/** How a client is. Holds no secret. */
export interface RedisStatus extends ConnectionsStatus {
  /** `expiresAtMs` and `lastRotationAtMs` are milliseconds since the Unix epoch; undefined while there is no token. */
  readonly token: KeeperStatus;
}

/** A Redis client that never loses its login. Made by `createRedis`. */
export interface Redis extends AsyncDisposable {
  /**
   * Runs commands of the node-redis client. Commands issued in one go share one round trip.
   *
   * @example
   * ```ts
   * const visits = await redis.run((client) => client.incr('visits'), { key: 'visits' });
   * const name = await redis.run((client) => client.get('name'), { key: 'name', idempotent: true, timeoutMs: 500 });
   * ```
   * @throws AppError with one of these codes. Nothing was sent: `redis-unavailable`, `redis-rejected-identity`,
   * `token-unavailable`, `token-refused`, `stopped` (after `close()`), `options-invalid`. Unknown what a write did:
   * `connection-lost`, `deadline-exceeded`. Redis answered with an error: `wrong-type`, `command-failed`.
   * Or the reason of `signal`, or what `work` itself throws.
   */
  run<T>(work: (client: RedisClient) => Promise<T>, options: RunOptions): Promise<T>;
  /**
   * Runs `work` once for each node with those of `keys` that it holds, all nodes at once; a single endpoint has one
   * node. Resolves to the outcomes in the order of `keys`: a node that cannot be asked fails its own keys only.
   *
   * @param work resolves to one value for each of the keys it was given, in their order.
   * @example
   * ```ts
   * const outcomes = await redis.runMany(['a', 'b'], (client, keys) => Promise.all(keys.map((key) => client.get(key))));
   * const values = outcomes.map((outcome) => (outcome.ok ? outcome.value : outcome.error.code));
   * ```
   * @throws AppError `stopped` after `close()`, `options-invalid`; the reason of `signal`; what `work` itself throws.
   */
  runMany<T>(
    keys: readonly string[],
    work: (client: RedisClient, keys: readonly string[]) => Promise<readonly T[]>,
    options?: CallOptions,
  ): Promise<readonly KeyOutcome<T>[]>;
  /**
   * Listens to a Pub/Sub channel, on a connection that carries no commands, and on the one after each loss; returns
   * how to stop. What is published while there is none is missed. What `listener` throws is ignored.
   *
   * @example
   * ```ts
   * const stop = redis.subscribe('news', (message) => console.log(message));
   * ```
   * @throws AppError `stopped` after `close()`.
   */
  subscribe(channel: string, listener: (message: string) => void): () => void;
  /**
   * How this client is, at once.
   *
   * @example
   * ```ts
   * const { state, connections, token } = redis.status();
   * console.log(`${state}, ${connections} connections, token for another ${(token.timeLeftMs ?? 0) / 1000} s`);
   * ```
   */
  status(): RedisStatus;
  /**
   * Listens to one type of event of this client; returns how to stop. What `listener` throws is ignored. The events of
   * all clients of the process are on `node:diagnostics_channel`, as `redis-entra-functions.<type>`.
   *
   * @example
   * ```ts
   * redis.onEvent('tokenRenewalFailed', ({ reason, timeLeftMs }) => console.warn(reason, timeLeftMs));
   * ```
   */
  onEvent<T extends RedisEvent['type']>(
    type: T,
    listener: (event: Extract<RedisEvent, { type: T }>) => void,
  ): () => void;
  /**
   * Answers what is in flight (for up to 5 s), closes the connections and stops renewing the token. Calls that come
   * later fail with `stopped`. Called again it is the same closing. `createRedis` makes a new client from then on.
   */
  close(): Promise<void>;
}
