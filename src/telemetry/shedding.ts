// Tells when an instance begins to refuse what does not fit into its memory, and when it no longer does; not each
// refusal. Knows no budget.

import type { Clock } from '../util/clock.ts';
import type { Emit } from './events.ts';

/** From the first refusal to the last one that came within `quietMs` of the one before. */
interface Shed {
  readonly sinceMs: number;
  lastAtMs: number;
  refusals: number;
}

// At the edge of its memory an instance refuses and admits in turn.
const quietMs = 10_000;

export class Shedding {
  readonly #emit: Emit;
  readonly #clock: Clock;
  #shed: Shed | undefined;

  constructor(emit: Emit, clock: Clock) {
    this.#emit = emit;
    this.#clock = clock;
  }

  /** @param valueBytes what did not fit. */
  refused(valueBytes: number, totalBytes: number): void {
    const nowMs = this.#clock.nowMs();
    if (this.#shed === undefined) {
      this.#shed = { sinceMs: nowMs, lastAtMs: nowMs, refusals: 0 };
      this.#emit({ type: 'sheddingStarted', valueBytes, totalBytes });
      this.#endAfter(quietMs, this.#shed);
    }
    this.#shed.refusals += 1;
    this.#shed.lastAtMs = nowMs;
  }

  /** One timer for all refusals: it looks again until none has come for long enough. */
  #endAfter(delayMs: number, shed: Shed): void {
    this.#clock.after(delayMs, () => {
      const leftMs = shed.lastAtMs + quietMs - this.#clock.nowMs();
      if (leftMs > 0) {
        this.#endAfter(leftMs, shed);
        return;
      }
      this.#shed = undefined;
      const { sinceMs, lastAtMs, refusals } = shed;
      this.#emit({ type: 'sheddingEnded', shedMs: lastAtMs - sinceMs, refusals });
    });
  }
}
