// One load: asks its source, writes what it says, gives the lock back.

import { overloaded, type ByteBudget, type Charge } from '../util/byte-budget.ts';
import type { Clock } from '../util/clock.ts';
import { fulfilledWithin } from '../util/deadline.ts';
import { AppError } from '../util/errors.ts';
import type { OriginAnswer, OriginResponse } from '../origin/origin.ts';
import { validatorsOf } from '../origin/response.ts';
import { readRetryAfter } from '../origin/retry-after.ts';
import { storagePermission } from '../origin/storage.ts';
import type { Measures } from '../telemetry/measures.ts';
import { counted, isTrouble, loadOperation, type LoadAsked } from './counted-load.ts';
import { isWithoutTags, type Entry } from './entry.ts';
import { isStored, type EntryWriter } from './entry-writer.ts';
import { isServableOnError, standingOf } from './freshness.ts';
import type { EntryKey } from './key.ts';
import type { LoadOutcome } from './load-outcome.ts';
import { longestMarkMs, type Lock, type Remembered } from './locks.ts';
import type { PurgeLog } from './purge-log.ts';
import type { Source } from './source.ts';

export interface OriginLoadOptions {
  readonly writer: EntryWriter;
  readonly measures: Pick<Measures, 'events' | 'latencies'>;
  readonly clock: Clock;
  readonly defaultTtlSeconds: number;
  readonly maxValueBytes: number;
  readonly budget: ByteBudget;
  /** Undefined where nothing is ever purged. */
  readonly purges?: Pick<PurgeLog, 'known' | 'lastOf' | 'onAdopted'> | undefined;
}

/** What a load is to replace, and what lets it. */
export interface Replacing {
  readonly held?: Entry | undefined;
  /** Without one nothing is stored. */
  readonly lock?: Lock | undefined;
}

// After a renewal has failed, nobody in the fleet tries that entry again for this long.
export const renewalPauseMs = 1000;
// An answer that is there is not kept back for a Redis that has fallen silent.
const storeWaitMs = 300;
// How long it is remembered that the origin has nothing, where it does not say, or nothing to store.
const usualMarkMs = 5000;

export class OriginLoad {
  readonly #options: OriginLoadOptions;
  readonly #writes = new Set<Promise<unknown>>();

  constructor(options: OriginLoadOptions) {
    this.#options = options;
  }

  /** How long it is remembered that the origin has nothing, where it does not say, or nothing to store. */
  markMs({ terms }: Source): number {
    const ttlSeconds = terms?.ttlSeconds ?? this.#options.defaultTtlSeconds;
    return Math.min(usualMarkMs, ttlSeconds * 1000);
  }

  /**
   * Rejects only for a bug.
   * @param asked its signal ends the load; the reason of that is an AppError, and no failure of the source.
   */
  run(
    key: EntryKey,
    source: Source,
    asked: Omit<LoadAsked, 'own'>,
    replacing: Replacing = {},
  ): Promise<LoadOutcome> {
    return loadOperation(asked.why, source, key, async (own) => {
      const outcome = await this.#run(key, source, { ...asked, own }, replacing);
      return own === undefined ? outcome : { ...outcome, by: own };
    });
  }

  /** Resolves when all that is being written has been. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#writes);
  }

  async #run(
    key: EntryKey,
    source: Source,
    asked: LoadAsked,
    { held, lock }: Replacing,
  ): Promise<LoadOutcome> {
    const { signal } = asked;
    // A miss is asked again by whoever comes next; an entry that is still served can wait.
    const afterFailure = this.#isServed(held)
      ? ({ kind: 'failed', forMs: renewalPauseMs } as const)
      : undefined;
    const charge = this.#options.budget.open();
    try {
      // Before the source is asked: what it says then is not older than a purge that is known now.
      const place = this.#options.purges?.known;
      const { outcome, written } = await this.#fill(key, source, asked, { held, lock, place }, charge);
      const after = outcome.kind === 'failed' ? afterFailure : this.#toRemember(outcome, source, place);
      void written.finally(() => {
        lock?.release(after);
        charge.close();
      });
      return outcome;
    } catch (error) {
      lock?.release(afterFailure);
      charge.close();
      if (!(error instanceof AppError)) throw error;
      if (signal.aborted) return { kind: 'failed', error: signal.reason as AppError };
      if (!error.isOfOneEntry) source.health.failed(error, key.name);
      return { kind: 'failed', error };
    }
  }

  #toRemember(outcome: LoadOutcome, source: Source, place: number | undefined): Remembered | undefined {
    if (outcome.kind === 'none') {
      const { forMs = this.markMs(source) } = outcome;
      return forMs > 0 ? { kind: 'none', forMs, place } : undefined;
    }
    return isUnstorable(outcome) ? { kind: 'pass', forMs: this.markMs(source) } : undefined;
  }

  #isServed(held: Entry | undefined): boolean {
    if (held === undefined) return false;
    const nowMs = this.#options.clock.wallMs();
    return standingOf(held, nowMs, 0) !== 'expired' || isServableOnError(held, nowMs);
  }

  /** `written` resolves when nothing is being written any more. */
  async #fill(
    key: EntryKey,
    source: Source,
    asked: LoadAsked,
    { held, lock, place }: Replacing & { readonly place: number | undefined },
    charge: Charge,
  ): Promise<{ readonly outcome: LoadOutcome; readonly written: Promise<unknown> }> {
    const { writer, clock, maxValueBytes } = this.#options;
    const { health, terms } = source;
    const conditional = held !== undefined && isWithoutTags(held, place) ? undefined : held;
    const { answer, loadMs } = await counted(this.#options, asked, () =>
      this.#ask(key, source, conditional, asked.signal, charge),
    );
    health.answered(key.name);
    const written = Promise.resolve();
    switch (answer.kind) {
      case 'answered': {
        const { status: originStatus } = answer;
        if (held !== undefined && isTrouble(originStatus) && isBetterThanTrouble(held, clock.wallMs())) {
          return { outcome: { kind: 'failed', error: troubled(answer, clock.wallMs()) }, written };
        }
        const entry = writer.entryOf(answer, loadMs, terms, place);
        const found = { kind: 'found', entry, originStatus } as const;
        if (entry.loaded?.notStored !== undefined) health.notStored(entry.loaded.notStored.reason);
        if (lock === undefined) return { outcome: { ...found, stored: false }, written };
        const storing = this.#write(writer.store(key.redisKey, entry, held, lock.guard).then(isStored));
        const stored = (await fulfilledWithin(clock, storeWaitMs, storing)) && (await storing);
        const outcome = { ...found, stored: stored && entry.freshness !== undefined };
        return { outcome, written: storing.catch(() => {}) };
      }
      case 'unchanged': {
        const entry = held && writer.updated(held, answer, { loadMs, terms, place });
        if (held === undefined || entry === undefined) {
          throw new TypeError('The origin said "unchanged" without having been asked.');
        }
        const stored =
          lock !== undefined &&
          isStored(await writer.touch(key.redisKey, held, entry)) &&
          entry.freshness !== undefined;
        return { outcome: { kind: 'found', entry, originStatus: 304, stored }, written };
      }
      case 'none': {
        await writer.remove(key.redisKey, held);
        const forMs = rememberedMs(answer, clock.wallMs());
        return { outcome: { kind: 'none', remembered: false, forMs }, written };
      }
      case 'too-large':
        return { outcome: { kind: 'failed', error: tooLarge(answer.bytes, maxValueBytes) }, written };
      case 'not-admitted':
        return { outcome: { kind: 'failed', error: overloaded() }, written };
    }
  }

  /** Asks whether `held` is still current; for all of it where the origin says so of another state (section 4.3.4). */
  async #ask(
    { name }: EntryKey,
    source: Source,
    held: Entry | undefined,
    signal: AbortSignal,
    charge: Charge,
  ): Promise<OriginAnswer> {
    const { writer, clock, maxValueBytes } = this.#options;
    const validators = held?.loaded && validatorsOf(held.loaded.fields, clock.wallMs());
    const admits = (bytes: number): boolean => charge.takeValue(bytes);
    const options = { maxBytes: maxValueBytes, admits, signal };
    const answer = await source.load(name, { ...options, validators });
    const isAboutOther =
      answer.kind === 'unchanged' && held !== undefined && writer.updated(held, answer) === undefined;
    return isAboutOther ? source.load(name, options) : answer;
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

/** What a client wrote has been purged, and is served as stale. */
function isBetterThanTrouble(held: Entry, nowMs: number): boolean {
  return held.loaded === undefined || isServableOnError(held, nowMs);
}

function troubled({ status, fields }: OriginResponse, nowMs: number): AppError {
  const retryAfterSeconds = readRetryAfter(fields['retry-after'], nowMs);
  return new AppError('origin-failed', `The origin answered ${status}.`, {
    isOfOneEntry: true,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

/** How long a 404 or 410 holds by its own word: not at all where it may not be stored; undefined where it says nothing. */
function rememberedMs(
  { fields, status, tags, permission }: Extract<OriginAnswer, { kind: 'none' }>,
  nowMs: number,
): number | undefined {
  const said = permission ?? storagePermission(fields, status, nowMs);
  if (said.kind === 'forbidden' || said.revalidate) return 0;
  if (said.lifetimeSeconds === undefined) return undefined;
  const leftMs = Math.ceil(Math.max(said.lifetimeSeconds - said.ageSeconds, 0) * 1000);
  // What is remembered has no tags: where the origin gave some, to purge by, it is not remembered for longer than that.
  return Math.min(leftMs, tags === undefined ? longestMarkMs : usualMarkMs);
}

function tooLarge(bytes: number | undefined, maxValueBytes: number): AppError {
  const size = bytes === undefined ? 'more' : `${bytes} bytes, more`;
  const message = `What the origin has is ${size} than CACHE_MAX_VALUE_BYTES (in code: maxValueBytes), ${maxValueBytes}.`;
  return new AppError('origin-failed', message, { isOfOneEntry: true });
}
