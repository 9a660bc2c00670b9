// What the methods of a cache resolve to.

import type { AppError } from '../util/errors.ts';

/** What a read says. An outage is no miss. */
export type GetResult<T> =
  | {
      readonly kind: 'hit';
      readonly value: T;
      /** Whether it is past its lifetime; `getOrSet`, or a read over HTTP, renews it. */
      readonly stale: boolean;
      /** Seconds since it was made; undefined for what somebody else wrote as a plain Redis string. */
      readonly ageSeconds: number | undefined;
      /** Names this state of it, without quotes: for `condition`. Over HTTP it is the `ETag`. */
      readonly etag: string;
      /** As it is served over HTTP. */
      readonly contentType: string;
    }
  | { readonly kind: 'miss' }
  /**
   * It is not known whether there is one, or it cannot be read. `error.code` says why: `redis-unavailable`,
   * `connection-lost`, `deadline-exceeded` and the like for an outage; `overloaded`; for the one key `wrong-type`,
   * `entry-newer` and `value-invalid`; `origin-failed` where the cache has an origin.
   */
  | { readonly kind: 'unavailable'; readonly error: AppError };

/** What a write came to. */
export type SetResult =
  | { readonly kind: 'created' | 'replaced'; readonly etag: string }
  /** `condition` did not hold; nothing was written. */
  | { readonly kind: 'precondition-failed' }
  | NotApplied;

/** What a removal came to; `precondition-failed`: `condition` did not hold, and nothing was removed. */
export type DeleteResult = { readonly kind: 'deleted' | 'absent' | 'precondition-failed' } | NotApplied;

/** A change that may not have been made. */
export interface NotApplied {
  /** Redis cannot be asked, or refuses. */
  readonly kind: 'unavailable';
  /** As of a read; `overloaded`, too, where there is no memory for the value now. */
  readonly error: AppError;
  /** `unknown`: the connection was lost, or the time was up, after the command had been sent. */
  readonly applied: 'no' | 'unknown';
}

/** What a purge came to. */
export type PurgeResult =
  | {
      readonly kind: 'purged';
      /** By the clock of Redis. */
      readonly purgedAt: Date;
      /** Instances that could have answered without asking, or that heard of it. */
      readonly expected: number;
      /** How many have taken it in. */
      readonly acknowledged: number;
      /**
       * Instances that have not answered in time, as the fleet names them. Where there was time for it (1.6 s), they ask
       * before they answer anything.
       */
      readonly silent: readonly string[];
    }
  /**
   * `error.code` `overloaded`: 10,000 keys, tags and prefixes are remembered already; `error.retryAfterSeconds` says when
   * that may change. Where `applied` is `unknown`, purging again does no harm.
   */
  | NotApplied;
