// What was done to a few keys and when, and what may have been read of them then.

import { expect } from 'vitest';

type What =
  | { readonly kind: 'write'; readonly name: string; readonly value: string }
  | { readonly kind: 'remove'; readonly name: string }
  /** Of one name, or of all. */
  | { readonly kind: 'purge'; readonly name: string | undefined; readonly mode: 'stale' | 'remove' }
  /** Redis has lost everything. */
  | { readonly kind: 'loss'; readonly name: undefined };

type Change = What & { readonly fromMs: number; toMs: number };

export interface Read {
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly value: string;
  readonly isFresh: boolean;
  /** Past the cache, which could not be asked. */
  readonly isAside: boolean;
}

export class PurgeHistory {
  readonly reads: Read[] = [];
  readonly #changes: Change[] = [];
  readonly #asked = new Map<string, number>();

  /** A question to the origin; returns what it answers. */
  asked(): string {
    const value = `o${this.#asked.size + 1}`;
    this.#asked.set(value, performance.now());
    return value;
  }

  /** Something has begun; it may happen at any time until it has ended, and for ever where nobody knows. */
  change(what: What): { readonly ended: (how: 'done' | 'unknown' | 'not-done') => void } {
    const change: Change = { ...what, fromMs: performance.now(), toMs: Number.POSITIVE_INFINITY };
    this.#changes.push(change);
    return {
      ended: (how) => {
        if (how === 'done') change.toMs = performance.now();
        if (how === 'not-done') this.#changes.splice(this.#changes.indexOf(change), 1);
      },
    };
  }

  /** How often it was checked that what was purged is not there, and that what was written is. */
  check(): { readonly afterPurges: number; readonly afterWrites: number } {
    const counts = { afterPurges: 0, afterWrites: 0 };
    for (const read of this.reads) {
      counts.afterPurges += this.#checkPurges(read);
      counts.afterWrites += this.#checkWrites(read);
    }
    return counts;
  }

  /** What was there before a purge began is not read as fresh after it has been answered, or not at all. */
  #checkPurges(read: Read): number {
    const purges = this.#about(read).filter(({ kind, toMs }) => kind === 'purge' && toMs < read.fromMs);
    for (const purge of purges) {
      if (this.#madeBeforeMs(read) >= purge.fromMs) continue;
      const isThere = purge.kind === 'purge' && purge.mode === 'remove' ? true : read.isFresh;
      expect(
        isThere,
        `it was purged: ${JSON.stringify({ read, purge, made: this.#madeBeforeMs(read) })}`,
      ).toBe(false);
    }
    return purges.length;
  }

  /** A write that everything else about its key was answered before, or began after, is what is read. */
  #checkWrites(read: Read): number {
    if (read.isAside) return 0;
    const changes = this.#about(read);
    const last = changes.find(
      (one) =>
        one.kind === 'write' &&
        one.toMs < read.fromMs &&
        changes.every((other) => other === one || other.toMs < one.fromMs || other.fromMs > read.toMs),
    );
    if (last?.kind !== 'write') return 0;
    const told = { value: read.value, isFresh: read.isFresh };
    expect(told, `it was written: ${JSON.stringify({ read, last })}`).toEqual({
      value: last.value,
      isFresh: true,
    });
    return 1;
  }

  #about({ name }: Read): readonly Change[] {
    return this.#changes.filter((change) => change.name === undefined || change.name === name);
  }

  /** When it was there at the latest. */
  #madeBeforeMs({ value }: Read): number {
    const asked = this.#asked.get(value);
    if (asked !== undefined) return asked;
    const write = this.#changes.find((change) => change.kind === 'write' && change.value === value);
    return write?.toMs ?? Number.POSITIVE_INFINITY;
  }
}
