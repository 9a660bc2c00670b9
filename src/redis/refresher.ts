// Refreshes something from time to time: seldom while all is well, soon and often while it is not. One at a time.

import type { Clock } from '../util/clock.ts';

export interface RefresherOptions {
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly refresh: () => Promise<void>;
  readonly isTroubled: () => boolean;
  /** Called after each refresh that leaves no trouble. */
  readonly onCalm: () => void;
}

// A node that joins, or a new port, is told by MOVED or a lost connection; this is for what nobody asks for.
const calmMs = 30_000;
const firstTroubledMs = 50;
// A replica takes over within seconds; its keys are to be served within one second of that.
const lastTroubledMs = 400;

export class Refresher {
  readonly #options: RefresherOptions;
  #refreshing: Promise<void> | undefined;
  #next: { readonly atMs: number; readonly cancel: () => void } | undefined;
  #troubledRefreshes = 0;
  #isRunning = false;

  constructor(options: RefresherOptions) {
    this.#options = options;
  }

  start(): void {
    this.#isRunning = true;
    this.#after(0);
  }

  /** For whoever waits for it. */
  now(): Promise<void> {
    const { refresh, isTroubled, onCalm, random } = this.#options;
    this.#refreshing ??= refresh().finally(() => {
      this.#refreshing = undefined;
      const troubled = isTroubled();
      this.#troubledRefreshes = troubled ? Math.min(this.#troubledRefreshes + 1, 10) : 0;
      if (!troubled) onCalm();
      this.#after(troubled ? this.#troubledDelayMs() : calmMs * (0.75 + random() / 2));
    });
    return this.#refreshing;
  }

  soon(): void {
    this.#after(this.#troubledDelayMs());
  }

  /** For good. What is under way ends. */
  stop(): void {
    this.#isRunning = false;
    this.#next?.cancel();
  }

  /** Unless one is due before that. */
  #after(delayMs: number): void {
    const { clock } = this.#options;
    const atMs = clock.nowMs() + delayMs;
    if (!this.#isRunning || (this.#next !== undefined && this.#next.atMs <= atMs)) return;
    this.#next?.cancel();
    const cancel = clock.after(delayMs, () => {
      this.#next = undefined;
      this.now().catch(() => {});
    });
    this.#next = { atMs, cancel };
  }

  #troubledDelayMs(): number {
    const delayMs = firstTroubledMs * 2 ** this.#troubledRefreshes;
    return Math.min(delayMs, lastTroubledMs) * (0.75 + this.#options.random() / 2);
  }
}
