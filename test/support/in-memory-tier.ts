// The tier without Redis: entries in their stored form, with the conditions of the write script. test/contract/tier.ts
// holds it to the real one.

import { randomUUID } from 'node:crypto';
import { Copying, type Copies } from '../../src/cache/copies.ts';
import { decodeEntry, type UnreadableEntry } from '../../src/cache/entry-decoder.ts';
import { encodeEntry, encodeHeader } from '../../src/cache/entry-encoder.ts';
import { keptMs, type Entry, type EntryHead } from '../../src/cache/entry.ts';
import { plainBytesOf } from '../../src/cache/stored-body.ts';
import type {
  HeadResult,
  NotChanged,
  ReadResult,
  RemovalTrace,
  RemoveResult,
  Room,
  Tier,
  Value,
  WriteCondition,
  WriteOptions,
  WriteResult,
} from '../../src/cache/tier.ts';
import type { RedisClient } from '../../src/redis/redis.ts';
import type { Emit } from '../../src/telemetry/events.ts';
import { overloaded, smallBytes, type ByteBudget, type Charge } from '../../src/util/byte-budget.ts';
import { AppError } from '../../src/util/errors.ts';
import { removeIn, setIn, touchIn } from './in-memory-changes.ts';
import { wrongType, type InMemoryConnection, type InMemoryServer } from './in-memory-server.ts';

const removalNotedMs = 60_000;
const shortestFirstBytes = 4 * 1024;
const mostFirstBytes = 4 * 1024 * 1024;

export interface InMemoryTierOptions {
  readonly connection: InMemoryConnection;
  readonly budget: ByteBudget;
  readonly maxValueBytes: number;
  readonly emit: Emit;
  readonly copies?: Copies | undefined;
}

export class InMemoryTier implements Tier {
  readonly #options: InMemoryTierOptions;
  readonly #versionsTold = new Set<number>();

  constructor(options: InMemoryTierOptions) {
    this.#options = options;
  }

  async read(key: string, deadlineAtMs: number, charge?: Charge): Promise<ReadResult> {
    const own = charge ?? this.#options.budget.open();
    try {
      return await this.#read(key, smallBytes, deadlineAtMs, { charge: own });
    } finally {
      if (charge === undefined) own.close();
    }
  }

  async readMany(keys: readonly string[], deadlineAtMs: number, room?: Room): Promise<readonly ReadResult[]> {
    const own = room ?? { charge: this.#options.budget.open() };
    const share = Math.floor(mostFirstBytes / keys.length);
    const firstBytes = Math.min(Math.max(share, shortestFirstBytes), smallBytes);
    try {
      return await Promise.all(keys.map(async (key) => this.#read(key, firstBytes, deadlineAtMs, own)));
    } finally {
      if (room === undefined) own.charge.close();
    }
  }

  async readHeads(keys: readonly string[], deadlineAtMs: number): Promise<readonly HeadResult[]> {
    const { connection } = this.#options;
    return Promise.all(
      keys.map(async (key): Promise<HeadResult> => {
        try {
          const command = async () => connection.command((server) => server.get(key));
          return this.#headOf(await connection.run(key, deadlineAtMs, command));
        } catch (error) {
          return failureOf(error);
        }
      }),
    );
  }

  write(
    key: string,
    entry: Entry,
    condition: WriteCondition,
    deadlineAtMs: number,
    { guard, charge }: WriteOptions = {},
  ): Promise<WriteResult> {
    const stored = encodeEntry(entry);
    const change = this.#changeOf(key, condition);
    const set = (server: InMemoryServer) => setIn(server, change, stored, keptMs(entry), guard);
    return this.#change(key, set, deadlineAtMs, charge);
  }

  touch(key: string, heldWriteId: string, head: EntryHead, deadlineAtMs: number): Promise<WriteResult> {
    const header = encodeHeader(head);
    const touch = (server: InMemoryServer) => touchIn(server, key, heldWriteId, header, keptMs(head));
    return this.#change(key, touch, deadlineAtMs);
  }

  remove(
    key: string,
    condition: WriteCondition,
    deadlineAtMs: number,
    trace?: RemovalTrace,
  ): Promise<RemoveResult> {
    const change = this.#changeOf(key, condition);
    const note = trace && { key: trace.noteKey, value: randomUUID(), ttlMs: removalNotedMs };
    const remove = (server: InMemoryServer) => removeIn(server, change, trace?.removed ?? [], note);
    return this.#change(key, remove, deadlineAtMs);
  }

  async #read(key: string, firstBytes: number, deadlineAtMs: number, room: Room): Promise<ReadResult> {
    const { connection } = this.#options;
    const copying = this.#options.copies && new Copying(this.#options.copies, key);
    let result: ReadResult | undefined;
    try {
      const read = async () => this.#first(key, firstBytes);
      const start = copying?.around(read) ?? read;
      const first = await connection.run(key, deadlineAtMs, async () => start(clientOf(connection)));
      if (first === undefined) return { kind: 'miss' };
      const isSmall = first.length < firstBytes;
      result = isSmall ? this.#small(first, room) : await this.#large(key, first, deadlineAtMs, room);
      return result;
    } catch (error) {
      if (error instanceof AppError && error.code === 'overloaded') return { kind: 'overloaded' };
      return failureOf(error);
    } finally {
      copying?.end(result);
    }
  }

  /** What there is, its first bytes counted while they are on their way. */
  async #first(key: string, firstBytes: number): Promise<Buffer | undefined> {
    const { budget } = this.#options;
    if (!budget.take(firstBytes)) throw overloaded();
    try {
      return await this.#get(key);
    } finally {
      budget.give(firstBytes);
    }
  }

  #small(stored: Buffer, { charge, limit }: Room): Value {
    const value = this.#valueOf(stored);
    if (value.kind !== 'hit') return value;
    const bytes = value.entry.body.length;
    if (limit?.admits(bytes) === false) return { kind: 'answer-too-large' };
    charge.add(bytes);
    return value;
  }

  async #large(key: string, first: Buffer, deadlineAtMs: number, { charge, limit }: Room): Promise<Value> {
    const value = this.#valueOf(first);
    if (value.kind !== 'hit') return value;
    if (limit?.admits(value.entry.body.length) === false) return { kind: 'answer-too-large' };
    if (!charge.takeValue(first.length)) return { kind: 'overloaded' };
    const rest = async () => charge.until(this.#get(key));
    const stored = await this.#options.connection.run(key, deadlineAtMs, rest);
    return stored === undefined ? { kind: 'miss' } : this.#valueOf(stored);
  }

  #get(key: string): Promise<Buffer | undefined> {
    return this.#options.connection.command((server) => {
      const stored = server.get(key);
      if (stored === 'other') throw wrongType();
      return stored;
    });
  }

  #valueOf(stored: Buffer): Value {
    const decoded = decodeEntry(stored);
    if (decoded.kind !== 'entry') return this.#unreadable(decoded);
    const { entry } = decoded;
    return plainBytesOf(entry) > this.#options.maxValueBytes
      ? { kind: 'stored-value-too-large' }
      : { kind: 'hit', entry };
  }

  #headOf(stored: Buffer | 'other' | undefined): HeadResult {
    if (stored === 'other') return { kind: 'wrong-type' };
    if (stored === undefined || stored.length === 0) return { kind: 'miss' };
    const decoded = decodeEntry(stored);
    if (decoded.kind !== 'entry') return this.#unreadable(decoded);
    const { body: _body, ...head } = decoded.entry;
    return { kind: 'hit', head: head.writeId === undefined ? undefined : head };
  }

  #unreadable(entry: UnreadableEntry): { readonly kind: 'miss' | 'entry-newer' } {
    if (entry.kind === 'newer') {
      this.#tell(entry);
      return { kind: 'entry-newer' };
    }
    this.#options.emit({ type: 'entryInvalid', reason: entry.reason });
    return { kind: 'miss' };
  }

  /** Once for each version. */
  #tell({ version, field }: { readonly version: number; readonly field?: string }): void {
    if (!this.#versionsTold.has(version))
      this.#options.emit({ type: 'entryNewer', version, ...(field && { field }) });
    this.#versionsTold.add(version);
  }

  #changeOf(key: string, condition: WriteCondition) {
    return { key, condition, maxValueBytes: this.#options.maxValueBytes };
  }

  async #change<K extends string>(
    key: string,
    apply: (server: InMemoryServer) => K | number,
    deadlineAtMs: number,
    charge?: Charge,
  ): Promise<{ readonly kind: K } | Exclude<NotChanged, { kind: 'precondition-failed' }>> {
    const { connection } = this.#options;
    const sent = { is: false };
    try {
      const reply = await connection.run(key, deadlineAtMs, async () => {
        sent.is = true;
        const answer = connection.command(apply);
        return charge === undefined ? answer : charge.until(answer);
      });
      if (typeof reply !== 'number') return { kind: reply };
      this.#tell({ version: reply });
      return { kind: 'entry-newer' };
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === 'wrong-type') return failure;
      const mayHaveHappened = ['connection-lost', 'deadline-exceeded'].includes(failure.error.code);
      return { ...failure, applied: sent.is && mayHaveHappened ? 'unknown' : 'no' };
    }
  }
}

/** What a copy asks of the node-redis client. */
function clientOf(connection: InMemoryConnection): RedisClient {
  const sendCommand = async ([, key = '']: readonly string[]) =>
    connection.command((server) => server.leftMs(key));
  return { sendCommand } as unknown as RedisClient;
}

function failureOf(error: unknown) {
  if (!(error instanceof AppError)) throw error;
  if (error.code === 'wrong-type') return { kind: 'wrong-type' } as const;
  return { kind: 'unavailable', error } as const;
}
