// Reads and writes entries through the shared Redis client. Used by functions/, the loader and the warmup.
// Knows no HTTP and no origin. An outage is never a miss: each answer has its own kind.

import { RESP_TYPES } from 'redis';
import { AppError } from '../errors.ts';
import type { RedisClient } from '../redis/connection.ts';
import { fromErrorReply } from '../redis/failures.ts';
import type { KeyOutcome, Redis } from '../redis/redis.ts';
import {
  decodeEntry,
  decodeHead,
  encodeEntry,
  encodeHeader,
  keptMs,
  usualHeadBytes,
  type Entry,
  type EntryHead,
} from './entry.ts';
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

/**
 * What must hold of the current entry for a write to happen; tags without quotes, or `*` for any entry.
 * `unchanged`: there is none, or one with these tags.
 */
export interface WriteCondition {
  readonly kind: 'none' | 'match' | 'none-match' | 'unchanged';
  readonly etags: readonly string[];
}

/** A lock, in the slot of the entry, that must be this owner's for a write to happen. */
export interface Guard {
  readonly lockKey: string;
  readonly owner: string;
}

const bufferReplies = { [RESP_TYPES.BLOB_STRING]: Buffer };
// A head has at most 6 + 255 + 2 bytes and the header, whose length two bytes hold.
const longestHeadBytes = 66_000;

export class EntryStore {
  readonly #redis: Redis;

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** One GET. */
  async read(key: string, deadlineAtMs: number): Promise<ReadResult> {
    try {
      return await this.#redis.run((client) => readOne(client.withTypeMapping(bufferReplies), key), {
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
    const outcomes = await this.#redis.runMany(keys, readAll, { deadlineAtMs, idempotent: true });
    return outcomes.map(unwrap);
  }

  /** The heads of many entries, without their bodies: one GETRANGE a key, all in one round trip. */
  async readHeads(keys: readonly string[], deadlineAtMs: number): Promise<readonly HeadResult[]> {
    const read = headsOf(usualHeadBytes);
    const outcomes = await this.#redis.runMany(keys, read, { deadlineAtMs, idempotent: true });
    return Promise.all(
      outcomes.map(async (outcome, index): Promise<HeadResult> => {
        if (!outcome.ok || outcome.value.kind !== 'cut') return unwrap(outcome) as HeadResult;
        const again = headsOf(longestHeadBytes);
        const keyAgain = keys.slice(index, index + 1);
        const [whole] = await this.#redis.runMany(keyAgain, again, { deadlineAtMs, idempotent: true });
        const result = whole === undefined ? undefined : unwrap(whole);
        // Changed meanwhile into something that is still cut: whatever it is, it is not known.
        return result === undefined || result.kind === 'cut' ? { kind: 'hit', head: undefined } : result;
      }),
    );
  }

  /** Stores `entry` for its lifetime if `condition` and `guard` hold: one script, one round trip. */
  write(
    key: string,
    entry: Entry,
    condition: WriteCondition,
    deadlineAtMs: number,
    guard?: Guard,
  ): Promise<WriteResult> {
    const guardKeys = guard === undefined ? [] : [guard.lockKey];
    const value = [encodeEntry(entry), `${keptMs(entry)}`, guard?.owner ?? ''];
    const parameters = ['set', condition.kind, ...value, ...condition.etags];
    return this.#change(writeScript, [key, ...guardKeys], parameters, deadlineAtMs);
  }

  /** Gives the entry that has this head's etag its new lifetime; the body is not moved. */
  touch(key: string, head: EntryHead, deadlineAtMs: number): Promise<WriteResult> {
    const parameters = [head.etag, encodeHeader(head), `${keptMs(head)}`];
    return this.#change(touchScript, [key], parameters, deadlineAtMs);
  }

  /**
   * Removes the entry if `condition` holds; removing what is not there succeeds.
   * @param beside keys in its slot that are removed with it.
   */
  remove(
    key: string,
    condition: WriteCondition,
    deadlineAtMs: number,
    beside: readonly string[] = [],
  ): Promise<WriteResult> {
    const parameters = ['del', condition.kind, '', '0', '', ...condition.etags];
    return this.#change(writeScript, [key, ...beside], parameters, deadlineAtMs);
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

async function readAll(client: RedisClient, keys: readonly string[]): Promise<readonly ReadResult[]> {
  const reader = client.withTypeMapping(bufferReplies);
  return each(keys, (key) => readOne(reader, key));
}

async function readOne(
  reader: { get(key: string): Promise<Buffer | null> },
  key: string,
): Promise<ReadResult> {
  const stored = await reader.get(key);
  return stored === null ? { kind: 'miss' } : { kind: 'hit', entry: decodeEntry(stored) };
}

type PartialHead = HeadResult | { readonly kind: 'cut' };

function headsOf(bytes: number) {
  return async (client: RedisClient, keys: readonly string[]): Promise<readonly PartialHead[]> => {
    const reader = client.withTypeMapping(bufferReplies);
    return each(keys, async (key): Promise<PartialHead> => {
      const start = await reader.getRange(key, 0, bytes - 1);
      // An empty string is told from none by nobody but EXISTS; either way there is nothing worth keeping.
      if (start === null || start.length === 0) return { kind: 'miss' };
      const decoded = decodeHead(start);
      if (decoded.kind === 'cut') return { kind: 'cut' };
      return { kind: 'hit', head: decoded.kind === 'head' ? decoded.head : undefined };
    });
  };
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
