// Refreshes something from time to time: seldom while all is well, soon and often while it is degraded. One at a time.

import type { Clock } from '../util/clock.ts';

export interface RefresherOptions {
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly refresh: () => Promise<void>;
  readonly isDegraded: () => boolean;
  /** Called after each refresh after which nothing is degraded. */
  readonly onHealthy: () => void;
}

// MOVED, or a lost connection, tells of a node that joins and of a new port; this is for what nobody asks for.
const refreshIntervalMs = 30_000;
const firstRetryMs = 50;
// A replica takes over within seconds; its keys are to be served within one second of that.
const longestRetryMs = 400;

export class Refresher {
  readonly #options: RefresherOptions;
  #refreshing: Promise<void> | undefined;
  #next: { readonly atMs: number; readonly cancel: () => void } | undefined;
  /** Refreshes in a row that left something degraded. */
  #degradedRefreshes = 0;
  #isRunning = false;

  constructor(options: RefresherOptions) {
    this.#options = options;
  }

  start(): void {
    this.#isRunning = true;
    this.#scheduleWithin(0);
  }

  /** Starts a refresh, or joins the one under way. */
  now(): Promise<void> {
    this.#refreshing ??= this.#refresh();
    return this.#refreshing;
  }

  soon(): void {
    this.#scheduleWithin(this.#retryDelayMs());
  }

  /** For good. A refresh under way ends by itself. */
  stop(): void {
    this.#isRunning = false;
    this.#next?.cancel();
  }

  async #refresh(): Promise<void> {
    const [outcome] = await Promise.allSettled([this.#options.refresh()]);
    this.#refreshing = undefined;
    this.#scheduleNext();
    if (outcome.status === 'rejected') throw outcome.reason;
  }

  #scheduleNext(): void {
    const { isDegraded, onHealthy, random } = this.#options;
    if (isDegraded()) {
      this.#degradedRefreshes += 1;
      this.#scheduleWithin(this.#retryDelayMs());
    } else {
      this.#degradedRefreshes = 0;
      onHealthy();
      this.#scheduleWithin(refreshIntervalMs * (0.75 + random() / 2));
    }
  }

  /** Does nothing where a refresh is due before that. */
  #scheduleWithin(delayMs: number): void {
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

  #retryDelayMs(): number {
    const delayMs = Math.min(firstRetryMs * 2 ** this.#degradedRefreshes, longestRetryMs);
    return delayMs * (0.75 + this.#options.random() / 2);
  }
}
