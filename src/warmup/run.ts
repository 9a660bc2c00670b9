// One warmup run under way: what it has done so far, and whether it may continue.

import type { Refreshed } from '../cache/refresher.ts';
import type { Clock } from '../util/clock.ts';
import type { WarmupReport } from './report.ts';

export interface RunLimits {
  /** When the next run is due; what stays fresh until then is current. */
  readonly nextRunAtMs: number;
  /** No load is begun after this. */
  readonly deadlineAtMs: number;
  /** What is still under way then is aborted. */
  readonly endsAtMs: number;
}

// One bad entry stops nothing; when so many in a row are not answered, it is the origin that fails.
const maxUnansweredInRow = 100;
const maxNames = 20;

export class Run {
  readonly counts = { listed: 0, current: 0, renewed: 0, loaded: 0, bytes: 0, kept: 0 };
  readonly limits: RunLimits;
  /** Aborts what is under way. */
  readonly signal: AbortSignal;
  readonly #clock: Clock;
  readonly #startedAtMs: number;
  readonly #failed: Record<string, number> = {};
  readonly #tooLarge: string[] = [];
  #unansweredInRow = 0;
  #isCacheLost = false;
  #isPartMissing = false;

  constructor(limits: RunLimits, signal: AbortSignal, clock: Clock) {
    this.limits = limits;
    this.signal = signal;
    this.#clock = clock;
    this.#startedAtMs = clock.nowMs();
  }

  get mayContinue(): boolean {
    return (
      !this.signal.aborted &&
      !this.#isCacheLost &&
      this.#unansweredInRow < maxUnansweredInRow &&
      this.#clock.nowMs() < this.limits.deadlineAtMs
    );
  }

  fail(cause: string): void {
    this.#failed[cause] = (this.#failed[cause] ?? 0) + 1;
    if (cause === 'cache-unavailable') this.#isCacheLost = true;
  }

  /** A part of the warm set could not be listed, and nothing was done about it. */
  missPart(): void {
    this.#isPartMissing = true;
    this.fail('listing-failed');
  }

  failTooLarge(name: string): void {
    this.fail('value-too-large');
    if (this.#tooLarge.length < maxNames) this.#tooLarge.push(name);
  }

  /** Counts what became of one entry. */
  count(result: Refreshed, name: string): void {
    const { counts } = this;
    switch (result.kind) {
      case 'aborted':
        return;
      case 'failed':
        if (result.cause === 'origin-failed') this.#unansweredInRow += 1;
        // Nobody knows whether the origin had answered.
        else if (result.cause !== 'cache-unavailable') this.#unansweredInRow = 0;
        if (result.cause === 'value-too-large') this.failTooLarge(name);
        else this.fail(result.cause);
        return;
      case 'loaded':
        counts.bytes += result.bytes;
        counts.loaded += 1;
        break;
      case 'renewed':
      case 'current':
        counts[result.kind] += 1;
        break;
      case 'superseded':
        counts.kept += 1;
    }
    this.#unansweredInRow = 0;
  }

  report(complete: boolean): WarmupReport {
    const seconds = Math.round((this.#clock.nowMs() - this.#startedAtMs) / 100) / 10;
    const isComplete = complete && !this.#isPartMissing;
    const { counts } = this;
    return {
      ...counts,
      failed: this.#failed,
      tooLarge: this.#tooLarge,
      seconds,
      complete: isComplete,
    };
  }
}
