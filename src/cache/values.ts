// Reads stored strings whole: a first portion of each, and of what is larger the rest in further portions, all of it
// under the byte budget.

import { RESP_TYPES } from 'redis';
import { overloaded, smallBytes, type ByteBudget, type Charge } from '../util/byte-budget.ts';
import type { CallOptions, Redis, RedisClient } from '../redis/redis.ts';
import { Semaphore } from '../util/semaphore.ts';
import type { Entry } from './entry.ts';
import { decodeEntry, decodeHead, type UnreadableEntry } from './entry-decoder.ts';
import { plainBytesOf } from './stored-body.ts';
import type { Room, Value } from './tier.ts';

/** The first bytes of what a key holds. */
export interface Start {
  readonly bytes: Buffer;
  /** Whether there may be more. */
  readonly cut: boolean;
  /** Of no bytes: whether that is because there is no such key; undefined where it was not asked. */
  readonly exists: boolean | undefined;
}

export interface ValuesOptions {
  readonly redis: Redis;
  readonly budget: ByteBudget;
  readonly maxValueBytes: number;
  /** Called for what begins as an entry and cannot be read as one. */
  readonly onUnreadable: OnUnreadable;
}

export type OnUnreadable = (entry: UnreadableEntry) => void;

type Call = Omit<CallOptions, 'idempotent'>;

// Of a value of 1 KiB a first portion of `smallBytes` costs what GET does (bench/read.ts), so the usual entry is one
// round trip.
const shortestFirstBytes = 4 * 1024;
// First portions that are owed together before they become shorter: over a link of 20 MB/s they take 0.25 s.
const mostFirstBytes = 5 * 1024 * 1024;
const portionBytes = 128 * 1024;
// On one connection, of all values together: that is what a small read waits for. One comes while one is asked for.
const portionsAtOnce = 2;
// Of one value, waiting or under way: one of 1 MiB comes before the next, a larger one takes turns with others.
const portionsAhead = 8;
const expectMissFor = 64;
const nothing = Buffer.alloc(0);
const bufferReplies = { [RESP_TYPES.BLOB_STRING]: Buffer };
const asBuffers = { typeMapping: bufferReplies };

export class Values {
  readonly #options: ValuesOptions;
  readonly #connections = new WeakMap<RedisClient, ReturnType<typeof connectionOf>>();
  #firstBytesOwed = 0;
  /** Reads to come for which it is asked at once whether there is such a key. */
  #missesExpected = expectMissFor;

  constructor(options: ValuesOptions) {
    this.#options = options;
  }

  /** How long the first portions of `count` values may be. */
  firstBytes(count: number): number {
    const share = Math.floor((mostFirstBytes - this.#firstBytesOwed) / count);
    return Math.min(Math.max(share, shortestFirstBytes), smallBytes);
  }

  /** Issues its commands at once. */
  async start(client: RedisClient, key: string, bytes: number): Promise<Start> {
    const { budget } = this.#options;
    if (!budget.take(bytes)) throw overloaded();
    this.#firstBytesOwed += bytes;
    try {
      // Not `getRange`, which costs two more promises.
      const answer = client.sendCommand<Buffer | null>(['GETRANGE', key, '0', `${bytes - 1}`], asBuffers);
      // GETRANGE cannot tell an empty string from a missing key. Where misses come, each is to be one round trip; where
      // none come, EXISTS would be asked in vain. While a slot moves it may fail.
      const exists = this.#missesExpected > 0 ? client.exists(key).catch(() => undefined) : undefined;
      const start = (await answer) ?? nothing;
      if (start.length > 0) {
        this.#missesExpected = Math.max(this.#missesExpected - 1, 0);
        return { bytes: start, cut: start.length === bytes, exists: undefined };
      }
      this.#missesExpected = expectMissFor;
      const known = await exists;
      return { bytes: start, cut: false, exists: known === undefined ? undefined : known > 0 };
    } finally {
      // Only now: whoever asked may have left long ago, and the answer was owed all the same.
      this.#firstBytesOwed -= bytes;
      budget.give(bytes);
    }
  }

  /** What begins with `start`; at once where that is all of it. The bytes of the answer are counted in `room`. */
  complete(start: Start, call: Call, room: Room): Value | Promise<Value> {
    const { bytes } = start;
    if (start.cut) return this.#completeLarge(bytes, call, room);
    if (bytes.length > 0) return this.#decoded(bytes, room);
    return start.exists === false ? { kind: 'miss' } : this.#completeEmpty(call, room);
  }

  /** An empty string, or what has just been written. */
  async #completeEmpty(call: Call, room: Room): Promise<Value> {
    const stored = await this.#run(call, ({ commands }) => commands.get(call.key));
    return stored === null ? { kind: 'miss' } : this.#decoded(stored, room);
  }

  #decoded(stored: Buffer, { charge, limit }: Room): Value {
    const value = this.#valueOf(stored);
    if (value.kind !== 'hit') return value;
    const bytes = value.entry.body.length;
    if (limit?.admits(bytes) === false) return { kind: 'answer-too-large' };
    charge.add(bytes);
    return value;
  }

  #valueOf(stored: Buffer): Value {
    const decoded = decodeEntry(stored);
    if (decoded.kind !== 'entry') return this.#unreadable(decoded);
    return this.#withinLimit(decoded.entry);
  }

  #withinLimit(entry: Entry): Value {
    const isTooLarge = plainBytesOf(entry) > this.#options.maxValueBytes;
    return isTooLarge ? { kind: 'stored-value-too-large' } : { kind: 'hit', entry };
  }

  #unreadable(entry: UnreadableEntry): Value {
    this.#options.onUnreadable(entry);
    return { kind: entry.kind === 'newer' ? 'entry-newer' : 'miss' };
  }

  async #completeLarge(first: Buffer, call: Call, room: Room): Promise<Value> {
    const { key } = call;
    const storedBytes = await this.#run(call, ({ commands }) => commands.strLen(key));
    let start = first;
    let head = decodeHead(start, storedBytes);
    if (head.kind === 'cut') {
      const { headBytes } = head;
      start = await this.#range(call, headBytes);
      head = decodeHead(start, storedBytes);
    }
    if (head.kind === 'invalid' || head.kind === 'newer') return this.#unreadable(head);
    const bodyAt = head.kind === 'head' ? head.bodyAt : 0;
    const bodyBytes = Math.max(storedBytes - bodyAt, 0);
    if (bodyBytes > this.#options.maxValueBytes) return { kind: 'stored-value-too-large' };
    if (room.limit?.admits(bodyBytes) === false) return { kind: 'answer-too-large' };
    if (!room.charge.takeValue(storedBytes)) return { kind: 'overloaded' };
    if (head.kind === 'head') {
      const body = await this.#portions(start, bodyAt, storedBytes, call, room.charge);
      if (body !== undefined) return this.#withinLimit({ ...head.head, body });
    }
    // Replaced meanwhile, or without a head that would tell one value from the next: all of it in one go.
    const stored = await this.#whole(call, room.charge);
    return stored === null ? { kind: 'miss' } : this.#valueOf(stored);
  }

  async #whole(call: Call, charge: Charge): Promise<Buffer | null> {
    const reading = { over: false };
    try {
      return await this.#run(call, async ({ commands, slots }) =>
        charge.until(slots.run(portionsAtOnce, async () => (reading.over ? null : commands.get(call.key)))),
      );
    } finally {
      reading.over = true;
    }
  }

  /** The body of the entry that begins with `start`; undefined if it was replaced before all of it was there. */
  async #portions(
    start: Buffer,
    bodyAt: number,
    storedBytes: number,
    call: Call,
    charge: Charge,
  ): Promise<Buffer | undefined> {
    const { key } = call;
    const body = Buffer.allocUnsafeSlow(Math.max(storedBytes - bodyAt, 0));
    start.copy(body, 0, bodyAt);
    let at = start.length;
    const reading = { over: false };
    const portion = (from: number, to: number): Promise<void> =>
      this.#run(call, async ({ commands, slots }) => {
        const answer = slots.run(1, async () => {
          // Nobody waits for it any more: another portion failed, or the time was up.
          if (reading.over) return;
          const bytes = await commands.getRange(key, from, to - 1);
          if (bytes?.length === to - from) bytes.copy(body, from - bodyAt);
          else reading.over = true;
        });
        return charge.until(answer);
      });
    const lane = async (): Promise<void> => {
      while (at < storedBytes && !reading.over) {
        const from = at;
        at = Math.min(from + portionBytes, storedBytes);
        await portion(from, at);
      }
    };
    try {
      await Promise.all(Array.from({ length: portionsAhead }, lane));
    } catch (error) {
      reading.over = true;
      throw error;
    }
    if (reading.over) return undefined;
    // Each write gives an entry another head. The same one before and after: so is all that stood behind it.
    const head = await this.#range(call, bodyAt);
    return head.equals(start.subarray(0, bodyAt)) ? body : undefined;
  }

  async #range(call: Call, bytes: number): Promise<Buffer> {
    const range = await this.#run(call, ({ commands }) => commands.getRange(call.key, 0, bytes - 1));
    return range ?? nothing;
  }

  #run<T>(call: Call, work: (connection: ReturnType<typeof connectionOf>) => Promise<T>): Promise<T> {
    const options = { ...call, idempotent: true };
    return this.#options.redis.run((client) => work(this.#connectionOf(client)), options);
  }

  #connectionOf(client: RedisClient): ReturnType<typeof connectionOf> {
    let connection = this.#connections.get(client);
    if (connection === undefined) this.#connections.set(client, (connection = connectionOf(client)));
    return connection;
  }
}

function connectionOf(client: RedisClient) {
  return { commands: client.withTypeMapping(bufferReplies), slots: new Semaphore(portionsAtOnce) };
}
