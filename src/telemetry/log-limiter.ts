// Keeps the log of a whole fleet to about one line a second for one cause, whatever happens to how many instances.
// Writes nothing itself, and knows no event.

import type { Clock } from '../util/clock.ts';

/** How a line that was let through came to be. */
export interface Passage {
  /** How many of its cause it stands for beside itself. */
  readonly omitted: number;
  /** How long it was held back. */
  readonly heldMs: number;
}

export interface LogLimiterOptions {
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
}

interface Waiting {
  write: (passage: Passage) => void;
  atMs: number;
  omitted: number;
  readonly cancel: () => void;
}

interface Lane {
  /** Until then what was written so far uses up this instance's share. */
  spentUntilMs: number;
  waiting: Waiting | undefined;
}

const lineMs = 1000;
// So many lines of one cause may come at once: all of a small fleet, or a few of one instance.
const burstLines = 5;
// A line that tells of what is long over helps nobody: beyond 600 instances there are more lines.
const longestGapMs = 600_000;

/**
 * Each instance has an equal share of the lines, as many as it has last heard of. In a small fleet the first line of a
 * cause is written at once. In a large one it waits a random part of the time between two of its own, so that instances
 * to which the same happens in one moment do not all write in that moment. What comes while a line waits takes its place.
 */
export class LogLimiter {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #lanes = new Map<string, Lane>();
  #instances = 1;

  constructor({ clock, random }: LogLimiterOptions) {
    this.#clock = clock;
    this.#random = random;
  }

  /** About how many instances there are, this one included. */
  set instances(count: number) {
    this.#instances = Math.max(count, 1);
  }

  /**
   * Has `write` called: at once, or later, or never where another is written in its place.
   * @param ended beginnings of causes that have come to their end with this: what waits of them is counted here, for
   * nobody should read of a beginning after its end.
   */
  pass(cause: string, write: (passage: Passage) => void, ended: readonly string[] = []): void {
    const lane = this.#lane(cause);
    const nowMs = this.#clock.nowMs();
    const omitted = this.#takeWaiting(ended);
    if (lane.waiting !== undefined) {
      lane.waiting.omitted += omitted + 1;
      lane.waiting.atMs = nowMs;
      lane.waiting.write = write;
      return;
    }
    const gapMs = Math.min(this.#instances * lineMs, longestGapMs);
    const waitMs = this.#waitMs(lane, gapMs);
    const spend = (): void => {
      lane.spentUntilMs = Math.max(lane.spentUntilMs, this.#clock.nowMs()) + gapMs;
    };
    if (waitMs <= 0) {
      spend();
      write({ omitted, heldMs: 0 });
      return;
    }
    const cancel = this.#clock.after(waitMs, () => {
      const { waiting } = lane;
      if (waiting === undefined) return;
      lane.waiting = undefined;
      spend();
      waiting.write({ omitted: waiting.omitted, heldMs: this.#clock.nowMs() - waiting.atMs });
    });
    lane.waiting = { write, atMs: nowMs, omitted, cancel };
  }

  #waitMs({ spentUntilMs }: Lane, gapMs: number): number {
    const leftMs = spentUntilMs - this.#clock.nowMs();
    const atOnce = Math.floor(burstLines / this.#instances);
    return atOnce > 0 ? leftMs - (atOnce - 1) * gapMs : Math.max(leftMs, this.#random() * gapMs);
  }

  /** How many are not written any more. */
  #takeWaiting(ended: readonly string[]): number {
    let taken = 0;
    for (const [cause, lane] of this.#lanes) {
      if (lane.waiting === undefined || !ended.some((beginning) => cause.startsWith(beginning))) continue;
      taken += lane.waiting.omitted + 1;
      lane.waiting.cancel();
      lane.waiting = undefined;
    }
    return taken;
  }

  #lane(cause: string): Lane {
    let lane = this.#lanes.get(cause);
    if (lane === undefined) {
      lane = { spentUntilMs: Number.NEGATIVE_INFINITY, waiting: undefined };
      this.#lanes.set(cause, lane);
    }
    return lane;
  }
}
