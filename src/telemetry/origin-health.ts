// Tells when the origin begins to fail and when it answers again, not each time. Knows no origin.

import type { Clock } from '../clock.ts';
import type { AppError } from '../errors.ts';
import type { Emit } from './events.ts';

/** Failures without an answer between them. */
interface Row {
  readonly sinceMs: number;
  failures: number;
  /** What was asked for, up to as many as make a row an outage. */
  readonly keys: Set<string>;
  told: boolean;
}

// One key that fails, for itself or by a rule of the origin, is no failing origin as long as others are answered.
const keysOfAnOutage = 3;
// Where only one key is asked for, the row must be longer.
const failuresOfAnOutage = 5;
const outageAfterMs = 10_000;

export class OriginHealth {
  readonly #emit: Emit;
  readonly #clock: Clock;
  #row: Row | undefined;
  #hasAnswered = false;

  constructor(emit: Emit, clock: Clock) {
    this.#emit = emit;
    this.#clock = clock;
  }

  answered(): void {
    this.#hasAnswered = true;
    const row = this.#row;
    this.#row = undefined;
    if (row?.told !== true) return;
    const failedMs = this.#clock.nowMs() - row.sinceMs;
    this.#emit({ type: 'originRecovered', failedMs, failures: row.failures });
  }

  /** @param key what was asked for; undefined for a listing, which concerns them all. */
  failed(error: AppError, key?: string): void {
    this.#row ??= { sinceMs: this.#clock.nowMs(), failures: 0, keys: new Set(), told: false };
    const row = this.#row;
    row.failures += 1;
    if (key !== undefined && row.keys.size < keysOfAnOutage) row.keys.add(key);
    if (row.told || (key !== undefined && !this.#isOutage(row))) return;
    row.told = true;
    this.#emit({ type: 'originFailing', code: error.code, reason: error.message });
  }

  #isOutage({ sinceMs, failures, keys }: Row): boolean {
    if (!this.#hasAnswered || keys.size >= keysOfAnOutage) return true;
    return failures >= failuresOfAnOutage && this.#clock.nowMs() - sinceMs >= outageAfterMs;
  }
}
