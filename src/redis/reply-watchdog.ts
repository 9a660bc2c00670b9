// Tells a connection on which nothing comes any more from one whose answers are slow or long. Used by connection.ts.
// Knows no command: only that answers are owed, and how many bytes have come.

import type { Clock } from '../util/clock.ts';

// A command may be slow, and an answer long; a connection on which nothing at all has come for this long is dead.
const silenceMs = 1500;
// After a pause of the process its timers come before what has arrived meanwhile.
const secondLookMs = 50;

export class Silence {
  readonly #clock: Clock;
  readonly #bytesReceived: () => number;
  readonly #onSilent: (silentMs: number) => void;
  #owed = 0;
  /** When something was last seen to have come, or since when it is owed, and how much there was by then. */
  #heardAtMs = 0;
  #heardBytes = 0;
  #cancelLook: (() => void) | undefined;

  /** @param onSilent told at most once for each late answer; `stop()` is the caller's to call. */
  constructor(clock: Clock, bytesReceived: () => number, onSilent: (silentMs: number) => void) {
    this.#clock = clock;
    this.#bytesReceived = bytesReceived;
    this.#onSilent = onSilent;
  }

  asked(): void {
    if (this.#owed === 0) this.#hear();
    this.#owed += 1;
  }

  answered(): void {
    this.#owed -= 1;
    this.#hear();
  }

  /** Somebody's answer is late: from now on it is watched whether anything comes, as long as any is owed. */
  late(): void {
    this.#lookAfter(secondLookMs);
  }

  stop(): void {
    this.#cancelLook?.();
    this.#cancelLook = undefined;
  }

  #hear(): void {
    this.#heardAtMs = this.#clock.nowMs();
    this.#heardBytes = this.#bytesReceived();
  }

  #lookAfter(delayMs: number): void {
    this.#cancelLook ??= this.#clock.after(delayMs, () => {
      this.#cancelLook = undefined;
      if (this.#owed === 0) return;
      if (this.#bytesReceived() !== this.#heardBytes) this.#hear();
      const silentMs = this.#clock.nowMs() - this.#heardAtMs;
      if (silentMs < silenceMs) this.#lookAfter(silenceMs - silentMs);
      else this.#onSilent(silentMs);
    });
  }
}
