// Notices that replies to commands whose callers have given up hold up the commands behind them on a connection.

import type { Clock } from '../util/clock.ts';

// When every reply of this long has come too late, a new command's reply comes too late as well.
const blockedAfterMs = 750;

export class AbandonedReplies {
  readonly #clock: Clock;
  readonly #bytesReceived: () => number;
  readonly #onBlocked: () => void;
  /** Commands whose callers have given up, and whose replies have not come yet. */
  #pending = 0;
  /** Since when no reply has come that somebody waited for, and how many bytes had been received by then. */
  #since: { readonly atMs: number; readonly bytes: number } | undefined;
  #cancelCheck: (() => void) | undefined;

  /** @param onBlocked called again every 750 ms while it lasts. */
  constructor(clock: Clock, bytesReceived: () => number, onBlocked: () => void) {
    this.#clock = clock;
    this.#bytesReceived = bytesReceived;
    this.#onBlocked = onBlocked;
  }

  /** A caller has given up; the reply is still to come. */
  onTimeout(): void {
    this.#pending += 1;
    this.#since ??= this.#now();
    this.#checkAfter(blockedAfterMs);
  }

  /** @param isAwaited whether somebody still waited for this reply. */
  onReply(isAwaited: boolean): void {
    if (!isAwaited) this.#pending -= 1;
    if (this.#pending === 0) {
      this.#since = undefined;
      this.stop();
    } else if (isAwaited) {
      this.#since = this.#now();
    }
  }

  /** Where no bytes come at all, the server is busy or the connection dead: that is the reply watchdog's matter. */
  get areBlocking(): boolean {
    if (this.#since === undefined || this.#bytesReceived() === this.#since.bytes) return false;
    return this.#clock.nowMs() - this.#since.atMs >= blockedAfterMs;
  }

  stop(): void {
    this.#cancelCheck?.();
    this.#cancelCheck = undefined;
  }

  #now(): { readonly atMs: number; readonly bytes: number } {
    return { atMs: this.#clock.nowMs(), bytes: this.#bytesReceived() };
  }

  #checkAfter(delayMs: number): void {
    this.#cancelCheck ??= this.#clock.after(delayMs, () => {
      this.#cancelCheck = undefined;
      if (this.#since === undefined) return;
      const leftMs = this.#since.atMs + blockedAfterMs - this.#clock.nowMs();
      this.#checkAfter(leftMs > 0 ? leftMs : blockedAfterMs);
      if (this.areBlocking) this.#onBlocked();
    });
  }
}
