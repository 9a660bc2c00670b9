// Emits an event when the origin begins to fail and when it answers again, not for each failure.

import type { Clock } from '../util/clock.ts';
import type { AppError } from '../util/errors.ts';
import type { Emit } from '../telemetry/events.ts';

/** Failures without an answer between them. */
interface Streak {
  readonly sinceMs: number;
  failures: number;
  /** What was asked for, up to as many as make an outage. */
  readonly keys: Set<string>;
  isReported: boolean;
}

/** An answer in the last 5 s says that the origin works, and a failure since then that one key does not. */
const recentMs = 5000;
const keysOfOutage = 3;
// A key that failed while others were answered is an outage only after so many failures for so long.
const failuresOfOutage = 5;
const outageAfterMs = 10_000;
const maxSuspects = 100;
/** They name statuses and directives: there are not many. */
const maxReasons = 100;

export class OriginHealth {
  readonly #emit: Emit;
  readonly #clock: Clock;
  readonly #named: { readonly origin?: string };
  #streak: Streak | undefined;
  #answeredAtMs = Number.NEGATIVE_INFINITY;
  /** Keys that failed before another key was answered: perhaps they alone fail. */
  readonly #suspects = new Set<string>();
  readonly #reportedReasons = new Set<string>();

  /** @param origin names it, where there are others. */
  constructor(emit: Emit, clock: Clock, origin?: string) {
    this.#emit = emit;
    this.#clock = clock;
    this.#named = origin === undefined ? {} : { origin };
  }

  /** @param key what was asked for. */
  answered(key: string): void {
    this.#answeredAtMs = this.#clock.nowMs();
    const streak = this.#streak;
    this.#streak = undefined;
    for (const failed of streak?.keys ?? []) this.#suspect(failed);
    this.#suspects.delete(key);
    if (streak?.isReported !== true) return;
    const failedMs = this.#clock.nowMs() - streak.sinceMs;
    this.#emit({ type: 'originRecovered', failedMs, failures: streak.failures, ...this.#named });
  }

  /** An answer may not be stored, or could not be used again: each reason is reported once. */
  notStored(reason: string): void {
    if (this.#reportedReasons.has(reason) || this.#reportedReasons.size >= maxReasons) return;
    this.#reportedReasons.add(reason);
    this.#emit({ type: 'answerNotStored', reason });
  }

  /** @param key what was asked for; undefined for a listing, which concerns them all. */
  failed(error: AppError, key?: string): void {
    this.#streak ??= { sinceMs: this.#clock.nowMs(), failures: 0, keys: new Set(), isReported: false };
    const streak = this.#streak;
    streak.failures += 1;
    if (key !== undefined && streak.keys.size < keysOfOutage) streak.keys.add(key);
    if (streak.isReported || (key !== undefined && !this.#isOutage(streak, key))) return;
    streak.isReported = true;
    this.#emit({ type: 'originFailing', code: error.code, reason: error.message, ...this.#named });
  }

  #isOutage({ sinceMs, failures, keys }: Streak, key: string): boolean {
    if (keys.size >= keysOfOutage) return true;
    const nowMs = this.#clock.nowMs();
    if (this.#suspects.has(key)) return failures >= failuresOfOutage && nowMs - sinceMs >= outageAfterMs;
    return nowMs - this.#answeredAtMs >= recentMs;
  }

  #suspect(key: string): void {
    this.#suspects.add(key);
    const [oldest] = this.#suspects;
    if (this.#suspects.size > maxSuspects && oldest !== undefined) this.#suspects.delete(oldest);
  }
}
