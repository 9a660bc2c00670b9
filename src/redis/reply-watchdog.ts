// Tells a dead connection, on which nothing comes any more, from one whose replies are slow or long.

import type { Clock } from '../util/clock.ts';

// A command may be slow, and a reply long; a connection on which no byte has come for this long is dead.
const deadAfterMs = 1500;
// After a pause of the process its timers fire before what has arrived meanwhile is read.
const firstCheckMs = 50;

export class ReplyWatchdog {
  readonly #clock: Clock;
  readonly #bytesReceived: () => number;
  readonly #onDead: (silentMs: number) => void;
  #pending = 0;
  /** When bytes were last seen to have come, or since when a reply is pending, and how many bytes there were by then. */
  #seenAtMs = 0;
  #seenBytes = 0;
  #cancelCheck: (() => void) | undefined;

  /** @param onDead called at most once for each timeout; `stop()` is the caller's to call. */
  constructor(clock: Clock, bytesReceived: () => number, onDead: (silentMs: number) => void) {
    this.#clock = clock;
    this.#bytesReceived = bytesReceived;
    this.#onDead = onDead;
  }

  onSend(nowMs: number): void {
    if (this.#pending === 0) this.#see(nowMs);
    this.#pending += 1;
  }

  onReply(nowMs: number): void {
    this.#pending -= 1;
    this.#see(nowMs);
  }

  /** A reply did not come in time: from now on the connection is checked, as long as any reply is pending. */
  onTimeout(): void {
    this.#checkAfter(firstCheckMs);
  }

  stop(): void {
    this.#cancelCheck?.();
    this.#cancelCheck = undefined;
  }

  #see(nowMs: number): void {
    this.#seenAtMs = nowMs;
    this.#seenBytes = this.#bytesReceived();
  }

  #checkAfter(delayMs: number): void {
    this.#cancelCheck ??= this.#clock.after(delayMs, () => {
      this.#cancelCheck = undefined;
      if (this.#pending === 0) return;
      const nowMs = this.#clock.nowMs();
      if (this.#bytesReceived() !== this.#seenBytes) this.#see(nowMs);
      const silentMs = nowMs - this.#seenAtMs;
      if (silentMs < deadAfterMs) this.#checkAfter(deadAfterMs - silentMs);
      else this.#onDead(silentMs);
    });
  }
}
