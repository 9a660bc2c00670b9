// A tier whose entries are judged by what has been purged, and whose writes remember their place in the order of purges.

import type { Charge } from '../util/byte-budget.ts';
import type { ClockReading } from '../util/clock.ts';
import { zip } from '../util/zip.ts';
import { keptMs, type Entry, type EntryHead } from './entry.ts';
import { purgedHead } from './freshness.ts';
import type { PurgeLog } from './purge-log.ts';
import type {
  HeadResult,
  JudgingTier,
  ReadResult,
  RemovalTrace,
  RemoveResult,
  Room,
  Tier,
  WriteCondition,
  WriteOptions,
  WriteResult,
} from './tier.ts';

export interface PurgeTierOptions {
  readonly tier: Tier;
  readonly log: PurgeLog;
  /** The key prefix of the cache: tags are those of its entries. */
  readonly scope: string;
  readonly clock: ClockReading;
}

const miss = { kind: 'miss' } as const;
const purgedMeanwhile = { kind: 'precondition-failed' } as const;
// Nobody waits for the removal of what is judged to be gone already.
const removalLimitMs = 2000;

export class PurgeTier implements JudgingTier {
  readonly #tier: Tier;
  readonly #log: PurgeLog;
  readonly #scope: string;
  readonly #clock: ClockReading;

  constructor({ tier, log, scope, clock }: PurgeTierOptions) {
    this.#tier = tier;
    this.#log = log;
    this.#scope = scope;
    this.#clock = clock;
  }

  read(key: string, deadlineAtMs: number, charge?: Charge): ReadResult | Promise<ReadResult> {
    return this.readThen(key, deadlineAtMs, charge, (result) => result);
  }

  readThen<T>(
    key: string,
    deadlineAtMs: number,
    charge: Charge | undefined,
    use: (result: ReadResult) => T | Promise<T>,
  ): T | Promise<T> {
    // Before the read, in the same turn: one round trip for both.
    const asking = this.#log.confirm(deadlineAtMs);
    const below = this.#tier.read(key, deadlineAtMs, charge);
    const reading =
      asking === undefined
        ? below
        : this.#readAfter(asking, below, () => this.#tier.read(key, deadlineAtMs, charge), deadlineAtMs);
    // A purge that comes while this is read comes later: it is judged by what is known when it is there.
    return reading instanceof Promise
      ? reading.then((result) => use(this.#judged(key, result)))
      : use(this.#judged(key, reading));
  }

  readMany(
    keys: readonly string[],
    deadlineAtMs: number,
    room?: Room,
  ): readonly ReadResult[] | Promise<readonly ReadResult[]> {
    const asking = this.#log.confirm(deadlineAtMs);
    const reading = this.#tier.readMany(keys, deadlineAtMs, room);
    if (asking !== undefined) return this.#allJudgedAfter(asking, keys, reading, deadlineAtMs, room);
    if (this.#log.isEmpty) return reading;
    return reading instanceof Promise
      ? reading.then((results) => this.#allJudged(keys, results))
      : this.#allJudged(keys, reading);
  }

  async readHeads(keys: readonly string[], deadlineAtMs: number): Promise<readonly HeadResult[]> {
    const asking = this.#log.confirm(deadlineAtMs);
    const results = await this.#tier.readHeads(keys, deadlineAtMs);
    if (asking !== undefined && results.some(isAnswered)) await this.#log.confirmed(asking, deadlineAtMs);
    return Promise.all(zip(keys, results).map(([key, result]) => this.#judgedHead(key, result)));
  }

  async write(
    key: string,
    entry: Entry,
    condition: WriteCondition,
    deadlineAtMs: number,
    options?: WriteOptions,
  ): Promise<WriteResult> {
    const began = entry.loaded && (entry.place ?? 0);
    const isAboutEntry = 'etags' in condition && condition.kind !== 'none';
    // What a client writes now must not be taken for older than what has been purged.
    if (began === undefined || isAboutEntry) await this.#look(key, isAboutEntry, deadlineAtMs);
    await this.#log.keep(keptMs(entry));
    if (began !== undefined && this.#isPurged(key, entry, began)) return purgedMeanwhile;
    return this.#tier.write(key, { ...entry, place: this.#log.known }, condition, deadlineAtMs, options);
  }

  async touch(key: string, heldWriteId: string, head: EntryHead, deadlineAtMs: number): Promise<WriteResult> {
    await this.#log.keep(keptMs(head));
    if (this.#isPurged(key, head, head.place ?? 0)) return purgedMeanwhile;
    return this.#tier.touch(key, heldWriteId, { ...head, place: this.#log.known }, deadlineAtMs);
  }

  async remove(
    key: string,
    condition: WriteCondition,
    deadlineAtMs: number,
    trace?: RemovalTrace,
  ): Promise<RemoveResult> {
    if ('etags' in condition && condition.kind !== 'none') await this.#look(key, true, deadlineAtMs);
    return this.#tier.remove(key, condition, deadlineAtMs, trace);
  }

  /**
   * Until what is known may be gone by; and an entry that has been purged, but is still there, is there no more.
   * @param isAboutEntry whether that matters.
   */
  async #look(key: string, isAboutEntry: boolean, deadlineAtMs: number): Promise<void> {
    const asking = this.#log.confirm(deadlineAtMs);
    if (asking === undefined && (!isAboutEntry || this.#log.isEmpty)) return;
    const [result = miss] = await this.#tier.readHeads([key], deadlineAtMs);
    if (asking !== undefined && isAnswered(result)) await this.#log.confirmed(asking, deadlineAtMs);
    await this.#judgedHead(key, result);
  }

  /** @param again reads past the memory, which does not answer while purges cannot be asked for. */
  async #readAfter(
    asking: Promise<boolean>,
    reading: ReadResult | Promise<ReadResult>,
    again: () => ReadResult | Promise<ReadResult>,
    deadlineAtMs: number,
  ): Promise<ReadResult> {
    const result = await reading;
    if (!isAnswered(result) || (await this.#log.confirmed(asking, deadlineAtMs))) return result;
    return isFromMemory(result) ? again() : result;
  }

  async #allJudgedAfter(
    asking: Promise<boolean>,
    keys: readonly string[],
    reading: readonly ReadResult[] | Promise<readonly ReadResult[]>,
    deadlineAtMs: number,
    room: Room | undefined,
  ): Promise<readonly ReadResult[]> {
    const results = await reading;
    const isConfirmed = !results.some(isAnswered) || (await this.#log.confirmed(asking, deadlineAtMs));
    const doubted = isConfirmed ? [] : keys.filter((_, index) => isFromMemory(results[index] ?? miss));
    if (doubted.length === 0) return this.#allJudged(keys, results);
    // They have been counted in the answer.
    const counted = room && { charge: room.charge };
    const again = (await this.#tier.readMany(doubted, deadlineAtMs, counted)).values();
    const known = results.map((result) => (isFromMemory(result) ? (again.next().value ?? miss) : result));
    return this.#allJudged(keys, known);
  }

  #allJudged(keys: readonly string[], results: readonly ReadResult[]): readonly ReadResult[] {
    return zip(keys, results).map(([key, result]) => this.#judged(key, result));
  }

  #judged(key: string, result: ReadResult): ReadResult {
    if (result.kind === 'unavailable') return this.#judgedOutage(key, result);
    if (result.kind !== 'hit') return result;
    const { entry } = result;
    const judgement = this.#log.judge(key, this.#scope, entry);
    switch (judgement.kind) {
      case 'kept':
        return result;
      case 'removed':
        // Before whatever is sent next about this key.
        void this.#removePurged(key, entry);
        return miss;
      case 'stale':
        return { ...result, entry: purgedHead(entry, judgement.sinceMs, this.#clock.wallMs()) };
    }
  }

  /** What memory has besides is judged by what is known. */
  #judgedOutage(key: string, result: Extract<ReadResult, { kind: 'unavailable' }>): ReadResult {
    const { unconfirmed, ...outage } = result;
    if (unconfirmed === undefined) return result;
    const judgement = this.#log.judge(key, this.#scope, unconfirmed);
    if (judgement.kind === 'kept') return result;
    if (judgement.kind === 'removed') return outage;
    return { ...outage, unconfirmed: purgedHead(unconfirmed, judgement.sinceMs, this.#clock.wallMs()) };
  }

  async #judgedHead(key: string, result: HeadResult): Promise<HeadResult> {
    if (result.kind !== 'hit' || result.head === undefined) return result;
    const { head } = result;
    const judgement = this.#log.judge(key, this.#scope, head);
    switch (judgement.kind) {
      case 'kept':
        return result;
      case 'removed':
        await this.#removePurged(key, head);
        return miss;
      case 'stale':
        return { kind: 'hit', head: purgedHead(head, judgement.sinceMs, this.#clock.wallMs()) };
    }
  }

  #isPurged(key: string, head: EntryHead, place: number): boolean {
    return this.#log.judge(key, this.#scope, head, place).kind !== 'kept';
  }

  /** Never rejects: what cannot be removed is judged again. */
  async #removePurged(key: string, { writeId = '' }: EntryHead): Promise<void> {
    const deadlineAtMs = this.#clock.nowMs() + removalLimitMs;
    await this.#tier.remove(key, { kind: 'same', writeId }, deadlineAtMs).catch(() => {});
  }
}

function isFromMemory(result: ReadResult): boolean {
  return result.kind === 'hit' && result.from === 'memory';
}

function isAnswered({ kind }: ReadResult | HeadResult): boolean {
  return kind !== 'unavailable';
}
