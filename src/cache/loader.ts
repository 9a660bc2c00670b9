// Has what the cache lacks loaded: once per instance by single flight, once per fleet by a lock. Used by
// read-through.ts. Knows no request and no budget: a load goes on when nobody waits for it any more.

import { delay, type Clock } from '../clock.ts';
import { AppError } from '../errors.ts';
import { Limiter } from '../limiter.ts';
import { SingleFlight, type Flight } from '../single-flight.ts';
import type { Entry } from './entry.ts';
import { isStored } from './filler.ts';
import type { Lock, Locks } from './locks.ts';
import {
  isUnstorable,
  OriginLoad,
  renewalPauseMs,
  type EntryKey,
  type LoadOutcome,
  type OriginLoadOptions,
} from './origin-load.ts';
import type { EntryStore, ReadResult, WriteCondition, WriteResult } from './store.ts';

export interface LoaderOptions extends OriginLoadOptions {
  readonly store: EntryStore;
  readonly locks: Locks;
  readonly clock: Clock;
  /** How long a load waits for its turn, or for another instance's load. */
  readonly patienceMs: number;
}

const maxConcurrentLoads = 32;
const firstPollMs = 20;
const longestPollMs = 200;
/** What Redis gets of the time each time it is asked, so that the origin gets some when Redis is silent. */
export const redisShare = 1 / 3;
const stopLimitMs = 1000;

export class Loader {
  readonly #options: LoaderOptions;
  readonly #stopping = new AbortController();
  readonly #origin: OriginLoad;
  readonly #limiter = new Limiter(maxConcurrentLoads);
  readonly #flights = new SingleFlight<LoadOutcome>();
  readonly #bypasses = new SingleFlight<LoadOutcome>();
  readonly #renewing = new Map<string, Promise<void>>();

  constructor(options: LoaderOptions) {
    this.#options = options;
    this.#origin = new OriginLoad(options, this.#stopping.signal);
  }

  /** Loads what the cache does not have. Never rejects but for a bug. */
  load(key: EntryKey): Flight<LoadOutcome> {
    return this.#flights.do(key.redisKey, async () => {
      try {
        return await this.#loadLocked(key);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        // Redis was there a moment ago and is not now.
        return await this.bypass(key).result;
      }
    });
  }

  /** Asks the origin alone, because Redis cannot be asked; nothing is stored. Never rejects but for a bug. */
  bypass(key: EntryKey): Flight<LoadOutcome> {
    return this.#bypasses.do(key.redisKey, () =>
      this.#inTurn(() => this.#origin.run(key, undefined, undefined), pending),
    );
  }

  /** Renews `entry` in the background, unless that is being done or has just been tried. Never throws. */
  renew(key: EntryKey, entry: Entry): void {
    const { redisKey } = key;
    if (this.#renewing.has(redisKey) || this.#stopping.signal.aborted) return;
    const { clock } = this.#options;
    const ttlMs = (entry.freshness?.ttlSeconds ?? 0) * 1000;
    const renewal = this.#inTurn(
      () => this.#renewLocked(key, entry),
      () => {},
    )
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
  async remove(redisKey: string, condition: WriteCondition, deadlineAtMs: number): Promise<WriteResult> {
    const { store, locks } = this.#options;
    const result = await store.remove(redisKey, condition, deadlineAtMs, locks.beside(redisKey));
    const mayBeGone = result.kind === 'unavailable' ? result.applied !== 'no' : isStored(result);
    if (mayBeGone) {
      this.#flights.forget(redisKey);
      this.#bypasses.forget(redisKey);
    }
    return result;
  }

  /** Gives up what is in flight, so that locks are given back before the connection goes. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const ended = Promise.allSettled([
      this.#flights.settled(),
      this.#bypasses.settled(),
      this.#origin.settled(),
      ...this.#renewing.values(),
    ]);
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.after(stopLimitMs, resolve);
      void ended.then(() => {
        cancel();
        resolve();
      });
    });
  }

  async #loadLocked(key: EntryKey): Promise<LoadOutcome> {
    const { locks, clock, patienceMs } = this.#options;
    const untilMs = clock.nowMs() + patienceMs;
    let pollMs = firstPollMs;
    // The place comes before the lock: a lock that waits for a place keeps the whole fleet from loading.
    let place = this.#limiter.enter(1);
    try {
      for (;;) {
        const mayLoad = place.entered;
        const attempt = await locks[mayLoad ? 'acquire' : 'look'](key.redisKey, this.#redisUntilMs());
        if (attempt.kind === 'none') return { kind: 'none', remembered: true };
        if (attempt.kind === 'pass' && mayLoad) return await this.#pass(key);
        const lock = attempt.kind === 'acquired' ? attempt.lock : undefined;
        const found = await this.#lookAgain(key, lock, ({ kind }) => kind === 'miss');
        if (found.kind === 'hit') return { kind: 'filled', entry: found.entry };
        if (found.kind === 'unavailable') throw found.error;
        if (found.kind === 'miss' && lock !== undefined) return await this.#origin.run(key, undefined, lock);

        if (clock.nowMs() + pollMs > untilMs || this.#stopping.signal.aborted) return pending();
        if (mayLoad) {
          // Who waits for another instance's load needs no place for that.
          place.leave();
          await delay(clock, pollMs);
          place = this.#limiter.enter(1);
        } else {
          await Promise.race([place.turn, delay(clock, pollMs)]);
        }
        pollMs = Math.min(pollMs * 1.5, longestPollMs);
      }
    } finally {
      place.leave();
    }
  }

  /** Loads what may not be stored, which nobody needs a lock for. */
  async #pass(key: EntryKey): Promise<LoadOutcome> {
    const outcome = await this.#origin.run(key, undefined, undefined);
    // As long as it is asked for, nobody has to wait to find that out again.
    if (isUnstorable(outcome)) this.#options.locks.mark(key.redisKey, 'pass', this.#origin.markMs);
    return outcome;
  }

  async #renewLocked(key: EntryKey, entry: Entry): Promise<void> {
    const attempt = await this.#options.locks.acquire(key.redisKey, this.#redisUntilMs());
    if (attempt.kind !== 'acquired') return;
    const isAsSeen = (current: ReadResult): boolean =>
      current.kind === 'hit' &&
      current.entry.etag === entry.etag &&
      current.entry.freshness?.storedAtMs === entry.freshness?.storedAtMs;
    const current = await this.#lookAgain(key, attempt.lock, isAsSeen);
    if (isAsSeen(current)) await this.#origin.run(key, entry, attempt.lock);
  }

  /** Whoever had the lock before may have filled the entry. The lock is kept only if `isToBeLoaded` says so. */
  async #lookAgain(
    { redisKey }: EntryKey,
    lock: Lock | undefined,
    isToBeLoaded: (found: ReadResult) => boolean,
  ): Promise<ReadResult> {
    let keep = false;
    try {
      const found = await this.#options.store.read(redisKey, this.#redisUntilMs());
      keep = isToBeLoaded(found);
      return found;
    } finally {
      if (!keep) lock?.release();
    }
  }

  /** Runs `task` when it is its turn, or `late` when that comes too late. */
  #inTurn<T>(task: () => Promise<T>, late: () => T): Promise<T> {
    const { clock, patienceMs } = this.#options;
    const untilMs = clock.nowMs() + patienceMs;
    return this.#limiter.run(1, async () => (clock.nowMs() > untilMs ? late() : task()));
  }

  #redisUntilMs(): number {
    const { clock, patienceMs } = this.#options;
    return clock.nowMs() + patienceMs * redisShare;
  }
}

function pending(): LoadOutcome {
  const message =
    'The origin has not answered yet; other loads are before this one, or another instance is at it.';
  return { kind: 'failed', error: new AppError('deadline-exceeded', message, { retryAfterSeconds: 1 }) };
}
