// Reads and writes entries through the shared Redis client. An outage is never a miss: each answer has its own
// kind. What is no entry, though it begins as one, is told by an event and counts as a miss.

import { randomUUID } from 'node:crypto';
import { RESP_TYPES } from 'redis';
import { AppError } from '../errors.ts';
import type { RedisClient } from '../redis/connection.ts';
import { fromErrorReply } from '../redis/failures.ts';
import type { KeyOutcome, Redis } from '../redis/redis.ts';
import type { Emit } from '../telemetry/events.ts';
import { zip } from '../zip.ts';
import {
  decodeEntry,
  decodeHead,
  encodeEntry,
  encodeHeader,
  keptMs,
  type Entry,
  type EntryHead,
  type InvalidEntry,
} from './entry.ts';
import { longestHeadBytes, usualHeadBytes } from './entry-form.ts';
import { touchScript, writeScript } from './write-script.ts';

interface Failures {
  readonly miss: { readonly kind: 'miss' };
  readonly wrongType: { readonly kind: 'wrong-type' };
  readonly unavailable: { readonly kind: 'unavailable'; readonly error: AppError };
}

export type ReadResult = { readonly kind: 'hit'; readonly entry: Entry } | Failures[keyof Failures];

/** What is known of a key without its body; `head` is undefined for what somebody else wrote. */
export type HeadResult =
  { readonly kind: 'hit'; readonly head: EntryHead | undefined } | Failures[keyof Failures];

export type WriteResult =
  | { readonly kind: 'created' }
  | { readonly kind: 'replaced' }
  | { readonly kind: 'precondition-failed' }
  | { readonly kind: 'wrong-type' }
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

// Longer than whoever takes no lock needs from its question to its write: 30 s for the origin, 5 s for Redis.
const removalNotedMs = 60_000;
const bufferReplies = { [RESP_TYPES.BLOB_STRING]: Buffer };

export class EntryStore {
  readonly #redis: Redis;
  readonly #onInvalid: OnInvalid;

  constructor(redis: Redis, emit: Emit) {
    this.#redis = redis;
    this.#onInvalid = ({ reason }) => emit({ type: 'entryInvalid', reason });
  }

  /** One GET. */
  async read(key: string, deadlineAtMs: number): Promise<ReadResult> {
    try {
      return await this.#redis.run((client) => this.#readOne(client.withTypeMapping(bufferReplies), key), {
        key,
        deadlineAtMs,
        idempotent: true,
      });
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return error.code === 'wrong-type' ? { kind: 'wrong-type' } : { kind: 'unavailable', error };
    }
  }

  /** One GET a key, all in one round trip; the results in the order of the keys. */
  async readMany(keys: readonly string[], deadlineAtMs: number): Promise<readonly ReadResult[]> {
    const readAll = async (client: RedisClient, some: readonly string[]): Promise<readonly ReadResult[]> => {
      const reader = client.withTypeMapping(bufferReplies);
      return each(some, (key) => this.#readOne(reader, key));
    };
    const outcomes = await this.#redis.runMany(keys, readAll, { deadlineAtMs, idempotent: true });
    return outcomes.map(unwrap);
  }

  /** The heads of many entries, without their bodies: one GETRANGE a key, all in one round trip. */
  async readHeads(keys: readonly string[], deadlineAtMs: number): Promise<readonly HeadResult[]> {
    const heads = await this.#readStarts(keys, usualHeadBytes, deadlineAtMs);
    const longKeys = keys.filter((_key, index) => heads[index]?.kind === 'cut');
    if (longKeys.length === 0) return heads.map(whole);
    const long = new Map(zip(longKeys, await this.#readStarts(longKeys, longestHeadBytes, deadlineAtMs)));
    return zip(keys, heads).map(([key, head]) => whole(long.get(key) ?? head));
  }

  /** Stores `entry` for its lifetime if `condition` and `guard` hold: one script, one round trip. */
  write(
    key: string,
    entry: Entry,
    condition: WriteCondition,
    deadlineAtMs: number,
    guard?: Guard,
  ): Promise<WriteResult> {
    const guardKeys = guard === undefined ? [] : [guard.key];
    const value = [encodeEntry(entry), `${keptMs(entry)}`, guard?.value ?? ''];
    const parameters = ['set', condition.kind, ...value, ...namedBy(condition)];
    return this.#change(writeScript, [key, ...guardKeys], parameters, deadlineAtMs);
  }

  /** Gives the entry of the write `heldWriteId` a new lifetime, that of `head`; the body is not moved. */
  touch(key: string, heldWriteId: string, head: EntryHead, deadlineAtMs: number): Promise<WriteResult> {
    const parameters = [heldWriteId, encodeHeader(head), `${keptMs(head)}`];
    return this.#change(touchScript, [key], parameters, deadlineAtMs);
  }

  /** Removes the entry if `condition` holds; removing what is not there succeeds. */
  remove(
    key: string,
    condition: WriteCondition,
    deadlineAtMs: number,
    trace?: RemovalTrace,
  ): Promise<WriteResult> {
    const keys = trace === undefined ? [] : [trace.noteKey, ...trace.removed];
    const parameters = ['del', condition.kind, randomUUID(), `${removalNotedMs}`, '', ...namedBy(condition)];
    return this.#change(writeScript, [key, ...keys], parameters, deadlineAtMs);
  }

  async #readOne(reader: { get(key: string): Promise<Buffer | null> }, key: string): Promise<ReadResult> {
    const stored = await reader.get(key);
    if (stored === null) return { kind: 'miss' };
    const decoded = decodeEntry(stored);
    if (decoded.kind === 'entry') return { kind: 'hit', entry: decoded.entry };
    this.#onInvalid(decoded);
    return { kind: 'miss' };
  }

  async #readStarts(
    keys: readonly string[],
    bytes: number,
    deadlineAtMs: number,
  ): Promise<readonly PartialHead[]> {
    const read = headsOf(bytes, this.#onInvalid);
    const outcomes = await this.#redis.runMany(keys, read, { deadlineAtMs, idempotent: true });
    return outcomes.map(unwrap);
  }

  async #change(
    script: string,
    keys: readonly [string, ...string[]],
    parameters: (string | Buffer)[],
    deadlineAtMs: number,
  ): Promise<WriteResult> {
    let sent = false;
    try {
      const reply = await this.#redis.run(
        async (client) => {
          sent = true;
          return client.eval(script, { keys: [...keys], arguments: parameters });
        },
        { key: keys[0], deadlineAtMs, idempotent: false },
      );
      return { kind: writeKind(reply) };
    } catch (error) {
      // What is not ours is a bug: it must surface as a 500, not pass for an outage.
      if (!(error instanceof AppError)) throw error;
      if (error.code === 'wrong-type') return { kind: 'wrong-type' };
      const mayHaveHappened = error.code === 'connection-lost' || error.code === 'deadline-exceeded';
      return { kind: 'unavailable', error, applied: sent && mayHaveHappened ? 'unknown' : 'no' };
    }
  }
}

/** Issued in one turn of the event loop, so node-redis writes them together. */
async function each<T>(
  keys: readonly string[],
  read: (key: string) => Promise<T>,
): Promise<(T | Failures['wrongType'])[]> {
  const replies = await Promise.allSettled(keys.map(read));
  return replies.map((reply) => {
    if (reply.status === 'fulfilled') return reply.value;
    const error = fromErrorReply(reply.reason);
    if (error?.code === 'wrong-type') return { kind: 'wrong-type' };
    // Anything but an answer about this key concerns the connection: the caller decides whether to repeat.
    throw error ?? reply.reason;
  });
}

type PartialHead = HeadResult | { readonly kind: 'cut' };
type OnInvalid = (entry: InvalidEntry) => void;

function headsOf(bytes: number, onInvalid: OnInvalid) {
  return async (client: RedisClient, keys: readonly string[]): Promise<readonly PartialHead[]> => {
    const reader = client.withTypeMapping(bufferReplies);
    return each(keys, async (key): Promise<PartialHead> => {
      const start = await reader.getRange(key, 0, bytes - 1);
      // GETRANGE cannot tell an empty string from a missing key; either way there is nothing worth keeping.
      if (start === null || start.length === 0) return { kind: 'miss' };
      const decoded = decodeHead(start, start.length < bytes ? start.length : undefined);
      switch (decoded.kind) {
        case 'head':
          return { kind: 'hit', head: decoded.head };
        case 'foreign':
          return { kind: 'hit', head: undefined };
        case 'cut':
          return { kind: 'cut' };
        case 'invalid':
          onInvalid(decoded);
          return { kind: 'miss' };
      }
    });
  };
}

function whole(head: PartialHead): HeadResult {
  if (head.kind === 'cut') throw new TypeError('No head is longer than the longest.');
  return head;
}

function namedBy(condition: WriteCondition): readonly string[] {
  if ('etags' in condition) return condition.etags;
  return 'writeId' in condition ? [condition.writeId] : [];
}

function unwrap<T>(outcome: KeyOutcome<T>): T | Failures['unavailable'] {
  return outcome.ok ? outcome.value : { kind: 'unavailable', error: outcome.error };
}

const writeKinds = ['created', 'replaced', 'precondition-failed', 'wrong-type'] as const;

function writeKind(reply: unknown): (typeof writeKinds)[number] {
  const kind = writeKinds.find((known) => known === reply);
  if (kind === undefined) throw new AppError('command-failed', 'The write script gave an unknown answer.');
  return kind;
}
