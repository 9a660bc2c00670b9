// Brings entries from the origin into Redis: one load per instance by single flight, one per fleet by a lock.
// Used by read-through.ts. Knows no request and no budget: a load goes on when nobody waits for it any more.

import { delay, type Clock } from '../clock.ts';
import { AppError } from '../errors.ts';
import { Limiter } from '../limiter.ts';
import type { Origin } from '../origin/origin.ts';
import { SingleFlight, type Flight } from '../single-flight.ts';
import type { OriginHealth } from '../telemetry/origin-health.ts';
import type { Entry } from './entry.ts';
import { isStored, type Filler } from './filler.ts';
import type { Lock, Locks } from './locks.ts';
import type { EntryStore } from './store.ts';

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

export interface LoaderOptions {
  readonly origin: Origin;
  readonly store: EntryStore;
  readonly locks: Locks;
  readonly filler: Filler;
  readonly clock: Clock;
  readonly defaultTtlSeconds: number;
  readonly maxValueBytes: number;
  /** How long a load waits for its turn, or for another instance's load. */
  readonly patienceMs: number;
  readonly health: OriginHealth;
}

const maxConcurrentLoads = 32;
const noneSeconds = 5;
const firstPollMs = 20;
const longestPollMs = 200;
// After a renewal has failed, nobody in the fleet tries that entry again for this long.
const renewalPauseMs = 1000;
const stopLimitMs = 1000;

export class Loader {
  readonly #options: LoaderOptions;
  readonly #limiter = new Limiter(maxConcurrentLoads);
  readonly #flights = new SingleFlight<LoadOutcome>();
  readonly #bypasses = new SingleFlight<LoadOutcome>();
  readonly #renewing = new Map<string, Promise<void>>();
  readonly #stopping = new AbortController();

  constructor(options: LoaderOptions) {
    this.#options = options;
  }

  /** Loads what the cache does not have. Never rejects but for a bug. */
  load(key: EntryKey): Flight<LoadOutcome> {
    return this.#flights.do(key.redisKey, () => this.#loadLocked(key));
  }

  /** Asks the origin alone, because Redis cannot be asked; nothing is stored. Never rejects but for a bug. */
  bypass(key: EntryKey): Flight<LoadOutcome> {
    return this.#bypasses.do(key.redisKey, () => this.#ask(key, undefined, undefined));
  }

  /** Renews `entry` in the background, unless that is being done or has just been tried. Never throws. */
  renew(key: EntryKey, entry: Entry): void {
    const { redisKey } = key;
    if (this.#renewing.has(redisKey) || this.#stopping.signal.aborted) return;
    const { clock } = this.#options;
    const ttlMs = (entry.freshness?.ttlSeconds ?? 0) * 1000;
    const renewal = this.#renewLocked(key, entry)
      // A bug here is nobody's request; the entry is served until it is too old, and then the bug surfaces.
      .catch(() => {})
      .finally(() => {
        clock.after(Math.min(renewalPauseMs, ttlMs / 4), () => this.#renewing.delete(redisKey));
      });
    this.#renewing.set(redisKey, renewal);
  }

  /** Gives up what is in flight, so that locks are given back before the connection goes. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const ended = Promise.allSettled([
      this.#flights.settled(),
      this.#bypasses.settled(),
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
    const { store, locks, clock, patienceMs } = this.#options;
    const untilMs = clock.nowMs() + patienceMs;
    let pollMs = firstPollMs;
    try {
      for (;;) {
        const attempt = await locks.acquire(key.redisKey, untilMs);
        if (attempt.kind === 'none') return { kind: 'none', remembered: true };
        // With the lock, too: whoever had it before may have filled the entry since this one looked.
        const found = await store.read(key.redisKey, untilMs);
        if (attempt.kind === 'acquired') {
          if (found.kind === 'miss') return await this.#ask(key, undefined, attempt.lock);
          attempt.lock.release();
        }
        if (found.kind === 'hit') return { kind: 'filled', entry: found.entry };
        if (found.kind === 'unavailable') throw found.error;
        if (clock.nowMs() + pollMs > untilMs || this.#stopping.signal.aborted) return pending();
        await delay(clock, pollMs);
        pollMs = Math.min(pollMs * 1.5, longestPollMs);
      }
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      // Redis was there a moment ago and is not now.
      return this.bypass(key).result;
    }
  }

  async #renewLocked(key: EntryKey, entry: Entry): Promise<void> {
    const { store, locks, clock, patienceMs } = this.#options;
    const deadlineAtMs = clock.nowMs() + patienceMs;
    const attempt = await locks.acquire(key.redisKey, deadlineAtMs);
    if (attempt.kind !== 'acquired') return;
    const current = await store.read(key.redisKey, deadlineAtMs);
    const isAsSeen =
      current.kind === 'hit' &&
      current.entry.etag === entry.etag &&
      current.entry.freshness?.storedAtMs === entry.freshness?.storedAtMs;
    if (isAsSeen) await this.#ask(key, entry, attempt.lock);
    else attempt.lock.release();
  }

  /** One load: asks the origin, stores what it says, gives the lock back. */
  async #ask(key: EntryKey, held: Entry | undefined, lock: Lock | undefined): Promise<LoadOutcome> {
    const { clock, patienceMs, health } = this.#options;
    const queuedAtMs = clock.nowMs();
    // A miss is asked again by whoever comes next; an entry that is still served can wait.
    const holdMs = held === undefined ? 0 : renewalPauseMs;
    try {
      const outcome = await this.#limiter.run(1, async () =>
        clock.nowMs() - queuedAtMs > patienceMs ? pending() : this.#fill(key, held, lock !== undefined),
      );
      const noneMs = outcome.kind === 'none' ? this.#noneMs : 0;
      lock?.release(outcome.kind === 'failed' ? { holdMs } : { noneMs });
      return outcome;
    } catch (error) {
      lock?.release({ holdMs });
      if (!(error instanceof AppError)) throw error;
      if (!this.#stopping.signal.aborted) health.failed(error);
      return { kind: 'failed', error };
    }
  }

  async #fill(key: EntryKey, held: Entry | undefined, mayStore: boolean): Promise<LoadOutcome> {
    const { origin, filler, clock, maxValueBytes, health } = this.#options;
    const startedAtMs = clock.nowMs();
    const options = { validator: held?.loaded?.validator, maxBytes: maxValueBytes };
    const answer = await origin.load(key.name, { ...options, signal: this.#stopping.signal });
    const loadMs = clock.nowMs() - startedAtMs;
    health.answered();
    switch (answer.kind) {
      case 'found': {
        const entry = filler.entryOf(answer, loadMs);
        const stored = mayStore && isStored(await filler.store(key.redisKey, entry, held));
        return { kind: 'found', entry, stored: stored && entry.freshness !== undefined };
      }
      case 'unchanged': {
        if (held === undefined) throw new TypeError('The origin said "unchanged" without having been asked.');
        const entry = filler.extended(held, answer.storage, loadMs);
        if (entry === undefined) return { kind: 'found', entry: held, stored: false };
        return { kind: 'found', entry, stored: isStored(await filler.touch(key.redisKey, entry)) };
      }
      case 'none':
        await filler.remove(key.redisKey, held);
        return { kind: 'none', remembered: false };
      case 'too-large':
        return { kind: 'failed', error: tooLarge(answer.bytes, maxValueBytes) };
    }
  }

  get #noneMs(): number {
    return Math.min(noneSeconds, this.#options.defaultTtlSeconds) * 1000;
  }
}

function tooLarge(bytes: number | undefined, maxValueBytes: number): AppError {
  const size = bytes === undefined ? 'more' : `${bytes} bytes, more`;
  const message = `What the origin has is ${size} than CACHE_MAX_VALUE_BYTES (${maxValueBytes}).`;
  return new AppError('origin-failed', message);
}

function pending(): LoadOutcome {
  const message =
    'The origin has not answered yet; other loads are before this one, or another instance is at it.';
  return { kind: 'failed', error: new AppError('deadline-exceeded', message, { retryAfterSeconds: 1 }) };
}
