// What the origin has answered -> what stands in Redis. What a client wrote meanwhile is newer, and stays.

import type { Clock } from '../clock.ts';
import type { OriginEntry, StoragePermission } from '../origin/origin.ts';
import { extendedHead, loadedEntry, type Entry, type EntryHead } from './entry.ts';
import { lifetimeOf, type LifetimeRules } from './freshness.ts';
import type { EntryStore, Guard, WriteIdCondition, WriteResult } from './store.ts';

export interface FillerOptions {
  readonly store: EntryStore;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly rules: LifetimeRules;
}

const timeLimitMs = 5000;

export class Filler {
  readonly #options: FillerOptions;

  constructor(options: FillerOptions) {
    this.#options = options;
  }

  /** The entry with its lifetime from now on; without one where the origin forbids that it is stored. */
  entryOf(answer: OriginEntry, loadMs: number): Entry {
    const { validator, storage } = answer;
    const lifetime = this.#lifetime(storage);
    return loadedEntry(answer, lifetime?.freshness, {
      validator,
      loadMs,
      ...(lifetime?.said ?? { staleSeconds: 0, maxAgeSeconds: undefined, staleAllowed: false }),
      ...(storage.kind === 'forbidden' && storage.noStore === true ? { noStore: true } : {}),
    });
  }

  /** Puts `entry` in the place of `held`, or of nothing where nothing was held, while `guard` holds. */
  store(key: string, entry: Entry, held: EntryHead | undefined, guard?: Guard): Promise<WriteResult> {
    if (entry.freshness === undefined) return this.remove(key, held);
    const condition = replaceable(held, guard);
    return this.#options.store.write(key, entry, condition, this.#deadline(), guard);
  }

  /**
   * Gives what the origin says is still current a new lifetime; undefined where it forbids that.
   * @param storage undefined where it said nothing of that: then what it said before holds (RFC 9111, section 4.3.4).
   */
  extended<T extends EntryHead>(
    held: T,
    storage: StoragePermission | undefined,
    loadMs: number = held.loaded?.loadMs ?? 0,
  ): T | undefined {
    const { validator, maxAgeSeconds, staleAllowed = true } = held.loaded ?? {};
    const lifetime = this.#lifetime(storage ?? { kind: 'allowed', maxAgeSeconds, staleAllowed });
    if (lifetime === undefined) return undefined;
    const { freshness, said } = lifetime;
    return extendedHead(held, freshness, { validator, loadMs, ...said });
  }

  /** Writes the new lifetime of `held`, whose bytes stay. */
  touch(key: string, held: EntryHead, head: EntryHead): Promise<WriteResult> {
    return this.#options.store.touch(key, writeIdOf(held), head, this.#deadline());
  }

  /** Removes what the origin has no more. */
  async remove(key: string, held: EntryHead | undefined): Promise<WriteResult> {
    if (held === undefined) return { kind: 'precondition-failed' };
    return this.#options.store.remove(key, { kind: 'same', writeId: writeIdOf(held) }, this.#deadline());
  }

  #lifetime(storage: StoragePermission) {
    if (storage.kind === 'forbidden') return undefined;
    const { rules, clock, random } = this.#options;
    const { freshness, staleSeconds } = lifetimeOf(storage, rules, clock.wallMs(), random());
    const { maxAgeSeconds, staleAllowed } = storage;
    return { freshness, said: { staleSeconds, maxAgeSeconds, staleAllowed } };
  }

  #deadline(): number {
    return this.#options.clock.nowMs() + timeLimitMs;
  }
}

/** Under a guard, which no removal leaves as it was, what is gone has expired; without one it may have been removed. */
function replaceable(held: EntryHead | undefined, guard: Guard | undefined): WriteIdCondition {
  if (held === undefined) return { kind: 'absent' };
  return { kind: guard === undefined ? 'same' : 'same-or-absent', writeId: writeIdOf(held) };
}

function writeIdOf({ writeId }: EntryHead): string {
  if (writeId === undefined) throw new TypeError('What somebody else wrote is never renewed.');
  return writeId;
}

export function isStored({ kind }: WriteResult): boolean {
  return kind === 'created' || kind === 'replaced';
}
