// What a read is answered where the cache alone cannot: the source is asked, or its load that is under way is waited for.

import { withDeadline } from '../util/deadline.ts';
import { AppError } from '../util/errors.ts';
import type { Flight } from '../util/single-flight.ts';
import { answerOf, type CacheAnswer, type Forwarded } from './answer.ts';
import type { CacheOptions } from './cache-options.ts';
import { isServableOnError } from './freshness.ts';
import { isGivenUp, type LoadOutcome } from './load-outcome.ts';
import type { Loader } from './loader.ts';
import { isWithinLoad, waitsForItself } from './nested-loads.ts';
import type { Read } from './source.ts';
import type { ReadResult } from './tier.ts';

export type SourceAnswersOptions = Pick<CacheOptions, 'clock' | 'locks' | 'clientsWrite'>;

export class SourceAnswers {
  readonly #options: SourceAnswersOptions;
  readonly #loader: Pick<Loader, 'load' | 'bypass'>;
  /**
   * Since when somebody waits for a load who has something else to serve, by its result. Not a WeakMap: what is in one
   * lives until the whole heap is collected, and these have bodies.
   */
  readonly #waitedSinceMs = new Map<Promise<LoadOutcome>, number>();

  constructor(options: SourceAnswersOptions, loader: Pick<Loader, 'load' | 'bypass'>) {
    this.#options = options;
    this.#loader = loader;
  }

  /** What the source says of an entry that may not be used without asking it. */
  async validated(read: Read, { entry, from }: Extract<ReadResult, { kind: 'hit' }>): Promise<CacheAnswer> {
    const { key, source } = read;
    // Nobody is there who could say.
    if (source === undefined) return { kind: 'miss', origin: undefined };
    const { clock } = this.#options;
    const load = (): Flight<LoadOutcome> => this.#loader.load(key, source, entry);
    const answer = await this.#awaited(load, 'stale', read, isServableOnError(entry, clock.wallMs()));
    const failed = answer.kind === 'origin-failed' || answer.kind === 'origin-pending';
    return failed && isServableOnError(entry, clock.wallMs())
      ? { kind: 'hit', entry, stale: true, despite: answer.kind, from }
      : answer;
  }

  /** What it has of what the cache has not. */
  async loaded(read: Read): Promise<CacheAnswer> {
    const { key, source } = read;
    if (source === undefined) return { kind: 'miss', origin: undefined };
    return this.#awaited(() => this.#loader.load(key, source), 'miss', read);
  }

  /** What the source says where Redis cannot be asked, or has what only a newer version of the app can read. */
  async bypassed(
    read: Read,
    obstacle: Extract<ReadResult, { kind: 'unavailable' | 'entry-newer' }>,
  ): Promise<CacheAnswer> {
    const { key, source } = read;
    if (source === undefined) return obstacle;
    const why = obstacle.kind === 'unavailable' ? 'bypass' : obstacle.kind;
    const answer = await this.#awaited(() => this.#loader.bypass(key, source), why, read);
    // Who brings a source along wants what that says.
    if (answer.kind === 'loaded' || read.options.source !== undefined) return answer;
    // Where clients write, only Redis knows that a key is absent. And where the origin fails as well, what keeps the cache
    // from answering is what counts, and its Retry-After.
    return answer.kind === 'miss' && !this.#options.clientsWrite ? answer : obstacle;
  }

  /**
   * @param hasStandIn whether something else can be served: then a load is waited for only until it has had the time of
   * this caller in all, whoever has waited before.
   */
  async #awaited(
    load: () => Flight<LoadOutcome>,
    why: Forwarded['why'],
    read: Read,
    hasStandIn = false,
  ): Promise<CacheAnswer> {
    const { key, options, own } = read;
    const { signal } = options;
    const { clock } = this.#options;
    if (isWithinLoad(this.#options.locks, key.redisKey))
      return { kind: 'origin-pending', error: waitsForItself() };
    const flight = load();
    const deadlineAtMs = read.deadlineAtMs - (hasStandIn ? this.#waitedMs(flight) : 0);
    try {
      const late = (): AppError => new AppError('deadline-exceeded', 'The answer was not there in time.');
      const outcome = await withDeadline(clock, deadlineAtMs, flight.result, late, signal);
      if (own !== undefined && flight.joined && outcome.by !== undefined) own.loadedBy = outcome.by;
      // The time of whoever began it may be up, while this caller has more.
      const hasOwnTime = flight.joined && options.source !== undefined;
      if (!hasOwnTime || !isGivenUp(outcome)) return answerOf(outcome, why, flight.joined);
    } catch (error) {
      if (!(error instanceof AppError) || signal?.aborted === true) throw error;
      return { kind: 'origin-pending', error };
    } finally {
      flight.leave(signal?.aborted);
    }
    return this.#awaited(load, why, read, hasStandIn);
  }

  /** For how long somebody has waited for it who has something else to serve. */
  #waitedMs({ result }: Flight<LoadOutcome>): number {
    const nowMs = this.#options.clock.nowMs();
    const sinceMs = this.#waitedSinceMs.get(result);
    if (sinceMs !== undefined) return nowMs - sinceMs;
    this.#waitedSinceMs.set(result, nowMs);
    const ended = (): void => void this.#waitedSinceMs.delete(result);
    result.then(ended, ended);
    return 0;
  }
}
