// Reads and writes entries through the shared Redis client. Used by functions/.
// Knows no HTTP. An outage is never a miss: each answer has its own kind.

import { RESP_TYPES } from 'redis';
import { AppError } from '../errors.ts';
import type { RedisClient } from '../redis/connection.ts';
import { fromErrorReply } from '../redis/failures.ts';
import type { Redis } from '../redis/redis.ts';
import { decodeEntry, encodeEntry, type Entry } from './entry.ts';
import { writeScript } from './write-script.ts';

export type ReadResult =
  | { readonly kind: 'hit'; readonly entry: Entry }
  | { readonly kind: 'miss' }
  | { readonly kind: 'wrong-type' }
  | { readonly kind: 'unavailable'; readonly error: AppError };

export type WriteResult =
  | { readonly kind: 'created' }
  | { readonly kind: 'replaced' }
  | { readonly kind: 'precondition-failed' }
  | { readonly kind: 'wrong-type' }
  /** `applied` is unknown when the connection was lost, or the time was up, after the command was sent. */
  | { readonly kind: 'unavailable'; readonly error: AppError; readonly applied: 'no' | 'unknown' };

/** What must hold of the current entry for a write to happen; tags without quotes, or `*` for any entry. */
export interface WriteCondition {
  readonly kind: 'none' | 'match' | 'none-match';
  readonly etags: readonly string[];
}

const bufferReplies = { [RESP_TYPES.BLOB_STRING]: Buffer };

export class EntryStore {
  readonly #redis: Redis;
  #readCount = 0;

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** Keys that Redis has answered for, found or not, since the start. */
  get readCount(): number {
    return this.#readCount;
  }

  /** One GET. */
  async read(key: string, deadlineAtMs: number): Promise<ReadResult> {
    const [result] = await this.readMany([key], deadlineAtMs);
    return result ?? { kind: 'miss' };
  }

  /** One GET a key, all in one round trip; the results in the order of the keys. */
  async readMany(keys: readonly string[], deadlineAtMs: number): Promise<readonly ReadResult[]> {
    try {
      const results = await this.#redis.run(async (client) => readAll(client, keys), {
        deadlineAtMs,
        idempotent: true,
      });
      this.#readCount += results.length;
      return results;
    } catch (error) {
      const result = unavailable(error);
      return keys.map(() => result);
    }
  }

  /** Stores `entry` for its lifetime if `condition` holds: one script, one round trip. */
  write(key: string, entry: Entry, condition: WriteCondition, deadlineAtMs: number): Promise<WriteResult> {
    const ttlMs = (entry.freshness?.ttlSeconds ?? 0) * 1000;
    return this.#change(
      key,
      ['set', condition.kind, encodeEntry(entry), `${ttlMs}`, ...condition.etags],
      deadlineAtMs,
    );
  }

  /** Removes the entry if `condition` holds; removing what is not there succeeds. */
  remove(key: string, condition: WriteCondition, deadlineAtMs: number): Promise<WriteResult> {
    return this.#change(key, ['del', condition.kind, '', '0', ...condition.etags], deadlineAtMs);
  }

  async #change(key: string, parameters: (string | Buffer)[], deadlineAtMs: number): Promise<WriteResult> {
    let sent = false;
    try {
      const reply = await this.#redis.run(
        async (client) => {
          sent = true;
          return client.eval(writeScript, { keys: [key], arguments: parameters });
        },
        { deadlineAtMs, idempotent: false },
      );
      return { kind: writeKind(reply) };
    } catch (error) {
      const { error: appError } = unavailable(error);
      if (appError.code === 'wrong-type') return { kind: 'wrong-type' };
      const mayHaveHappened = appError.code === 'connection-lost' || appError.code === 'deadline-exceeded';
      return { kind: 'unavailable', error: appError, applied: sent && mayHaveHappened ? 'unknown' : 'no' };
    }
  }
}

async function readAll(client: RedisClient, keys: readonly string[]): Promise<ReadResult[]> {
  const reader = client.withTypeMapping(bufferReplies);
  // Issued in one turn of the event loop, so node-redis writes them together.
  const replies = await Promise.allSettled(keys.map(async (key) => reader.get(key)));
  return replies.map((reply): ReadResult => {
    if (reply.status === 'fulfilled') {
      return reply.value === null ? { kind: 'miss' } : { kind: 'hit', entry: decodeEntry(reply.value) };
    }
    const error = fromErrorReply(reply.reason);
    if (error?.code === 'wrong-type') return { kind: 'wrong-type' };
    // Anything but an answer about this key concerns the connection: the caller decides whether to repeat.
    throw error ?? reply.reason;
  });
}

const writeKinds = ['created', 'replaced', 'precondition-failed', 'wrong-type'] as const;

function writeKind(reply: unknown): (typeof writeKinds)[number] {
  const kind = writeKinds.find((known) => known === reply);
  if (kind === undefined) throw new AppError('command-failed', 'The write script gave an unknown answer.');
  return kind;
}

function unavailable(error: unknown): { readonly kind: 'unavailable'; readonly error: AppError } {
  // What is not ours is a bug: it must surface as a 500, not pass for an outage.
  if (!(error instanceof AppError)) throw error;
  return { kind: 'unavailable', error };
}
