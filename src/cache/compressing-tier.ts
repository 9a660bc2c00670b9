// A tier that stores text and its like compressed. What comes out of it is what is stored.

import type { Charge } from '../util/byte-budget.ts';
import type { Compressor } from './compressor.ts';
import type { Entry, EntryHead } from './entry.ts';
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

export class CompressingTier implements Tier {
  readonly #tier: Tier;
  readonly #compressor: Compressor;

  /** @param tier under this one. */
  constructor(tier: Tier, compressor: Compressor) {
    this.#tier = tier;
    this.#compressor = compressor;
  }

  read(key: string, deadlineAtMs: number, charge?: Charge): ReadResult | Promise<ReadResult> {
    return this.#tier.read(key, deadlineAtMs, charge);
  }

  readMany(
    keys: readonly string[],
    deadlineAtMs: number,
    room?: Room,
  ): readonly ReadResult[] | Promise<readonly ReadResult[]> {
    return this.#tier.readMany(keys, deadlineAtMs, room);
  }

  readHeads(keys: readonly string[], deadlineAtMs: number): Promise<readonly HeadResult[]> {
    return this.#tier.readHeads(keys, deadlineAtMs);
  }

  async write(
    key: string,
    entry: Entry,
    condition: WriteCondition,
    deadlineAtMs: number,
    options?: WriteOptions,
  ): Promise<WriteResult> {
    const compressed = this.#compressor.compressed(entry);
    const stored = compressed instanceof Promise ? await compressed : compressed;
    return this.#tier.write(key, stored, condition, deadlineAtMs, options);
  }

  /** The body stays in the form in which it is stored, whatever form the caller has of it. */
  touch(key: string, heldWriteId: string, head: EntryHead, deadlineAtMs: number): Promise<WriteResult> {
    return this.#tier.touch(key, heldWriteId, head, deadlineAtMs);
  }

  remove(
    key: string,
    condition: WriteCondition,
    deadlineAtMs: number,
    trace?: RemovalTrace,
  ): Promise<RemoveResult> {
    return this.#tier.remove(key, condition, deadlineAtMs, trace);
  }
}
