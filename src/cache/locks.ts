// Short locks that the fleet shares: one load per fleet, as far as a lock that expires can promise. And what is remembered
// for a while instead of a lock, because it makes a load needless.

import type { LockSubject } from './lock-keys.ts';
import type { Guard, RemovalTrace } from './tier.ts';

export interface Locks {
  /**
   * Tries once. A lock that was got is kept until it is released, or until this process or Redis is gone.
   * @param since the place of the latest purge of the entry: `none` is not believed where it is older.
   * @param traceParent of whoever wants it, as W3C Trace Context has it: told to those who find it held.
   * @throws AppError when Redis cannot be asked.
   */
  acquire(
    subject: LockSubject,
    deadlineAtMs: number,
    since?: number,
    traceParent?: string,
  ): Promise<LockAttempt>;
  /**
   * What is remembered instead of a lock. Takes nothing.
   * @param since as of `acquire`.
   * @throws AppError when Redis cannot be asked.
   */
  look(subject: LockSubject, deadlineAtMs: number, since?: number): Promise<Mark | undefined>;
  /** Remembers something without having the lock. Nobody waits for that. */
  mark(subject: LockSubject, mark: Mark, forMs: number): void;
  /** Remembers nothing any more, because there is an entry. Nobody waits for that. */
  forget(subject: LockSubject): void;
  /** What goes with the entry when it is removed, and where that is noted; undefined where no script reaches it. */
  traceOf(redisKey: string): RemovalTrace | undefined;
  /**
   * For a load without a lock: makes its write happen only if the entry has not been removed since. Undefined where no
   * script reaches both.
   * @throws AppError when Redis cannot be asked.
   */
  guardWithoutLock(redisKey: string, deadlineAtMs: number): Promise<Guard | undefined>;
}

export type LockAttempt =
  | { readonly kind: 'acquired'; readonly lock: Lock }
  /** Somebody else has it. `traceParent`: of whoever that is, where that is traced. */
  | { readonly kind: 'held'; readonly traceParent?: string | undefined }
  | { readonly kind: Mark };

/**
 * What is remembered for a while instead of a lock. `none`: the origin was asked and had nothing. `pass`: what it
 * has may not be stored, so whoever needs it asks, and waits for nobody ("hit-for-pass" in Varnish). `failed`: it has
 * just failed, and there is an entry that can still be served.
 */
export type Mark = (typeof marks)[number];
export const marks = ['none', 'pass', 'failed'] as const;

export interface Lock {
  /** Makes a write happen only while the lock is held; undefined where no script reaches both. */
  readonly guard: Guard | undefined;
  /**
   * Gives it back if it is still held. Nobody waits for that, and if it fails the lock expires anyway.
   * @param after what to remember.
   */
  release(after?: Remembered): void;
}

export interface Remembered {
  readonly kind: Mark;
  readonly forMs: number;
  /** Of `none`: that of purges when the origin was asked. */
  readonly place?: number | undefined;
}

/** The longest that anything is remembered instead of a lock: what the origin itself says of what it does not have. */
export const longestMarkMs = 24 * 3600 * 1000;
