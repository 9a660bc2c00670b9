// Reads and writes entries through the shared Redis client. An outage is never a miss: each answer has its own
// kind. What is no entry, though it begins as one, is told by an event and counts as a miss.

import { randomUUID } from 'node:crypto';
import type { ByteBudget, Charge } from '../util/byte-budget.ts';
import { AppError } from '../util/errors.ts';
import type { Redis } from '../redis/redis.ts';
import type { Emit } from '../telemetry/events.ts';
import { zip } from '../util/zip.ts';
import { encodeEntry, encodeHeader, keptMs, type Entry, type EntryHead } from './entry.ts';
import { readHeads, type HeadResult } from './heads.ts';
import { repliesOf, type WrongType } from './replies.ts';
import { Values, type OnInvalid, type Room, type Value } from './values.ts';
import { touchScript, writeScriptFor } from './write-script.ts';

export type ReadResult = Value | WrongType | { readonly kind: 'unavailable'; readonly error: AppError };

export type WriteResult =
  | { readonly kind: 'created' }
  | { readonly kind: 'replaced' }
  | { readonly kind: 'precondition-failed' }
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

export interface EntryStoreOptions {
  readonly redis: Redis;
  /** Shared by all that is in memory for a while. */
  readonly budget: ByteBudget;
  /** Larger values are not read. */
  readonly maxValueBytes: number;
  readonly emit: Emit;
}

export class EntryStore {
  readonly #redis: Redis;
  readonly #budget: ByteBudget;
  readonly #values: Values;
  readonly #writeScript: string;
  readonly #onInvalid: OnInvalid;

  constructor({ redis, budget, maxValueBytes, emit }: EntryStoreOptions) {
    this.#redis = redis;
    this.#budget = budget;
    this.#onInvalid = ({ reason }) => emit({ type: 'entryInvalid', reason });
    this.#values = new Values({ redis, budget, maxValueBytes, onInvalid: this.#onInvalid });
    this.#writeScript = writeScriptFor(maxValueBytes);
  }

  /**
   * One round trip for what is not larger than a first portion.
   * @param charge holds the bytes of the answer; without one they are counted until it is there.
   */
  async read(key: string, deadlineAtMs: number, charge?: Charge): Promise<ReadResult> {
    const call = { key, deadlineAtMs, idempotent: true };
    const own = charge ?? this.#budget.open();
    try {
      const bytes = this.#values.firstBytes(1);
      const start = await this.#redis.run((client) => this.#values.start(client, key, bytes), call);
      const value = this.#values.complete(start, call, { charge: own });
      return value instanceof Promise ? await value : value;
    } catch (error) {
      return failureOf(error);
    } finally {
      if (charge === undefined) own.close();
    }
  }

  /** The first portions of all keys in one round trip; the results in the order of the keys. */
  async readMany(keys: readonly string[], deadlineAtMs: number, room?: Room): Promise<readonly ReadResult[]> {
    const charge = room?.charge ?? this.#budget.open();
    const bytes = this.#values.firstBytes(keys.length);
    try {
      const starts = await this.#redis.runMany(
        keys,
        (client, asked) => repliesOf(asked, (key) => this.#values.start(client, key, bytes)),
        { deadlineAtMs, idempotent: true },
      );
      const complete = async ([key, outcome]: readonly [
        string,
        (typeof starts)[number],
      ]): Promise<ReadResult> => {
        if (!outcome.ok) return failureOf(outcome.error);
        if ('kind' in outcome.value) return outcome.value;
        const call = { key, deadlineAtMs };
        const { limit } = room ?? {};
        return Promise.resolve(this.#values.complete(outcome.value, call, { charge, limit })).catch(
          failureOf,
        );
      };
      return await Promise.all(zip(keys, starts).map(complete));
    } finally {
      if (room === undefined) charge.close();
    }
  }

  /** The heads of many entries, without their bodies, in one round trip. */
  readHeads(keys: readonly string[], deadlineAtMs: number): Promise<readonly HeadResult[]> {
    return readHeads(keys, deadlineAtMs, { redis: this.#redis, onInvalid: this.#onInvalid });
  }

  /** Stores `entry` for its lifetime if `condition` and `guard` hold: one script, one round trip. */
  write(
    key: string,
    entry: Entry,
    condition: WriteCondition,
    deadlineAtMs: number,
    { guard, charge }: { readonly guard?: Guard | undefined; readonly charge?: Charge } = {},
  ): Promise<WriteResult> {
    const guardKeys = guard === undefined ? [] : [guard.key];
    const value = [encodeEntry(entry), `${keptMs(entry)}`, guard?.value ?? ''];
    const parameters = ['set', condition.kind, ...value, ...namedBy(condition)];
    return this.#change(this.#writeScript, [key, ...guardKeys], parameters, deadlineAtMs, charge);
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
    return this.#change(this.#writeScript, [key, ...keys], parameters, deadlineAtMs);
  }

  async #change(
    script: string,
    keys: readonly [string, ...string[]],
    parameters: (string | Buffer)[],
    deadlineAtMs: number,
    charge?: Charge,
  ): Promise<WriteResult> {
    let sent = false;
    try {
      const reply = await this.#redis.run(
        async (client) => {
          sent = true;
          const answer = client.eval(script, { keys: [...keys], arguments: parameters });
          return charge === undefined ? answer : charge.until(answer);
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

function namedBy(condition: WriteCondition): readonly string[] {
  if ('etags' in condition) return condition.etags;
  return 'writeId' in condition ? [condition.writeId] : [];
}

function failureOf(error: unknown): Exclude<ReadResult, { kind: 'hit' }> {
  // What is not ours is a bug: it must surface as a 500, not pass for an outage.
  if (!(error instanceof AppError)) throw error;
  if (error.code === 'wrong-type' || error.code === 'overloaded') return { kind: error.code };
  return { kind: 'unavailable', error };
}

const writeKinds = ['created', 'replaced', 'precondition-failed', 'wrong-type'] as const;

function writeKind(reply: unknown): (typeof writeKinds)[number] {
  const kind = writeKinds.find((known) => known === reply);
  if (kind === undefined) throw new AppError('command-failed', 'The write script gave an unknown answer.');
  return kind;
}
