// What the origin has answered -> what stands in Redis. Used by the loader and the warmup.
// Knows neither locks nor who asked. What a client wrote meanwhile is newer, and stays.

import type { Clock } from '../clock.ts';
import type { OriginEntry, StoragePermission } from '../origin/origin.ts';
import { loadedEntry, type Entry, type EntryHead } from './entry.ts';
import { lifetimeOf, type LifetimeRules } from './freshness.ts';
import type { EntryStore, WriteResult } from './store.ts';

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
    const staleSeconds = lifetime?.staleSeconds ?? 0;
    return loadedEntry(answer, lifetime?.freshness, { validator, staleSeconds, loadMs });
  }

  /** Puts `entry` in the place of `held`, or of nothing. */
  store(key: string, entry: Entry, held: EntryHead | undefined): Promise<WriteResult> {
    if (entry.freshness === undefined) return this.remove(key, held);
    const condition = { kind: 'unchanged', etags: held === undefined ? [] : [held.etag] } as const;
    return this.#options.store.write(key, entry, condition, this.#deadline());
  }

  /** Gives what the origin says is still current a new lifetime; undefined where it forbids that. */
  extended<T extends EntryHead>(held: T, storage: StoragePermission, loadMs: number): T | undefined {
    const lifetime = this.#lifetime(storage);
    if (lifetime === undefined) return undefined;
    const { freshness, staleSeconds } = lifetime;
    return { ...held, freshness, loaded: { validator: held.loaded?.validator, staleSeconds, loadMs } };
  }

  /** Writes the new lifetime of an entry whose bytes stay. */
  touch(key: string, head: EntryHead): Promise<WriteResult> {
    return this.#options.store.touch(key, head, this.#deadline());
  }

  /** Removes what the origin has no more. */
  async remove(key: string, held: EntryHead | undefined): Promise<WriteResult> {
    if (held === undefined) return { kind: 'precondition-failed' };
    return this.#options.store.remove(key, { kind: 'match', etags: [held.etag] }, this.#deadline());
  }

  #lifetime(storage: StoragePermission): ReturnType<typeof lifetimeOf> | undefined {
    if (storage.kind === 'forbidden') return undefined;
    const { rules, clock, random } = this.#options;
    return lifetimeOf(storage, rules, clock.nowMs(), random());
  }

  #deadline(): number {
    return this.#options.clock.nowMs() + timeLimitMs;
  }
}

export function isStored({ kind }: WriteResult): boolean {
  return kind === 'created' || kind === 'replaced';
}
