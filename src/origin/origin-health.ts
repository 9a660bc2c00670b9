// Tells when the origin begins to fail and when it answers again, not each time. Knows no origin.

import type { Clock } from '../util/clock.ts';
import type { AppError } from '../util/errors.ts';
import type { Emit } from '../telemetry/events.ts';

/** Failures without an answer between them. */
interface Row {
  readonly sinceMs: number;
  failures: number;
  /** What was asked for, up to as many as make a row an outage. */
  readonly keys: Set<string>;
  told: boolean;
}

/** An answer as late as this says that the origin is well, and a failure beside it that one key is not. */
const recentMs = 5000;
const keysOfAnOutage = 3;
// A key that has failed beside others that were answered makes no outage alone, unless it fails for so long.
const failuresOfAnOutage = 5;
const outageAfterMs = 10_000;
const maxSuspects = 100;
/** They name statuses and directives: there are not many. */
const maxReasons = 100;

export class OriginHealth {
  readonly #emit: Emit;
  readonly #clock: Clock;
  #row: Row | undefined;
  #answeredAtMs = Number.NEGATIVE_INFINITY;
  /** Keys that failed and were not those answered next: perhaps they alone fail. */
  readonly #suspects = new Set<string>();
  readonly #reasonsTold = new Set<string>();

  constructor(emit: Emit, clock: Clock) {
    this.#emit = emit;
    this.#clock = clock;
  }

  /** @param key what was asked for. */
  answered(key: string): void {
    this.#answeredAtMs = this.#clock.nowMs();
    const row = this.#row;
    this.#row = undefined;
    for (const failed of row?.keys ?? []) this.#suspect(failed);
    this.#suspects.delete(key);
    if (row?.told !== true) return;
    const failedMs = this.#clock.nowMs() - row.sinceMs;
    this.#emit({ type: 'originRecovered', failedMs, failures: row.failures });
  }

  /** What it answered may not be stored, or could not be used again: each reason is told once. */
  notStored(reason: string): void {
    if (this.#reasonsTold.has(reason) || this.#reasonsTold.size >= maxReasons) return;
    this.#reasonsTold.add(reason);
    this.#emit({ type: 'answerNotStored', reason });
  }

  /** @param key what was asked for; undefined for a listing, which concerns them all. */
  failed(error: AppError, key?: string): void {
    this.#row ??= { sinceMs: this.#clock.nowMs(), failures: 0, keys: new Set(), told: false };
    const row = this.#row;
    row.failures += 1;
    if (key !== undefined && row.keys.size < keysOfAnOutage) row.keys.add(key);
    if (row.told || (key !== undefined && !this.#isOutage(row, key))) return;
    row.told = true;
    this.#emit({ type: 'originFailing', code: error.code, reason: error.message });
  }

  #isOutage({ sinceMs, failures, keys }: Row, key: string): boolean {
    if (keys.size >= keysOfAnOutage) return true;
    const nowMs = this.#clock.nowMs();
    if (this.#suspects.has(key)) return failures >= failuresOfAnOutage && nowMs - sinceMs >= outageAfterMs;
    return nowMs - this.#answeredAtMs >= recentMs;
  }

  #suspect(key: string): void {
    this.#suspects.add(key);
    const [oldest] = this.#suspects;
    if (this.#suspects.size > maxSuspects && oldest !== undefined) this.#suspects.delete(oldest);
  }
}
