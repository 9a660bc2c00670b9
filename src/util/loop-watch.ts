// Notices when the process stands still: what arrived meanwhile has not been read yet, and whoever relies on having
// heard of it must not.

import type { Clock } from './clock.ts';

const everyMs = 25;
const trustedForMs = 50;
const idleAfterMs = 60_000;

/** Runs `task` when everything has been read that had arrived before. */
export type AfterReading = (task: () => void) => void;

export class LoopWatch {
  readonly #clock: Clock;
  readonly #afterReading: AfterReading;
  #state: 'idle' | 'watching' | 'stopped' = 'idle';
  #askedAtMs = 0;
  /** What had arrived by then has been read. */
  #readUpToMs = Number.NEGATIVE_INFINITY;

  /** Watches from the first question on, and for a minute after the last one. */
  constructor(clock: Clock, afterReading: AfterReading = afterPoll) {
    this.#clock = clock;
    this.#afterReading = afterReading;
  }

  /** Whether everything that had arrived up to 50 ms ago has been read. */
  isCurrent(nowMs: number): boolean {
    this.#askedAtMs = nowMs;
    if (this.#state === 'idle') {
      this.#state = 'watching';
      // From a timer on: what is read in this turn may have been chosen before now.
      this.#clock.after(0, () => this.#watch());
    }
    return nowMs - this.#readUpToMs < trustedForMs;
  }

  stop(): void {
    this.#state = 'stopped';
  }

  #watch(): void {
    const beganAtMs = this.#clock.nowMs();
    this.#afterReading(() => {
      this.#readUpToMs = beganAtMs;
      if (this.#state === 'watching' && beganAtMs - this.#askedAtMs > idleAfterMs) this.#state = 'idle';
      if (this.#state === 'watching') this.#clock.after(everyMs, () => this.#watch());
    });
  }
}

/** A turn of the event loop reads all sockets, and then runs what was left for this moment. */
function afterPoll(task: () => void): void {
  setImmediate(task).unref();
}
