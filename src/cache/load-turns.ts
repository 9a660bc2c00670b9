// When a load has its turn: once in the fleet, by a lock, as far as a lock that expires can promise.

import type { Measures } from '../telemetry/measures.ts';
import { operation, type Operation } from '../telemetry/operations.ts';
import { delay, type Clock } from '../util/clock.ts';
import { fulfilledWithin } from '../util/deadline.ts';
import type { Callers } from '../util/single-flight.ts';
import type { EntryKey } from './key.ts';
import { failedJustNow, outcomeOf, pending, usable, type LoadOutcome } from './load-outcome.ts';
import type { LoadPermit } from './load-permits.ts';
import { loadOf } from './lock-keys.ts';
import type { Lock, LockAttempt, Locks } from './locks.ts';
import type { NestedLoadPermits } from './nested-permits.ts';
import type { OriginLoadOptions, Replacing } from './origin-load.ts';
import type { Wanted } from './source.ts';
import type { ReadResult, Tier } from './tier.ts';

export interface LoadTurnsOptions extends Pick<OriginLoadOptions, 'purges'> {
  readonly tier: Tier;
  readonly locks: Locks;
  readonly clock: Clock;
  readonly measures: Pick<Measures, 'latencies'>;
  /** What Redis gets at most where it is asked for a load is a share of this. */
  readonly requestBudgetMs: number;
}

export type Turn =
  /** Others have brought it about, or the time is up. */
  | { readonly kind: 'over'; readonly outcome: LoadOutcome }
  /** The source is to be asked; then `permit` is to be released. */
  | {
      readonly kind: 'load';
      readonly permit: LoadPermit;
      /** `unlocked`: nothing is stored. `unstorable`: somebody was told so, and whoever loads says whether it still is. */
      readonly how: 'locked' | 'unlocked' | 'unstorable';
      readonly replacing?: Replacing;
    };

const firstPollMs = 20;
const longestPollMs = 200;
/** What Redis gets of the time each time it is asked, so that the origin gets some when Redis is silent. */
export const redisShare = 1 / 3;

export class LoadTurns {
  readonly #options: LoadTurnsOptions;
  #isStopping = false;

  constructor(options: LoadTurnsOptions) {
    this.#options = options;
  }

  /** Nobody waits any more. */
  stop(): void {
    this.#isStopping = true;
  }

  /**
   * Until it is this load's turn, the entry is there by another instance's load, or the time is up.
   * @throws AppError where Redis cannot be asked, or a newer version of the app has written the entry.
   */
  async wait(wanted: Wanted, callers: Callers, permits: NestedLoadPermits): Promise<Turn> {
    const { clock, measures } = this.#options;
    const startedAtMs = clock.nowMs();
    try {
      return await operation(
        'lockWait',
        () => ({}),
        async (own) => {
          const turn = await this.#wait(wanted, callers, { permits, startedAtMs, own });
          if (own === undefined) return turn;
          if (turn.kind === 'load') {
            own.outcome = turn.how;
            return turn;
          }
          own.outcome = turn.outcome.kind;
          return { ...turn, outcome: { ...turn.outcome, by: own } };
        },
      );
    } finally {
      measures.latencies.lockWait.record(clock.nowMs() - startedAtMs);
    }
  }

  /** @param traceParent of whoever wants it, for those who wait for it. */
  acquire(key: EntryKey, traceParent?: string): Promise<LockAttempt> {
    const { locks, purges } = this.#options;
    return locks.acquire(loadOf(key), this.#redisUntilMs(), purges?.lastOf(key.redisKey), traceParent);
  }

  /** Whoever had the lock before may have filled the entry. The lock is kept only if `isToBeLoaded` says so. */
  async readUnder(
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

  async #wait(
    wanted: Wanted,
    callers: Callers,
    {
      permits,
      startedAtMs,
      own,
    }: {
      readonly permits: NestedLoadPermits;
      readonly startedAtMs: number;
      readonly own: Operation<'lockWait'> | undefined;
    },
  ): Promise<Turn> {
    const { clock } = this.#options;
    const untilMs = startedAtMs + wanted.source.maxWaitMs;
    let pollMs = firstPollMs;
    // The permit comes before the lock: a lock whose holder waits for a permit keeps the whole fleet from loading.
    let permit = permits.acquire(callers);
    let isTurn = false;
    try {
      for (;;) {
        const turn = permit.isGranted ? await this.#try(wanted, permit, own) : await this.#look(wanted);
        if (turn !== undefined) {
          isTurn = turn.kind === 'load';
          return turn;
        }
        const isOver = this.#isStopping || callers.areCancelled;
        if (clock.nowMs() + pollMs > untilMs || isOver) return over(pending());
        if (permit.isGranted) {
          // Who waits for another instance's load needs no permit for that.
          permit.release();
          await delay(clock, pollMs);
          permit = permits.acquire(callers);
        } else {
          await fulfilledWithin(clock, pollMs, permit.granted);
        }
        pollMs = Math.min(pollMs * 1.5, longestPollMs);
      }
    } finally {
      if (!isTurn) permit.release();
    }
  }

  /** Undefined where another instance is loading it. */
  async #try(
    wanted: Wanted,
    permit: LoadPermit,
    own: Operation<'lockWait'> | undefined,
  ): Promise<Turn | undefined> {
    const { key, source, expired } = wanted;
    const attempt = await this.acquire(key, own?.traceParent);
    switch (attempt.kind) {
      case 'none':
        if (source.acceptsNone) return over({ kind: 'none', remembered: true });
        return { kind: 'load', permit, how: 'unlocked' };
      case 'failed':
        return over(failedJustNow());
      case 'pass':
        return { kind: 'load', permit, how: 'unstorable' };
      case 'held':
        if (own !== undefined && attempt.traceParent !== undefined) own.loadedBy = attempt.traceParent;
        return this.#outcome(wanted);
      case 'acquired': {
        const { lock } = attempt;
        const nowMs = (): number => this.#options.clock.wallMs();
        const isMissing = (now: ReadResult): boolean => usable(now, expired, nowMs()).kind === 'miss';
        const found = await this.readUnder(lock, key, isMissing);
        if (!isMissing(found)) return asTurn(outcomeOf(found));
        const held = found.kind === 'hit' ? found.entry : expired;
        return { kind: 'load', permit, how: 'locked', replacing: { held, lock } };
      }
    }
  }

  /** What others have brought about. Takes no lock. */
  async #look(wanted: Wanted): Promise<Turn | undefined> {
    const { locks, purges } = this.#options;
    const since = purges?.lastOf(wanted.key.redisKey);
    const mark = await locks.look(loadOf(wanted.key), this.#redisUntilMs(), since);
    if (mark === 'failed') return over(failedJustNow());
    return mark === 'none' && wanted.source.acceptsNone
      ? over({ kind: 'none', remembered: true })
      : this.#outcome(wanted);
  }

  async #outcome({ key, expired }: Wanted): Promise<Turn | undefined> {
    const found = await this.#options.tier.read(key.redisKey, this.#redisUntilMs());
    return asTurn(outcomeOf(usable(found, expired, this.#options.clock.wallMs())));
  }

  #redisUntilMs(): number {
    const { clock, requestBudgetMs } = this.#options;
    return clock.nowMs() + requestBudgetMs * redisShare;
  }
}

function over(outcome: LoadOutcome): Turn {
  return { kind: 'over', outcome };
}

function asTurn(outcome: LoadOutcome | undefined): Turn | undefined {
  return outcome && over(outcome);
}
