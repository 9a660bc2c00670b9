// One warmup run under way.

import type { Refreshed } from '../cache/refresher.ts';
import type { Clock } from '../util/clock.ts';
import { Tally } from './report.ts';

export interface WarmupRun {
  /** When the next run is due; what stays fresh until then is current. */
  readonly nextRunAtMs: number;
  /** No load is begun after this. */
  readonly deadlineAtMs: number;
  /** What is still under way is given up then. */
  readonly endsAtMs: number;
}

/** The one cause that says something of the origin, and not of an entry. */
const noAnswer = 'origin-failed';
// One bad entry stops nothing; when so many in a row are not answered, it is the origin.
const maxFailuresInRow = 100;

/** One run's counts, and whether it goes on. */
export class Pass {
  readonly tally = new Tally();
  readonly run: WarmupRun;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
  readonly #clock: Clock;
  #failuresInRow = 0;
  #cacheLost = false;

  constructor(signal: AbortSignal, run: WarmupRun, clock: Clock) {
    this.signal = signal;
    this.run = run;
    this.#clock = clock;
  }

  get goesOn(): boolean {
    return (
      !this.signal.aborted &&
      !this.#cacheLost &&
      !this.hasGivenUp &&
      this.#clock.nowMs() < this.run.deadlineAtMs
    );
  }

  fail(cause: string): void {
    this.tally.fail(cause);
    if (cause === 'cache-unavailable') this.#cacheLost = true;
    if (cause === noAnswer) this.#failuresInRow += 1;
  }

  /** Whether it ends because the origin does not answer. */
  get hasGivenUp(): boolean {
    return this.#failuresInRow >= maxFailuresInRow;
  }

  /** Counts what became of one entry. */
  settle(result: Refreshed, name: string): void {
    const isAnswered =
      result.kind !== 'failed' || (result.cause !== noAnswer && result.cause !== 'cache-unavailable');
    if (isAnswered && result.kind !== 'aborted') this.#failuresInRow = 0;
    const { counts } = this.tally;
    switch (result.kind) {
      case 'loaded':
        counts.loaded += 1;
        counts.bytes += result.bytes;
        return;
      case 'renewed':
      case 'current':
        counts[result.kind] += 1;
        return;
      case 'superseded':
        counts.kept += 1;
        return;
      case 'aborted':
        return;
      case 'failed':
        if (result.cause === 'value-too-large') this.tally.failTooLarge(name);
        else this.fail(result.cause);
    }
  }
}
