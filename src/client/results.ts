// What the calls of the client resolve to. An outage is no miss, and a write that may have been made is no failure.

import type { ValueSource } from './cache-status.ts';
import type { CachedValue } from './value.ts';

/**
 * Why it is not known whether there is an entry, or why it cannot be read or written now.
 *
 * - `cache-unavailable`, `authority-unavailable`, `origin-pending`, `origin-failed`, `overloaded`, `entry-newer`,
 *   `deadline-exceeded`: as
 *   docs/http.md has them; the last one also where the client's own time is up;
 * - `wrong-type`, `stored-value-too-large`, `answer-too-large`, `origin-refused`: of this one key; asking again does not
 *   help. `origin-refused`: the origin has an answer of its own for it, such as 403 or 429, in `status`;
 * - `write-outcome-unknown`: the write was sent, and its answer lost;
 * - `too-many-purges`: nothing was purged;
 * - `network-failed`: no answer. `token-unavailable`: the credential gave no token, and nothing was sent;
 * - `server-failed`: 429 or 5xx from something that is not the app, such as the Functions host or a proxy.
 */
export type UnavailableCode = (typeof unavailableCodes)[number];

export const unavailableCodes = [
  'cache-unavailable',
  'authority-unavailable',
  'origin-pending',
  'origin-failed',
  'overloaded',
  'entry-newer',
  'deadline-exceeded',
  'wrong-type',
  'stored-value-too-large',
  'answer-too-large',
  'origin-refused',
  'write-outcome-unknown',
  'too-many-purges',
  'network-failed',
  'token-unavailable',
  'server-failed',
] as const;

/** It is not known whether there is an entry, or it cannot be had now. Never a miss. */
export interface Unavailable {
  /** Which of the results it is. */
  readonly kind: 'unavailable';
  /** Why. */
  readonly code: UnavailableCode;
  /** Of the answer; undefined where there was none. */
  readonly status: number | undefined;
  /** When to ask again, where that was said. */
  readonly retryAfterSeconds: number | undefined;
  /** What `fetch` or the credential threw, where one did. */
  readonly cause?: unknown;
}

/** What an answer says of an entry. A page of another origin sees only what the server exposes to it: docs/package/client.md. */
export interface EntryState {
  /** As in HTTP, with its quotes: for `ifNoneMatch` and `ifMatch`. Undefined where it is not shown. */
  readonly etag: string | undefined;
  /** As it was written, or as the origin has it. */
  readonly contentType: string | undefined;
  /** Seconds since it was written, or since the origin made it. */
  readonly ageSeconds: number | undefined;
  /** Seconds of freshness left, negative once it is stale; undefined where its lifetime is not known. */
  readonly ttlSeconds: number | undefined;
  /** Whether it is past its lifetime, or was purged; undefined where that is not shown. */
  readonly stale: boolean | undefined;
  /** Where it came from: the memory of an instance, Redis, or the origin. Undefined where that is not shown. */
  readonly source: ValueSource | undefined;
  /** 200, or the origin's 203 or 204; 304 of what is not modified. */
  readonly status: number;
  /** All fields of the answer: `Last-Modified`, and those of the origin that the app keeps. Empty where a batch had to be asked. */
  readonly headers: Headers;
}

/** There is an entry, and this is its value. */
export interface Hit extends EntryState, CachedValue {
  /** Which of the results it is. */
  readonly kind: 'hit';
}

/** There is an entry; its value was not asked for. */
export interface HeadHit extends EntryState {
  /** Which of the results it is. */
  readonly kind: 'hit';
}

/** The cache (and the origin, where it has one) was asked, and has no such entry. */
export interface Miss {
  /** Which of the results it is. */
  readonly kind: 'miss';
}

/** The caller has the current one: `ifNoneMatch`. */
export interface NotModified extends EntryState {
  /** Which of the results it is. */
  readonly kind: 'not-modified';
}

/** The entry is not in the state that `ifMatch`, `ifNoneMatch` or `ifAbsent` asked for; nothing was changed. */
export interface PreconditionFailed {
  /** Which of the results it is. */
  readonly kind: 'precondition-failed';
}

/** What `get` resolves to. */
export type GetResult = Hit | Miss | NotModified | PreconditionFailed | Unavailable;

/** What `head` resolves to. */
export type HeadResult = HeadHit | Miss | NotModified | PreconditionFailed | Unavailable;

/** A change that may not have been made. */
export interface NotApplied extends Unavailable {
  /**
   * `unknown`: it was sent, and its answer lost. Writes are never repeated by themselves: read the entry, then write with
   * `ifMatch`. To remove or to purge again does no harm.
   */
  readonly applied: 'no' | 'unknown';
}

/** What `put` resolves to. */
export type PutResult =
  | { readonly kind: 'created' | 'replaced'; readonly etag: string | undefined }
  | PreconditionFailed
  | NotApplied;

/** What `delete` resolves to; `deleted` also where there was no such entry. */
export type DeleteResult = { readonly kind: 'deleted' } | PreconditionFailed | NotApplied;

/** One key of a batch. */
export type BatchItem =
  | ({
      readonly kind: 'hit';
      readonly key: string;
      readonly etag: string;
      readonly contentType: string;
    } & CachedValue)
  | ({ readonly key: string } & Miss)
  | ({ readonly key: string } & Unavailable);

/** What `purge` resolves to. */
export type PurgeResult =
  | {
      readonly kind: 'purged';
      /** By the clock of Redis. */
      readonly purgedAt: Date;
      /** Instances that could have answered without asking, or that heard of it. */
      readonly expected: number;
      /** How many have taken it in. */
      readonly acknowledged: number;
      /** Instances that have not answered in 1.6 s; by then they ask before they answer. */
      readonly silent: readonly string[];
    }
  | NotApplied;
