// Which loads may run at once, so that slow ones do not keep quick ones waiting: a policy over a clock.

import type { Clock } from '../util/clock.ts';
import { fulfilledWithin } from '../util/deadline.ts';
import { deferred, type Deferred } from '../util/deferred.ts';
import { AppError } from '../util/errors.ts';

/** Who waits for a load; see single-flight.ts. */
export interface LoadCallers {
  readonly areGone: boolean;
  readonly areCancelled: boolean;
  onGone(listener: () => void): void;
}

export interface LoadPermitsOptions {
  readonly clock: Clock;
  /** Loads at once, whatever they take. */
  readonly quick: number;
  /** Beside those, loads that have taken longer than `slowAfterMs`. */
  readonly slow: number;
  readonly slowAfterMs: number;
}

export interface LoadPermit {
  readonly isGranted: boolean;
  /** Resolves when it is; never if it is released before. */
  readonly granted: Promise<void>;
  /** Aborted, with an AppError as its reason, when the load has to end: it then releases its permit. */
  readonly signal: AbortSignal;
  release(): void;
}

type State = 'queued' | 'quick' | 'slow' | 'released';

interface Load {
  /** Undefined for a load that is nobody's request: it may give way at any time. */
  readonly callers: LoadCallers | undefined;
  readonly granting: Deferred<void>;
  readonly giveWay: AbortController;
  state: State;
  isOverdue: boolean;
  cancelTimer: () => void;
}

/**
 * A load begins in one of the quick places. When it has taken `slowAfterMs` it moves to one of the slow places, if
 * one is free, and its quick place is the next one's. If none is, whoever waits gets the place of a load that nobody
 * waits for any more, the one that has run longest; and else waits. A load that has callers is never ended, nor one
 * that has run for less than `slowAfterMs`. One whose callers do not want the result any more is ended at once.
 */
export class LoadPermits {
  readonly #options: LoadPermitsOptions;
  /** In the order in which they came, and then in which they began. */
  readonly #queued = new Set<Load>();
  readonly #running = new Set<Load>();
  #stopReason: AppError | undefined;

  constructor(options: LoadPermitsOptions) {
    this.#options = options;
  }

  /** @param callers undefined for a load that is nobody's request. */
  acquire(callers: LoadCallers | undefined): LoadPermit {
    const load: Load = {
      callers,
      granting: deferred(),
      giveWay: new AbortController(),
      state: 'queued',
      isOverdue: false,
      cancelTimer: () => {},
    };
    this.#queued.add(load);
    this.#balance();
    return {
      get isGranted() {
        return load.state === 'quick' || load.state === 'slow';
      },
      granted: load.granting.promise,
      signal: load.giveWay.signal,
      release: () => this.#release(load),
    };
  }

  /** Runs `task` as soon as it may; undefined where that would be after `maxWaitMs`. */
  async run<T>(
    callers: LoadCallers | undefined,
    maxWaitMs: number,
    task: (signal: AbortSignal) => Promise<T>,
  ): Promise<T | undefined> {
    return runWithPermit(this.acquire(callers), this.#options.clock, maxWaitMs, task);
  }

  /** Ends all loads, and each that would begin after this. */
  stop(reason: AppError): void {
    this.#stopReason = reason;
    for (const load of this.#running) load.giveWay.abort(reason);
  }

  #release(load: Load): void {
    load.state = 'released';
    load.cancelTimer();
    this.#queued.delete(load);
    this.#running.delete(load);
    this.#balance();
  }

  #balance(): void {
    const { quick, slow } = this.#options;
    for (const load of this.#in('quick')) {
      if (load.isOverdue && this.#in('slow').length < slow) load.state = 'slow';
    }
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      if (this.#in('quick').length >= quick) break;
      this.#begin(next);
    }
    this.#makeRoom();
  }

  /** The first that is waited for, and else the first. */
  #next(): Load | undefined {
    const [first] = this.#queued;
    for (const load of this.#queued) if (!isAbandoned(load)) return load;
    return first;
  }

  #begin(load: Load): void {
    this.#queued.delete(load);
    this.#running.add(load);
    load.state = 'quick';
    load.cancelTimer = this.#options.clock.after(this.#options.slowAfterMs, () => {
      load.isOverdue = true;
      this.#balance();
    });
    const { callers } = load;
    callers?.onGone(() => {
      if (callers.areCancelled) load.giveWay.abort(cancelled());
      this.#balance();
    });
    if (callers?.areCancelled === true) load.giveWay.abort(cancelled());
    if (this.#stopReason !== undefined) load.giveWay.abort(this.#stopReason);
    load.granting.resolve();
  }

  /** Ends as many loads that nobody waits for as there are others that wait for their places. */
  #makeRoom(): void {
    // The place of a slow load is of use only to one that can move there from a quick place.
    const overdue = this.#in('quick').filter(({ isOverdue }) => isOverdue).length;
    const ending = [...this.#running].filter(({ giveWay }) => giveWay.signal.aborted).length;
    let room = Math.min(this.#countWaiting(overdue), overdue) - ending;
    for (const { callers, isOverdue, giveWay } of this.#running) {
      if (room <= 0) return;
      if (!isOverdue || giveWay.signal.aborted || callers?.areGone === false) continue;
      giveWay.abort(gaveWay());
      room -= 1;
    }
  }

  /** Up to `most`: the queue may be long. */
  #countWaiting(most: number): number {
    let waiting = 0;
    for (const load of this.#queued) {
      if (waiting >= most) break;
      if (!isAbandoned(load)) waiting += 1;
    }
    return waiting;
  }

  #in(state: State): Load[] {
    return [...this.#running].filter((load) => load.state === state);
  }
}

/** Runs `task` as soon as `permit` lets it; undefined where that would be after `maxWaitMs`. The permit is used up. */
export async function runWithPermit<T>(
  permit: LoadPermit,
  clock: Clock,
  maxWaitMs: number,
  task: (signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  try {
    await fulfilledWithin(clock, maxWaitMs, permit.granted);
    return permit.isGranted ? await task(permit.signal) : undefined;
  } finally {
    permit.release();
  }
}

/** Whether it had callers, and they have all left. */
function isAbandoned({ callers }: Load): boolean {
  return callers?.areGone === true;
}

function cancelled(): AppError {
  return new AppError('deadline-exceeded', 'The load was cancelled by all who waited for it.');
}

function gaveWay(): AppError {
  const message = 'The load gave way to others, because nobody waited for it any more.';
  return new AppError('deadline-exceeded', message, { retryAfterSeconds: 1 });
}
