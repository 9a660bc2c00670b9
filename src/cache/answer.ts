// What the cache answers to a read: the entry, and how it came about, or why there is none.

import type { AppError } from '../util/errors.ts';
import type { Entry } from './entry.ts';
import type { LoadOutcome } from './load-outcome.ts';
import type { Room } from './tier.ts';

/** How the origin came into an answer, and what the cache had to do with it. */
export interface Forwarded {
  /**
   * `stale`: an entry was there and had to be validated first. `bypass`: Redis could not be asked. `entry-newer`: a
   * newer version of the app wrote the entry.
   */
  readonly why: 'miss' | 'stale' | 'bypass' | 'entry-newer';
  /** What the origin answered with; undefined where another instance asked it. */
  readonly status: number | undefined;
  readonly stored: boolean;
  /** Whether another request's load was waited for. */
  readonly collapsed: boolean;
}

/**
 * Why an entry is served though it is too old: the origin was asked, and failed; or though it may have been changed: it
 * is in memory, and Redis cannot be asked.
 */
export type Despite = 'origin-failed' | 'origin-pending' | 'cache-unavailable';

export type CacheAnswer =
  | {
      readonly kind: 'hit';
      readonly entry: Entry;
      readonly stale: boolean;
      readonly despite?: Despite;
      /** Undefined for Redis. The bytes of what is in memory are everybody's, and not to be changed. */
      readonly from?: 'memory' | undefined;
    }
  | { readonly kind: 'loaded'; readonly entry: Entry; readonly forwarded: Forwarded }
  /** `origin`: it was asked, now or a moment ago, and has none; undefined where there is no origin. */
  | { readonly kind: 'miss'; readonly origin: 'asked' | 'remembered' | 'bypass' | undefined }
  | { readonly kind: 'wrong-type' | 'stored-value-too-large' | 'answer-too-large' }
  /** There is no memory for it now. */
  | { readonly kind: 'overloaded' }
  /** A newer version of the app wrote it, and the origin alone does not know better. */
  | { readonly kind: 'entry-newer' }
  | { readonly kind: 'unavailable'; readonly error: AppError }
  | { readonly kind: 'origin-failed'; readonly error: AppError }
  /** The time was up before the origin had answered; the load goes on. */
  | { readonly kind: 'origin-pending'; readonly error: AppError };

/** @param joined whether it was another request's load. */
export function answerOf(outcome: LoadOutcome, why: Forwarded['why'], joined: boolean): CacheAnswer {
  switch (outcome.kind) {
    case 'found': {
      const { entry, stored, originStatus: status } = outcome;
      return { kind: 'loaded', entry, forwarded: { why, status, stored, collapsed: joined } };
    }
    case 'filled': {
      const forwarded = { why, status: undefined, stored: true, collapsed: true };
      return { kind: 'loaded', entry: outcome.entry, forwarded };
    }
    case 'none':
      if (why === 'bypass') return { kind: 'miss', origin: 'bypass' };
      return { kind: 'miss', origin: outcome.remembered ? 'remembered' : 'asked' };
    case 'failed':
      if (outcome.error.code === 'overloaded') return { kind: 'overloaded' };
      return outcome.error.code === 'origin-failed'
        ? { kind: 'origin-failed', error: outcome.error }
        : { kind: 'origin-pending', error: outcome.error };
  }
}

/** A load is there for many requests: each counts what its own answer takes. */
export function withinRoom(answer: CacheAnswer, room: Room | undefined): CacheAnswer {
  if (answer.kind !== 'loaded' || room === undefined) return answer;
  return refusedBy(room, answer.entry) ?? answer;
}

/** Takes the bytes of an entry that nobody has counted; what is answered instead where they do not fit. */
export function refusedBy(
  room: Room | undefined,
  { body }: Entry,
): { readonly kind: 'answer-too-large' | 'overloaded' } | undefined {
  if (room?.limit?.admits(body.length) === false) return { kind: 'answer-too-large' };
  return room?.charge.takeValue(body.length) === false ? { kind: 'overloaded' } : undefined;
}
