// Where entries stand, as the parts above see it: what can be asked of it, and what it answers.

import type { Charge } from '../util/byte-budget.ts';
import type { AppError } from '../util/errors.ts';
import type { AnswerLimit } from './answer-limit.ts';
import type { Entry, EntryHead } from './entry.ts';

/** Every method answers by its deadline, in milliseconds of the monotonic clock, and rejects only for a bug. */
export interface Tier {
  /** @param charge holds the bytes of the answer; without one they are counted until it is there. */
  read(key: string, deadlineAtMs: number, charge?: Charge): ReadResult | Promise<ReadResult>;
  /** All keys at once; the results in the order of the keys. */
  readMany(
    keys: readonly string[],
    deadlineAtMs: number,
    room?: Room,
  ): readonly ReadResult[] | Promise<readonly ReadResult[]>;
  /** The heads of many entries, without their bodies. */
  readHeads(keys: readonly string[], deadlineAtMs: number): Promise<readonly HeadResult[]>;
  /** Stores `entry` for its lifetime if `condition` and the guard hold, in one step. */
  write(
    key: string,
    entry: Entry,
    condition: WriteCondition,
    deadlineAtMs: number,
    options?: WriteOptions,
  ): Promise<WriteResult>;
  /** Gives the entry of the write `heldWriteId` a new lifetime, that of `head`; the body is not moved. */
  touch(key: string, heldWriteId: string, head: EntryHead, deadlineAtMs: number): Promise<WriteResult>;
  /** Removes the entry if `condition` holds. */
  remove(
    key: string,
    condition: WriteCondition,
    deadlineAtMs: number,
    trace?: RemovalTrace,
  ): Promise<RemoveResult>;
}

/** A tier that does something with what it has read. */
export interface JudgingTier extends Tier {
  /** As `read`, and goes on with `use`: with one promise for both. At once where `read` answers at once. */
  readThen<T>(
    key: string,
    deadlineAtMs: number,
    charge: Charge | undefined,
    use: (result: ReadResult) => T | Promise<T>,
  ): T | Promise<T>;
}

export type Value =
  /** `from`: undefined for Redis; the bytes of what is in memory are everybody's, and not to be changed. */
  | { readonly kind: 'hit'; readonly entry: Entry; readonly from?: 'memory' }
  | { readonly kind: 'miss' }
  /** A newer version of the app wrote it. */
  | { readonly kind: 'entry-newer' }
  /** There is no memory for it now. */
  | { readonly kind: 'overloaded' }
  /** Larger than CACHE_MAX_VALUE_BYTES: what others wrote, or what was written while that was higher. */
  | { readonly kind: 'stored-value-too-large' }
  /** Beyond what the values of one answer may take together. */
  | { readonly kind: 'answer-too-large' };

export type ReadResult =
  | Value
  | WrongType
  | {
      readonly kind: 'unavailable';
      readonly error: AppError;
      /** From memory: it was true when the connection was lost, and may have been changed since then. */
      readonly unconfirmed?: Entry;
    };

export type WriteResult = { readonly kind: 'created' } | { readonly kind: 'replaced' } | NotChanged;

/** `absent`: there was none. */
export type RemoveResult = { readonly kind: 'removed' } | { readonly kind: 'absent' } | NotChanged;

/** Why a write or removal has changed nothing, as far as is known. */
export type NotChanged =
  | { readonly kind: 'precondition-failed' }
  /** A newer version of the app wrote what is there; it was left as it is. */
  | { readonly kind: 'entry-newer' }
  | WrongType
  /** `applied` is unknown when the connection was lost, or the time was up, after the command was sent. */
  | { readonly kind: 'unavailable'; readonly error: AppError; readonly applied: 'no' | 'unknown' };

/** What must hold of the current entry for a write to happen. An invalid entry counts as none. */
export type WriteCondition = TagCondition | WriteIdCondition;

/** Tags without quotes, or `*` for any entry. */
export interface TagCondition {
  readonly kind: 'none' | 'match' | 'none-match';
  readonly etags: readonly string[];
}

/** Tells writes apart, not bytes: what is not a client's must not overwrite what a client wrote meanwhile. */
export type WriteIdCondition =
  | { readonly kind: 'absent' }
  /** Somebody else wrote it. */
  | { readonly kind: 'foreign' }
  /** It is still what this write has left. */
  | { readonly kind: 'same' | 'same-or-absent'; readonly writeId: string };

/** A key, in the slot of the entry, that must hold this for a write to happen: empty for none. */
export interface Guard {
  readonly key: string;
  readonly value: string;
}

/** Keys in the slot of an entry that change when it is removed. */
export interface RemovalTrace {
  readonly removed: readonly string[];
  /** Where the removal is noted for a while, each with an identity of its own. */
  readonly noteKey: string;
}

export interface WrongType {
  readonly kind: 'wrong-type';
}

/** What is known of a key without its body; `head` is undefined for what somebody else wrote. */
export type HeadResult =
  | { readonly kind: 'hit'; readonly head: EntryHead | undefined }
  | { readonly kind: 'miss' }
  /** A newer version of the app wrote it. */
  | { readonly kind: 'entry-newer' }
  | WrongType
  | { readonly kind: 'unavailable'; readonly error: AppError };

/** Where the bytes of an answer are counted. */
export interface Room {
  readonly charge: Charge;
  readonly limit?: AnswerLimit | undefined;
}

export interface WriteOptions {
  readonly guard?: Guard | undefined;
  /** Held until the bytes have left. */
  readonly charge?: Charge | undefined;
}
