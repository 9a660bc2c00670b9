// Reads that a miss does not end: what the cache lacks is loaded, what is stale is served and renewed. And removals,
// which loads must know of. How a load is done is the loader's business.

import type { Charge } from '../util/byte-budget.ts';
import type { Clock } from '../util/clock.ts';
import { withDeadline } from '../util/deadline.ts';
import { AppError } from '../util/errors.ts';
import type { Flight } from '../util/single-flight.ts';
import { zip } from '../util/zip.ts';
import type { Entry } from './entry.ts';
import { isServableOnError, standingOf } from './freshness.ts';
import { redisShare, type Loader } from './loader.ts';
import type { LoadOutcome } from './load-outcome.ts';
import type { EntryKey } from './origin-load.ts';
import type { EntryStore, ReadResult, WriteCondition, WriteResult } from './store.ts';
import type { Room } from './values.ts';

/** How the origin came into an answer, and what the cache had to do with it. */
export interface Forwarded {
  /**
   * `stale`: an entry was there and had to be validated first. `bypass`: Redis could not be asked. `entry-newer`: a
   * newer version of the app wrote the entry.
   */
  readonly why: 'miss' | 'stale' | 'bypass' | 'entry-newer';
  /** What the origin answered with; undefined where another instance asked it. */
  readonly status: number | undefined;
  readonly stored: boolean;
  /** Whether another request's load was waited for. */
  readonly collapsed: boolean;
}

/** Why an entry is served though it is too old: the origin was asked, and failed. */
export type Despite = 'origin-failed' | 'origin-pending';

export type ReadThroughResult =
  | { readonly kind: 'hit'; readonly entry: Entry; readonly stale: boolean; readonly despite?: Despite }
  | { readonly kind: 'loaded'; readonly entry: Entry; readonly forwarded: Forwarded }
  /** `origin`: it was asked, now or a moment ago, and has none; undefined where there is no origin. */
  | { readonly kind: 'miss'; readonly origin: 'asked' | 'remembered' | 'bypass' | undefined }
  | { readonly kind: 'wrong-type' | 'stored-value-too-large' | 'answer-too-large' }
  /** There is no memory for it now. */
  | { readonly kind: 'overloaded' }
  /** A newer version of the app wrote it, and the origin alone does not know better. */
  | { readonly kind: 'entry-newer' }
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

  /** @param charge holds the bytes of the answer until it is handed over. */
  async read(key: EntryKey, deadlineAtMs: number, charge?: Charge): Promise<ReadThroughResult> {
    const result = await this.#options.store.read(key.redisKey, this.#redisDeadline(deadlineAtMs), charge);
    return this.#resolve(key, result, deadlineAtMs, charge && { charge });
  }

  /** All keys in one round trip; only what is missing is loaded. The results in the order of the keys. */
  async readMany(
    keys: readonly EntryKey[],
    deadlineAtMs: number,
    room?: Room,
  ): Promise<readonly ReadThroughResult[]> {
    const redisKeys = keys.map(({ redisKey }) => redisKey);
    const results = await this.#options.store.readMany(redisKeys, this.#redisDeadline(deadlineAtMs), room);
    return Promise.all(
      zip(keys, results).map(async ([key, result]) => this.#resolve(key, result, deadlineAtMs, room)),
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

  async #resolve(
    key: EntryKey,
    result: ReadResult,
    deadlineAtMs: number,
    room: Room | undefined,
  ): Promise<ReadThroughResult> {
    const { loader, clock, random } = this.#options;
    if (result.kind !== 'unavailable') this.#readCount += 1;
    if (result.kind === 'hit') {
      const { entry } = result;
      const standing = standingOf(entry, clock.wallMs(), random());
      if (standing === 'expired') return fitted(await this.#validated(key, entry, deadlineAtMs), room);
      if (standing !== 'fresh') loader?.renew(key, entry);
      return { kind: 'hit', entry, stale: standing === 'stale' };
    }
    // Asking the origin would make it more, not less.
    return result.kind === 'miss' || result.kind === 'unavailable' || result.kind === 'entry-newer'
      ? fitted(await this.#loaded(key, result, deadlineAtMs), room)
      : result;
  }

  /** What the origin says of an entry that may not be used without asking it. */
  async #validated(key: EntryKey, entry: Entry, deadlineAtMs: number): Promise<ReadThroughResult> {
    const { loader, clock } = this.#options;
    // Nobody is there who could say.
    if (loader === undefined) return { kind: 'miss', origin: undefined };
    const answered = await this.#awaited(loader.load(key, entry), 'stale', deadlineAtMs);
    const failed = answered.kind === 'origin-failed' || answered.kind === 'origin-pending';
    return failed && isServableOnError(entry, clock.wallMs())
      ? { kind: 'hit', entry, stale: true, despite: answered.kind }
      : answered;
  }

  async #loaded(
    key: EntryKey,
    result: Extract<ReadResult, { kind: 'miss' | 'unavailable' | 'entry-newer' }>,
    deadlineAtMs: number,
  ): Promise<ReadThroughResult> {
    const { loader, clientsWrite } = this.#options;
    if (loader === undefined) return result.kind === 'miss' ? { kind: 'miss', origin: undefined } : result;
    if (result.kind === 'miss') return this.#awaited(loader.load(key), 'miss', deadlineAtMs);
    const why = result.kind === 'unavailable' ? 'bypass' : result.kind;
    const answered = await this.#awaited(loader.bypass(key), why, deadlineAtMs);
    // Nobody could be asked who knows: what keeps the cache from answering is what counts, and its Retry-After.
    const knows = answered.kind === 'loaded' || (answered.kind === 'miss' && !clientsWrite);
    return knows ? answered : result;
  }

  async #awaited(
    flight: Flight<LoadOutcome>,
    why: Forwarded['why'],
    deadlineAtMs: number,
  ): Promise<ReadThroughResult> {
    try {
      const late = (): AppError => new AppError('deadline-exceeded', 'The origin has not answered in time.');
      const outcome = await withDeadline(this.#options.clock, deadlineAtMs, flight.result, late);
      return answerOf(outcome, why, flight.joined);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return { kind: 'origin-pending' };
    } finally {
      flight.leave();
    }
  }
}

function answerOf(outcome: LoadOutcome, why: Forwarded['why'], joined: boolean): ReadThroughResult {
  switch (outcome.kind) {
    case 'found': {
      const { entry, stored, originStatus: status } = outcome;
      return { kind: 'loaded', entry, forwarded: { why, status, stored, collapsed: joined } };
    }
    case 'filled':
      return {
        kind: 'loaded',
        entry: outcome.entry,
        forwarded: { why, status: undefined, stored: true, collapsed: true },
      };
    case 'none':
      if (why === 'bypass') return { kind: 'miss', origin: 'bypass' };
      return { kind: 'miss', origin: outcome.remembered ? 'remembered' : 'asked' };
    case 'failed':
      if (outcome.error.code === 'overloaded') return { kind: 'overloaded' };
      return outcome.error.code === 'origin-failed'
        ? { kind: 'origin-failed', error: outcome.error }
        : { kind: 'origin-pending' };
  }
}

/** A load is there for many requests: each counts what its own answer takes. */
function fitted(result: ReadThroughResult, room: Room | undefined): ReadThroughResult {
  if (result.kind !== 'loaded' || room === undefined) return result;
  const bytes = result.entry.body.length;
  if (room.limit?.admits(bytes) === false) return { kind: 'answer-too-large' };
  return room.charge.takeValue(bytes) ? result : { kind: 'overloaded' };
}
