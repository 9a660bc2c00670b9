// One load: asks the origin, writes what it says, gives the lock back.

import { delay, type Clock } from '../clock.ts';
import { AppError } from '../errors.ts';
import type { Origin } from '../origin/origin.ts';
import type { OriginHealth } from '../telemetry/origin-health.ts';
import type { Entry } from './entry.ts';
import { isStored, type Filler } from './filler.ts';
import { longestMarkMs, type Lock } from './locks.ts';

/** A key as the origin knows it and as Redis does. */
export interface EntryKey {
  readonly name: string;
  readonly redisKey: string;
}

export type LoadOutcome =
  | { readonly kind: 'found'; readonly entry: Entry; readonly stored: boolean }
  /** Somebody else had filled it meanwhile. */
  | { readonly kind: 'filled'; readonly entry: Entry }
  | { readonly kind: 'none'; readonly remembered: boolean }
  | { readonly kind: 'failed'; readonly error: AppError };

export interface OriginLoadOptions {
  readonly origin: Origin;
  readonly filler: Filler;
  readonly clock: Clock;
  readonly defaultTtlSeconds: number;
  readonly maxValueBytes: number;
  readonly health: OriginHealth;
}

// After a renewal has failed, nobody in the fleet tries that entry again for this long.
export const renewalPauseMs = 1000;
// An answer that is there is not kept back for a Redis that has fallen silent.
const storeWaitMs = 300;

export class OriginLoad {
  readonly #options: OriginLoadOptions;
  readonly #writes = new Set<Promise<unknown>>();

  constructor(options: OriginLoadOptions) {
    this.#options = options;
  }

  /** How long it is remembered that the origin has nothing, or nothing to store. */
  get markMs(): number {
    return Math.min(longestMarkMs, this.#options.defaultTtlSeconds * 1000);
  }

  /**
   * Rejects only for a bug.
   * @param lock without one nothing is stored.
   * @param signal ends the load; its reason is an AppError, and no failure of the origin.
   */
  async run(
    key: EntryKey,
    held: Entry | undefined,
    lock: Lock | undefined,
    signal: AbortSignal,
  ): Promise<LoadOutcome> {
    const { health } = this.#options;
    // A miss is asked again by whoever comes next; an entry that is still served can wait.
    const afterFailure = { kind: 'hold', forMs: held === undefined ? 0 : renewalPauseMs } as const;
    try {
      const { outcome, written } = await this.#fill(key, held, lock, signal);
      const after = outcome.kind === 'failed' ? afterFailure : this.#toRemember(outcome);
      void written.finally(() => lock?.release(after));
      return outcome;
    } catch (error) {
      lock?.release(afterFailure);
      if (!(error instanceof AppError)) throw error;
      if (signal.aborted) return { kind: 'failed', error: signal.reason as AppError };
      health.failed(error);
      return { kind: 'failed', error };
    }
  }

  /** Resolves when all that is being written has been. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#writes);
  }

  #toRemember(outcome: LoadOutcome) {
    if (outcome.kind === 'none') return { kind: 'none', forMs: this.markMs } as const;
    return isUnstorable(outcome) ? ({ kind: 'pass', forMs: this.markMs } as const) : undefined;
  }

  /** `written` resolves when nothing is being written any more. */
  async #fill(
    key: EntryKey,
    held: Entry | undefined,
    lock: Lock | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly outcome: LoadOutcome; readonly written: Promise<unknown> }> {
    const { origin, filler, clock, maxValueBytes, health } = this.#options;
    const startedAtMs = clock.nowMs();
    const options = { validator: held?.loaded?.validator, maxBytes: maxValueBytes };
    const answer = await origin.load(key.name, { ...options, signal });
    const loadMs = clock.nowMs() - startedAtMs;
    health.answered();
    const written = Promise.resolve();
    switch (answer.kind) {
      case 'found': {
        const entry = filler.entryOf(answer, loadMs);
        if (lock === undefined) return { outcome: { kind: 'found', entry, stored: false }, written };
        const storing = this.#write(filler.store(key.redisKey, entry, held, lock.guard).then(isStored));
        const stored = await Promise.race([storing, delay(clock, storeWaitMs).then(() => false)]);
        const outcome = { kind: 'found', entry, stored: stored && entry.freshness !== undefined } as const;
        return { outcome, written: storing.catch(() => {}) };
      }
      case 'unchanged': {
        if (held === undefined) throw new TypeError('The origin said "unchanged" without having been asked.');
        const entry = filler.extended(held, answer.storage, loadMs);
        if (entry === undefined) return { outcome: { kind: 'found', entry: held, stored: false }, written };
        const stored = isStored(await filler.touch(key.redisKey, held, entry));
        return { outcome: { kind: 'found', entry, stored }, written };
      }
      case 'none':
        await filler.remove(key.redisKey, held);
        return { outcome: { kind: 'none', remembered: false }, written };
      case 'too-large':
        return { outcome: { kind: 'failed', error: tooLarge(answer.bytes, maxValueBytes) }, written };
    }
  }

  #write<T>(write: Promise<T>): Promise<T> {
    this.#writes.add(write);
    write.catch(() => {}).finally(() => this.#writes.delete(write));
    return write;
  }
}

/** Whether the origin forbids that it is stored. */
export function isUnstorable(outcome: LoadOutcome): boolean {
  return outcome.kind === 'found' && outcome.entry.freshness === undefined;
}

function tooLarge(bytes: number | undefined, maxValueBytes: number): AppError {
  const size = bytes === undefined ? 'more' : `${bytes} bytes, more`;
  const message = `What the origin has is ${size} than CACHE_MAX_VALUE_BYTES (${maxValueBytes}).`;
  return new AppError('origin-failed', message);
}
