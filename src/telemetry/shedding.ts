// Emits an event when an instance begins to refuse values that do not fit into its memory, and when it no longer does.

import type { Clock } from '../util/clock.ts';
import type { Emit } from './events.ts';

/** Refusals with no more than `quietMs` between two of them. */
interface Period {
  readonly sinceMs: number;
  lastAtMs: number;
  refusals: number;
}

// Near its limit an instance refuses and accepts values by turns.
const quietMs = 10_000;

export class Shedding {
  readonly #emit: Emit;
  readonly #clock: Clock;
  #period: Period | undefined;

  constructor(emit: Emit, clock: Clock) {
    this.#emit = emit;
    this.#clock = clock;
  }

  /** @param valueBytes what did not fit. */
  refused(valueBytes: number, totalBytes: number): void {
    const nowMs = this.#clock.nowMs();
    if (this.#period === undefined) {
      this.#period = { sinceMs: nowMs, lastAtMs: nowMs, refusals: 0 };
      this.#emit({ type: 'sheddingStarted', valueBytes, totalBytes });
      this.#endAfter(quietMs, this.#period);
    }
    this.#period.refusals += 1;
    this.#period.lastAtMs = nowMs;
  }

  /** One timer for all refusals: it looks again until none has come for long enough. */
  #endAfter(delayMs: number, period: Period): void {
    this.#clock.after(delayMs, () => {
      const leftMs = period.lastAtMs + quietMs - this.#clock.nowMs();
      if (leftMs > 0) {
        this.#endAfter(leftMs, period);
        return;
      }
      this.#period = undefined;
      const { sinceMs, lastAtMs, refusals } = period;
      this.#emit({ type: 'sheddingEnded', shedMs: lastAtMs - sinceMs, refusals });
    });
  }
}
