// Tells when the origin begins to fail and when it answers again, not each time. Used by the loader and the warmup.
// Knows no origin.

import type { Clock } from '../clock.ts';
import type { AppError } from '../errors.ts';
import type { Emit } from './events.ts';

/** They name statuses and directives: there are not many. */
const maxReasons = 100;

export class OriginHealth {
  readonly #emit: Emit;
  readonly #clock: Clock;
  readonly #reasonsTold = new Set<string>();
  #failing: { readonly sinceMs: number; failures: number } | undefined;

  constructor(emit: Emit, clock: Clock) {
    this.#emit = emit;
    this.#clock = clock;
  }

  answered(): void {
    const failing = this.#failing;
    if (failing === undefined) return;
    this.#failing = undefined;
    const failedMs = this.#clock.nowMs() - failing.sinceMs;
    this.#emit({ type: 'originRecovered', failedMs, failures: failing.failures });
  }

  /** What it answered may not be stored, or could not be used again: each reason is told once. */
  notStored(reason: string): void {
    if (this.#reasonsTold.has(reason) || this.#reasonsTold.size >= maxReasons) return;
    this.#reasonsTold.add(reason);
    this.#emit({ type: 'answerNotStored', reason });
  }

  failed(error: AppError): void {
    if (this.#failing !== undefined) {
      this.#failing.failures += 1;
      return;
    }
    this.#failing = { sinceMs: this.#clock.nowMs(), failures: 1 };
    this.#emit({ type: 'originFailing', code: error.code, reason: error.message });
  }
}
