// Entries in Redis. An outage is never a miss: each answer has its own kind. What is no entry, though it begins as one,
// is reported by an event and counts as a miss.

import { randomUUID } from 'node:crypto';
import type { ByteBudget, Charge } from '../util/byte-budget.ts';
import { AppError } from '../util/errors.ts';
import type { Redis, RedisClient } from '../redis/redis.ts';
import type { Emit } from '../telemetry/events.ts';
import { zip } from '../util/zip.ts';
import { Copying, type Copies } from './copies.ts';
import { encodeEntry, encodeHeader } from './entry-encoder.ts';
import { keptMs, type Entry, type EntryHead } from './entry.ts';
import { readHeads } from './heads.ts';
import { repliesOf } from './replies.ts';
import type {
  HeadResult,
  NotChanged,
  ReadResult,
  RemovalTrace,
  RemoveResult,
  Room,
  Tier,
  WriteCondition,
  WriteOptions,
  WriteResult,
} from './tier.ts';
import { Values, type OnUnreadable, type Start } from './values.ts';
import { touchScript, writeScriptFor } from './write-script.ts';

// Longer than whoever takes no lock needs from its question to its write: 30 s for the origin, 5 s for Redis.
const removalNotedMs = 60_000;

export interface RedisTierOptions {
  readonly redis: Redis;
  /** Shared by all that is in memory for a while. */
  readonly budget: ByteBudget;
  /** Larger values are not read. */
  readonly maxValueBytes: number;
  readonly emit: Emit;
  /** What keeps copies of what is read; nothing where undefined. */
  readonly copies?: Copies | undefined;
}

export class RedisTier implements Tier {
  readonly #redis: Redis;
  readonly #budget: ByteBudget;
  readonly #values: Values;
  readonly #writeScript: string;
  readonly #onUnreadable: OnUnreadable;
  readonly #copies: Copies | undefined;

  constructor({ redis, budget, maxValueBytes, emit, copies }: RedisTierOptions) {
    this.#redis = redis;
    this.#copies = copies;
    this.#budget = budget;
    const versionsTold = new Set<number>();
    this.#onUnreadable = (entry) => {
      if (entry.kind === 'invalid') return emit({ type: 'entryInvalid', reason: entry.reason });
      const { version, field } = entry;
      if (!versionsTold.has(version)) emit({ type: 'entryNewer', version, ...(field && { field }) });
      versionsTold.add(version);
    };
    this.#values = new Values({ redis, budget, maxValueBytes, onUnreadable: this.#onUnreadable });
    this.#writeScript = writeScriptFor(maxValueBytes);
  }

  /** One round trip for what is not larger than a first portion. */
  async read(key: string, deadlineAtMs: number, charge?: Charge): Promise<ReadResult> {
    const call = { key, deadlineAtMs, idempotent: true };
    const own = charge ?? this.#budget.open();
    const copying = this.#copies && new Copying(this.#copies, key);
    let result: ReadResult | undefined;
    try {
      const bytes = this.#values.firstBytes(1);
      const read = (client: RedisClient): Promise<Start> => this.#values.start(client, key, bytes);
      const start = await this.#redis.run(copying?.around(read) ?? read, call);
      const value = this.#values.complete(start, call, { charge: own });
      return (result = value instanceof Promise ? await value : value);
    } catch (error) {
      return failureOf(error);
    } finally {
      copying?.end(result);
      if (charge === undefined) own.close();
    }
  }

  /** The first portions of all keys in one round trip; the results in the order of the keys. */
  async readMany(keys: readonly string[], deadlineAtMs: number, room?: Room): Promise<readonly ReadResult[]> {
    const charge = room?.charge ?? this.#budget.open();
    const bytes = this.#values.firstBytes(keys.length);
    const copies = this.#copies;
    const copyings = new Map(copies && keys.map((key) => [key, new Copying(copies, key)]));
    try {
      const starts = await this.#redis.runMany(
        keys,
        (client, asked) =>
          repliesOf(asked, (key) => {
            const read = (on: RedisClient): Promise<Start> => this.#values.start(on, key, bytes);
            return (copyings.get(key)?.around(read) ?? read)(client);
          }),
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
      return await Promise.all(
        zip(keys, starts).map(async (one) => {
          const result = await complete(one);
          copyings.get(one[0])?.end(result);
          return result;
        }),
      );
    } finally {
      for (const copying of copyings.values()) copying.end(undefined);
      if (room === undefined) charge.close();
    }
  }

  /** The heads of many entries, without their bodies, in one round trip. */
  readHeads(keys: readonly string[], deadlineAtMs: number): Promise<readonly HeadResult[]> {
    return readHeads(keys, deadlineAtMs, { redis: this.#redis, onUnreadable: this.#onUnreadable });
  }

  async write(
    key: string,
    entry: Entry,
    condition: WriteCondition,
    deadlineAtMs: number,
    { guard, charge }: WriteOptions = {},
  ): Promise<WriteResult> {
    const guardKeys = guard === undefined ? [] : [guard.key];
    const value = [encodeEntry(entry), `${keptMs(entry)}`, guard?.value ?? ''];
    const parameters = ['set', condition.kind, ...value, ...namedBy(condition)];
    return this.#change(this.#writeScript, [key, ...guardKeys], parameters, deadlineAtMs, writeKinds, charge);
  }

  async touch(key: string, heldWriteId: string, head: EntryHead, deadlineAtMs: number): Promise<WriteResult> {
    const parameters = [heldWriteId, encodeHeader(head), `${keptMs(head)}`];
    return this.#change(touchScript, [key], parameters, deadlineAtMs, writeKinds);
  }

  async remove(
    key: string,
    condition: WriteCondition,
    deadlineAtMs: number,
    trace?: RemovalTrace,
  ): Promise<RemoveResult> {
    const keys = trace === undefined ? [] : [trace.noteKey, ...trace.removed];
    const parameters = [
      'remove',
      condition.kind,
      randomUUID(),
      `${removalNotedMs}`,
      '',
      ...namedBy(condition),
    ];
    return this.#change(this.#writeScript, [key, ...keys], parameters, deadlineAtMs, removeKinds);
  }

  /** @param kinds what the script may answer. */
  async #change<K extends string>(
    script: string,
    keys: readonly [string, ...string[]],
    parameters: (string | Buffer)[],
    deadlineAtMs: number,
    kinds: readonly K[],
    charge?: Charge,
  ): Promise<{ readonly kind: K } | NotChanged> {
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
      if (typeof reply === 'number') {
        this.#onUnreadable({ kind: 'newer', version: reply });
        return { kind: 'entry-newer' } as const;
      }
      if (reply === 'precondition-failed') return { kind: reply } as const;
      if (reply === 'wrong-type') return { kind: reply } as const;
      const kind = kinds.find((known) => known === reply);
      if (kind === undefined) throw new AppError('command-failed', 'The script gave an unknown answer.');
      return { kind };
    } catch (error) {
      // What is not ours is a bug: it must surface as a 500, not pass for an outage.
      if (!(error instanceof AppError)) throw error;
      if (error.code === 'wrong-type') return { kind: 'wrong-type' };
      const mayHaveHappened = error.code === 'connection-lost' || error.code === 'deadline-exceeded';
      return { kind: 'unavailable', error, applied: sent && mayHaveHappened ? 'unknown' : 'no' };
    }
  }
}

const writeKinds = ['created', 'replaced'] as const;
const removeKinds = ['removed', 'absent'] as const;

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
