// One warmup run under way.

import { isStored } from '../cache/entry-writer.ts';
import type { WriteResult } from '../cache/store.ts';
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
export const noAnswer = 'origin-failed';
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

  /** By the origin, whatever it said. */
  answered(): void {
    this.#failuresInRow = 0;
  }

  /** Whether it ends because the origin does not answer. */
  get hasGivenUp(): boolean {
    return this.#failuresInRow >= maxFailuresInRow;
  }

  /** Counts what became of a write; true when it was done. */
  settle(result: WriteResult): boolean {
    if (result.kind === 'unavailable') this.fail('cache-unavailable');
    else if (result.kind === 'wrong-type') this.fail('wrong-type');
    // Somebody wrote it in between: theirs is newer. Or a newer version of the app did.
    else if (!isStored(result)) this.tally.counts.kept += 1;
    return isStored(result);
  }
}
