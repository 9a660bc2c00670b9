// Loads missing entries: once per process, by single flight, and once per fleet, by a lock. A load goes on when
// nobody waits for it any more, unless others wait for its place.

import { delay, type Clock } from '../util/clock.ts';
import { fulfilledWithin } from '../util/deadline.ts';
import { AppError } from '../util/errors.ts';
import { SingleFlight, type Callers, type Flight } from '../util/single-flight.ts';
import type { Entry } from './entry.ts';
import type { EntryKey } from './key.ts';
import { failedJustNow, outcomeOf, pending, usable, type LoadOutcome } from './load-outcome.ts';
import type { LoadPermit } from './load-permits.ts';
import { LoadPlaces } from './load-places.ts';
import { loadOf } from './lock-keys.ts';
import type { Lock, LockAttempt, Locks } from './locks.ts';
import { asLoad, loadDepth } from './nested-loads.ts';
import { isUnstorable, OriginLoad, renewalPauseMs, type OriginLoadOptions } from './origin-load.ts';
import type { Source, Wanted } from './source.ts';
import type { ReadResult, WriteCondition, RemoveResult, Tier } from './tier.ts';

export interface LoaderOptions extends OriginLoadOptions {
  readonly tier: Tier;
  readonly locks: Locks;
  readonly clock: Clock;
  /** What Redis gets at most where it is asked for a load is a share of this. */
  readonly requestBudgetMs: number;
}

const firstPollMs = 20;
const longestPollMs = 200;
/** What Redis gets of the time each time it is asked, so that the origin gets some when Redis is silent. */
export const redisShare = 1 / 3;
const stopLimitMs = 1000;

export class Loader {
  readonly #options: LoaderOptions;
  readonly #origin: OriginLoad;
  readonly #places: LoadPlaces;
  readonly #flights = new SingleFlight<LoadOutcome>();
  readonly #bypasses = new SingleFlight<LoadOutcome>();
  readonly #renewing = new Map<string, Promise<void>>();
  #isStopping = false;

  constructor(options: LoaderOptions) {
    this.#options = options;
    this.#origin = new OriginLoad(options);
    this.#places = new LoadPlaces(options);
    // Whoever asks after a purge joins no older load.
    options.purges?.onAdopted(() => {
      this.#flights.forgetAll();
      this.#bypasses.forgetAll();
    });
  }

  /** Loads what the cache has not, or asks whether `expired` is still current. Never rejects but for a bug. */
  load(key: EntryKey, source: Source, expired?: Entry): Flight<LoadOutcome> {
    const work = async (callers: Callers): Promise<LoadOutcome> => {
      try {
        return await this.#asLoad(key, callers, () => this.#loadOrWait({ key, source, expired }, callers));
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        // Redis cannot be asked any more, or a newer version of the app has written the entry meanwhile.
        const bypass = this.bypass(key, source, callers.depth);
        const leave = (): void => bypass.leave(callers.areCancelled);
        callers.onGone(leave);
        if (callers.areGone) leave();
        return await bypass.result;
      }
    };
    return this.#flights.do(key.redisKey, work, loadDepth());
  }

  /** Asks the source alone, because what Redis holds cannot be had; nothing is stored. Never rejects but for a bug. */
  bypass(key: EntryKey, source: Source, depth = loadDepth()): Flight<LoadOutcome> {
    const work = async (callers: Callers): Promise<LoadOutcome> => {
      const ask = (signal: AbortSignal) =>
        this.#asLoad(key, callers, () => this.#origin.run(key, source, signal));
      return (await this.#places.of(source).bypasses.run(callers, source.maxWaitMs, ask)) ?? pending();
    };
    return this.#bypasses.do(key.redisKey, work, depth);
  }

  /** Renews `entry` in the background, unless that is being done or has just been tried. Never throws. */
  renew(key: EntryKey, source: Source, entry: Entry): void {
    const { redisKey } = key;
    if (this.#renewing.has(redisKey) || this.#isStopping) return;
    const { clock } = this.#options;
    const ttlMs = (entry.freshness?.ttlSeconds ?? 0) * 1000;
    const renewal = this.#places
      .of(source)
      .renewals.run(undefined, source.maxWaitMs, (signal) => this.#renewLocked(key, source, entry, signal))
      // A bug here is nobody's request; the entry is served until it is too old, and then the bug surfaces.
      .catch(() => {})
      .finally(() => {
        clock.after(Math.min(renewalPauseMs, ttlMs / 4), () => this.#renewing.delete(redisKey));
      });
    this.#renewing.set(redisKey, renewal);
  }

  /**
   * Removes the entry if `condition` holds, and with it what is known of the key and the lock of whoever loads
   * it: what the origin said before the removal is stored no more, and who asks after it joins no older load.
   */
  async remove(redisKey: string, condition: WriteCondition, deadlineAtMs: number): Promise<RemoveResult> {
    const { tier, locks } = this.#options;
    const result = await tier.remove(redisKey, condition, deadlineAtMs, locks.traceOf(redisKey));
    const isGone = result.kind === 'removed' || result.kind === 'absent';
    if (isGone || (result.kind === 'unavailable' && result.applied === 'unknown')) {
      this.#flights.forget(redisKey);
      this.#bypasses.forget(redisKey);
    }
    return result;
  }

  /** Ends what is in flight, so that locks are given back before the connection goes. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const stopped = new AppError('stopped', 'This instance is stopping.', { retryAfterSeconds: 1 });
    this.#places.stop(stopped);
    const ended = Promise.allSettled([
      this.#flights.settled(),
      this.#bypasses.settled(),
      this.#origin.settled(),
      ...this.#renewing.values(),
    ]);
    await fulfilledWithin(this.#options.clock, stopLimitMs, ended);
  }

  #asLoad<T>({ redisKey }: EntryKey, callers: Callers | undefined, work: () => Promise<T>): Promise<T> {
    return asLoad({ owner: this.#options.locks, redisKey, callers }, work);
  }

  /** Until the entry is there, by this load or another instance's, or the time is up. */
  async #loadOrWait(wanted: Wanted, callers: Callers): Promise<LoadOutcome> {
    const { clock } = this.#options;
    const { loads } = this.#places.of(wanted.source);
    const untilMs = clock.nowMs() + wanted.source.maxWaitMs;
    let pollMs = firstPollMs;
    // The permit comes before the lock: a lock whose holder waits for a permit keeps the whole fleet from loading.
    let permit = loads.acquire(callers);
    try {
      for (;;) {
        const outcome = permit.isGranted
          ? await this.#tryToLoad(wanted, permit)
          : await this.#lookForOutcome(wanted);
        if (outcome !== undefined) return outcome;
        const isOver = this.#isStopping || callers.areCancelled;
        if (clock.nowMs() + pollMs > untilMs || isOver) return pending();
        if (permit.isGranted) {
          // Who waits for another instance's load needs no permit for that.
          permit.release();
          await delay(clock, pollMs);
          permit = loads.acquire(callers);
        } else {
          await fulfilledWithin(clock, pollMs, permit.granted);
        }
        pollMs = Math.min(pollMs * 1.5, longestPollMs);
      }
    } finally {
      permit.release();
    }
  }

  /** Undefined where another instance is loading it. */
  async #tryToLoad(wanted: Wanted, { signal }: LoadPermit): Promise<LoadOutcome | undefined> {
    const { clock } = this.#options;
    const { key, source, expired } = wanted;
    const attempt = await this.#acquire(key);
    switch (attempt.kind) {
      case 'none':
        if (source.acceptsNone) return { kind: 'none', remembered: true };
        return this.#origin.run(key, source, signal);
      case 'failed':
        return failedJustNow();
      case 'pass':
        return this.#loadUnstorable(key, source, signal);
      case 'held':
        return this.#readOutcome(wanted);
      case 'acquired': {
        const { lock } = attempt;
        const isMissing = (now: ReadResult): boolean => usable(now, expired, clock.wallMs()).kind === 'miss';
        const found = await this.#readUnder(lock, key, isMissing);
        if (!isMissing(found)) return outcomeOf(found);
        const held = found.kind === 'hit' ? found.entry : expired;
        return this.#origin.run(key, source, signal, { held, lock });
      }
    }
  }

  /** What others have brought about. Takes no lock. */
  async #lookForOutcome(wanted: Wanted): Promise<LoadOutcome | undefined> {
    const { locks, purges } = this.#options;
    const since = purges?.lastOf(wanted.key.redisKey);
    const mark = await locks.look(loadOf(wanted.key), this.#redisUntilMs(), since);
    if (mark === 'failed') return failedJustNow();
    return mark === 'none' && wanted.source.acceptsNone
      ? { kind: 'none', remembered: true }
      : this.#readOutcome(wanted);
  }

  async #readOutcome({ key, expired }: Wanted): Promise<LoadOutcome | undefined> {
    const found = await this.#options.tier.read(key.redisKey, this.#redisUntilMs());
    return outcomeOf(usable(found, expired, this.#options.clock.wallMs()));
  }

  /** Loads what may not be stored, which nobody needs a lock for. */
  async #loadUnstorable(key: EntryKey, source: Source, signal: AbortSignal): Promise<LoadOutcome> {
    const outcome = await this.#origin.run(key, source, signal);
    // As long as it is asked for, nobody has to wait to find that out again.
    if (isUnstorable(outcome)) this.#options.locks.mark(loadOf(key), 'pass', this.#origin.markMs(source));
    return outcome;
  }

  async #renewLocked(key: EntryKey, source: Source, entry: Entry, signal: AbortSignal): Promise<void> {
    const attempt = await this.#acquire(key);
    if (attempt.kind !== 'acquired') return;
    const isAsSeen = (current: ReadResult): boolean =>
      current.kind === 'hit' && current.entry.writeId === entry.writeId;
    const current = await this.#readUnder(attempt.lock, key, isAsSeen);
    if (!isAsSeen(current)) return;
    const replacing = { held: entry, lock: attempt.lock };
    await this.#asLoad(key, undefined, () => this.#origin.run(key, source, signal, replacing));
  }

  #acquire(key: EntryKey): Promise<LockAttempt> {
    const { locks, purges } = this.#options;
    return locks.acquire(loadOf(key), this.#redisUntilMs(), purges?.lastOf(key.redisKey));
  }

  /** Whoever had the lock before may have filled the entry. The lock is kept only if `isToBeLoaded` says so. */
  async #readUnder(
    lock: Lock,
    { redisKey }: EntryKey,
    isToBeLoaded: (found: ReadResult) => boolean,
  ): Promise<ReadResult> {
    let keepsLock = false;
    try {
      const found = await this.#options.tier.read(redisKey, this.#redisUntilMs());
      keepsLock = isToBeLoaded(found);
      return found;
    } finally {
      if (!keepsLock) lock.release();
    }
  }

  #redisUntilMs(): number {
    const { clock, requestBudgetMs } = this.#options;
    return clock.nowMs() + requestBudgetMs * redisShare;
  }
}
