// Entries in the memory of this process, before another tier: what is known to be true is answered from there, and
// everything else, and every change, goes to the tier below.

import { smallBytes, type Charge } from '../util/byte-budget.ts';
import type { Entry, EntryHead } from './entry.ts';
import type { Copy, MemoryStore } from './memory-store.ts';
import type {
  HeadResult,
  ReadResult,
  RemovalTrace,
  RemoveResult,
  Room,
  Tier,
  WriteCondition,
  WriteOptions,
  WriteResult,
} from './tier.ts';

export class MemoryTier implements Tier {
  readonly #below: Tier;
  readonly #store: MemoryStore;
  readonly #isTrusted: () => boolean;

  /**
   * @param store what `below` keeps copies in.
   * @param isTrusted whether it may answer now: for whoever else has to say that an entry is current.
   */
  constructor(below: Tier, store: MemoryStore, isTrusted = (): boolean => true) {
    this.#below = below;
    this.#store = store;
    this.#isTrusted = isTrusted;
  }

  /** At once where it is in memory. */
  read(key: string, deadlineAtMs: number, charge?: Charge): ReadResult | Promise<ReadResult> {
    const copy = this.#store.get(key);
    if (copy === undefined) return this.#below.read(key, deadlineAtMs, charge);
    if (this.#isCurrent(copy)) return charge === undefined ? copy.hit : answerOf(copy, { charge });
    return this.#readAgain(key, copy, deadlineAtMs, charge);
  }

  readMany(
    keys: readonly string[],
    deadlineAtMs: number,
    room?: Room,
  ): readonly ReadResult[] | Promise<readonly ReadResult[]> {
    const copies = keys.map((key) => this.#store.get(key));
    const known = copies.map((copy) =>
      copy !== undefined && this.#isCurrent(copy) ? answerOf(copy, room) : undefined,
    );
    const missing = keys.filter((_, index) => known[index] === undefined);
    if (missing.length === 0) return known.filter((result) => result !== undefined);
    return this.#readRest(keys, copies, known, missing, deadlineAtMs, room);
  }

  /** Not from memory: who asks for many heads asks for more than that holds. */
  readHeads(keys: readonly string[], deadlineAtMs: number): Promise<readonly HeadResult[]> {
    return this.#below.readHeads(keys, deadlineAtMs);
  }

  write(
    key: string,
    entry: Entry,
    condition: WriteCondition,
    deadlineAtMs: number,
    options?: WriteOptions,
  ): Promise<WriteResult> {
    return this.#changing(key, () => this.#below.write(key, entry, condition, deadlineAtMs, options));
  }

  touch(key: string, heldWriteId: string, head: EntryHead, deadlineAtMs: number): Promise<WriteResult> {
    return this.#changing(key, () => this.#below.touch(key, heldWriteId, head, deadlineAtMs));
  }

  remove(
    key: string,
    condition: WriteCondition,
    deadlineAtMs: number,
    trace?: RemovalTrace,
  ): Promise<RemoveResult> {
    return this.#changing(key, () => this.#below.remove(key, condition, deadlineAtMs, trace));
  }

  #isCurrent(copy: Copy): boolean {
    return this.#isTrusted() && this.#store.isCurrent(copy);
  }

  /** A copy that was read before the change, or while it was on its way, is none of what was changed. */
  async #changing<T>(key: string, change: () => Promise<T>): Promise<T> {
    this.#store.forget(key);
    try {
      return await change();
    } finally {
      this.#store.forget(key);
    }
  }

  async #readAgain(key: string, copy: Copy, deadlineAtMs: number, charge?: Charge): Promise<ReadResult> {
    return this.#replaced(key, copy, await this.#below.read(key, deadlineAtMs, charge));
  }

  async #readRest(
    keys: readonly string[],
    copies: readonly (Copy | undefined)[],
    known: readonly (ReadResult | undefined)[],
    missing: readonly string[],
    deadlineAtMs: number,
    room: Room | undefined,
  ): Promise<readonly ReadResult[]> {
    const read = (await this.#below.readMany(missing, deadlineAtMs, room)).values();
    return keys.map((key, index) => {
      const result = known[index] ?? read.next().value;
      if (result === undefined) throw new TypeError('A key has no result.');
      const copy = copies[index];
      return known[index] !== undefined || copy === undefined ? result : this.#replaced(key, copy, result);
    });
  }

  /** What Redis says instead of a copy that may not be true; the copy beside it where Redis cannot say anything. */
  #replaced(key: string, copy: Copy, result: ReadResult): ReadResult {
    if (result.kind !== 'unavailable') {
      this.#store.drop(key, copy);
      return result;
    }
    const unconfirmed = this.#store.unconfirmed(key);
    return unconfirmed === undefined ? result : { ...result, unconfirmed };
  }
}

/** The bytes are there already; what is made of them for a large answer has to fit as from Redis. */
function answerOf({ hit, storedBytes }: Copy, room: Room | undefined): ReadResult {
  const bytes = hit.entry.body.length;
  if (room?.limit?.admits(bytes) === false) return { kind: 'answer-too-large' };
  if (storedBytes < smallBytes) room?.charge.add(bytes);
  else if (room?.charge.takeValue(storedBytes) === false) return { kind: 'overloaded' };
  return hit;
}
