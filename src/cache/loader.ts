// Loads missing entries: once per process, by single flight, and once per fleet, by a lock. A load goes on when
// nobody waits for it any more, unless others wait for its place.

import type { Clock } from '../util/clock.ts';
import { fulfilledWithin } from '../util/deadline.ts';
import { AppError } from '../util/errors.ts';
import { SingleFlight, type Callers, type Flight } from '../util/single-flight.ts';
import type { Entry } from './entry.ts';
import type { EntryKey } from './key.ts';
import { pending, type LoadOutcome } from './load-outcome.ts';
import { LoadPlaces } from './load-places.ts';
import { LoadTurns } from './load-turns.ts';
import { loadOf } from './lock-keys.ts';
import type { Locks } from './locks.ts';
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

const stopLimitMs = 1000;

export class Loader {
  readonly #options: LoaderOptions;
  readonly #turns: LoadTurns;
  readonly #origin: OriginLoad;
  readonly #places: LoadPlaces;
  readonly #flights = new SingleFlight<LoadOutcome>();
  readonly #bypasses = new SingleFlight<LoadOutcome>();
  readonly #renewing = new Map<string, Promise<void>>();
  #isStopping = false;

  constructor(options: LoaderOptions) {
    this.#options = options;
    this.#turns = new LoadTurns(options);
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
        this.#asLoad(key, callers, () => this.#origin.run(key, source, { why: 'bypass', signal }));
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
    this.#turns.stop();
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

  async #loadOrWait(wanted: Wanted, callers: Callers): Promise<LoadOutcome> {
    const { key, source } = wanted;
    const { loads } = this.#places.of(source);
    const turn = await this.#turns.wait(wanted, callers, loads);
    if (turn.kind === 'over') return turn.outcome;
    const { permit, how, replacing } = turn;
    try {
      const outcome = await this.#origin.run(key, source, { why: 'load', signal: permit.signal }, replacing);
      // As long as it is asked for, nobody has to wait to find that out again.
      if (how === 'unstorable' && isUnstorable(outcome))
        this.#options.locks.mark(loadOf(key), 'pass', this.#origin.markMs(source));
      return outcome;
    } finally {
      permit.release();
    }
  }

  async #renewLocked(key: EntryKey, source: Source, entry: Entry, signal: AbortSignal): Promise<void> {
    const attempt = await this.#turns.acquire(key);
    if (attempt.kind !== 'acquired') return;
    const isAsSeen = (current: ReadResult): boolean =>
      current.kind === 'hit' && current.entry.writeId === entry.writeId;
    const current = await this.#turns.readUnder(attempt.lock, key, isAsSeen);
    if (!isAsSeen(current)) return;
    const replacing = { held: entry, lock: attempt.lock };
    const asked = { why: 'renewal', signal } as const;
    await this.#asLoad(key, undefined, () => this.#origin.run(key, source, asked, replacing));
  }
}
