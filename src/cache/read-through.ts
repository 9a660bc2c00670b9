// Reads that a miss does not end: what the cache lacks is loaded, what is stale is served and renewed. And removals,
// which loads must know of. How a load is done is the loader's business.

import type { Clock } from '../clock.ts';
import { withDeadline } from '../deadline.ts';
import { AppError } from '../errors.ts';
import { zip } from '../zip.ts';
import type { Entry } from './entry.ts';
import { standingOf } from './freshness.ts';
import { redisShare, type Loader } from './loader.ts';
import type { EntryKey, LoadOutcome } from './origin-load.ts';
import type { EntryStore, ReadResult, WriteCondition, WriteResult } from './store.ts';

/** How the origin came into an answer, and what the cache had to do with it. */
export interface Forwarded {
  /** `bypass`: Redis could not be asked. */
  readonly why: 'miss' | 'bypass';
  readonly stored: boolean;
  /** Whether another request's load was waited for. */
  readonly collapsed: boolean;
}

export type ReadThroughResult =
  | { readonly kind: 'hit'; readonly entry: Entry; readonly stale: boolean }
  | { readonly kind: 'loaded'; readonly entry: Entry; readonly forwarded: Forwarded }
  /** `origin`: it was asked, now or a moment ago, and has none; undefined where there is no origin. */
  | { readonly kind: 'miss'; readonly origin: 'asked' | 'remembered' | 'bypass' | undefined }
  | { readonly kind: 'wrong-type' }
  | { readonly kind: 'unavailable'; readonly error: AppError }
  | { readonly kind: 'origin-failed'; readonly error: AppError }
  /** The time was up before the origin had answered; the load goes on. */
  | { readonly kind: 'origin-pending' };

export interface ReadThroughOptions {
  readonly store: EntryStore;
  /** Undefined where there is no origin. */
  readonly loader: Loader | undefined;
  /** Whether the cache may hold what the origin has not: then only Redis can say that a key is absent. */
  readonly clientsWrite: boolean;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
}

export class ReadThrough {
  readonly #options: ReadThroughOptions;
  #readCount = 0;

  constructor(options: ReadThroughOptions) {
    this.#options = options;
  }

  /** Keys asked for that Redis has answered for, found or not, since the start. */
  get readCount(): number {
    return this.#readCount;
  }

  async read(key: EntryKey, deadlineAtMs: number): Promise<ReadThroughResult> {
    const result = await this.#options.store.read(key.redisKey, this.#redisDeadline(deadlineAtMs));
    return this.#resolve(key, result, deadlineAtMs);
  }

  /** All keys in one round trip; only what is missing is loaded. The results in the order of the keys. */
  async readMany(keys: readonly EntryKey[], deadlineAtMs: number): Promise<readonly ReadThroughResult[]> {
    const redisKeys = keys.map(({ redisKey }) => redisKey);
    const results = await this.#options.store.readMany(redisKeys, this.#redisDeadline(deadlineAtMs));
    return Promise.all(
      zip(keys, results).map(async ([key, result]) => this.#resolve(key, result, deadlineAtMs)),
    );
  }

  /** Removes the entry if `condition` holds; removing what is not there succeeds. */
  remove(redisKey: string, condition: WriteCondition, deadlineAtMs: number): Promise<WriteResult> {
    const { store, loader } = this.#options;
    return (loader ?? store).remove(redisKey, condition, deadlineAtMs);
  }

  #redisDeadline(deadlineAtMs: number): number {
    if (this.#options.loader === undefined) return deadlineAtMs;
    const nowMs = this.#options.clock.nowMs();
    return nowMs + (deadlineAtMs - nowMs) * redisShare;
  }

  async #resolve(key: EntryKey, result: ReadResult, deadlineAtMs: number): Promise<ReadThroughResult> {
    const { loader, clientsWrite, clock, random } = this.#options;
    if (result.kind !== 'unavailable') this.#readCount += 1;
    if (result.kind === 'hit') {
      const standing = standingOf(result.entry, clock.wallMs(), random());
      if (standing !== 'fresh') loader?.renew(key, result.entry);
      return { kind: 'hit', entry: result.entry, stale: standing === 'stale' };
    }
    if (result.kind === 'wrong-type') return result;
    if (loader === undefined) return result.kind === 'miss' ? { kind: 'miss', origin: undefined } : result;

    const why = result.kind === 'miss' ? 'miss' : 'bypass';
    const flight = why === 'miss' ? loader.load(key) : loader.bypass(key);
    try {
      const late = (): AppError => new AppError('deadline-exceeded', 'The origin has not answered in time.');
      const outcome = await withDeadline(clock, deadlineAtMs, flight.result, late);
      const answered = answerOf(outcome, why, flight.joined);
      // Nobody could be asked who knows: that is an outage of the cache, and its Retry-After is the one that counts.
      const knows = answered.kind !== 'origin-failed' && !(answered.kind === 'miss' && clientsWrite);
      return result.kind === 'unavailable' && !knows ? result : answered;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return result.kind === 'unavailable' ? result : { kind: 'origin-pending' };
    } finally {
      flight.leave();
    }
  }
}

function answerOf(outcome: LoadOutcome, why: Forwarded['why'], joined: boolean): ReadThroughResult {
  switch (outcome.kind) {
    case 'found': {
      const { entry, stored } = outcome;
      return { kind: 'loaded', entry, forwarded: { why, stored, collapsed: joined } };
    }
    case 'filled':
      return { kind: 'loaded', entry: outcome.entry, forwarded: { why, stored: true, collapsed: true } };
    case 'none':
      if (why === 'bypass') return { kind: 'miss', origin: 'bypass' };
      return { kind: 'miss', origin: outcome.remembered ? 'remembered' : 'asked' };
    case 'failed':
      return outcome.error.code === 'origin-failed'
        ? { kind: 'origin-failed', error: outcome.error }
        : { kind: 'origin-pending' };
  }
}
