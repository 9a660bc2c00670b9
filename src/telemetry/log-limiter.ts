// Keeps the log of a whole fleet to about one line a second for one cause, whatever happens to how many instances.
// Writes nothing itself, and knows no event.

import type { Clock } from '../clock.ts';

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

interface Lane {
  /** Until then what was written so far uses up this instance's share. */
  spentUntilMs: number;
  waiting: { write: (passage: Passage) => void; atMs: number; omitted: number } | undefined;
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

  /** Has `write` called: at once, or later, or never where a later one of the same cause is written in its place. */
  pass(cause: string, write: (passage: Passage) => void): void {
    const lane = this.#lane(cause);
    const nowMs = this.#clock.nowMs();
    if (lane.waiting !== undefined) {
      lane.waiting = { write, atMs: nowMs, omitted: lane.waiting.omitted + 1 };
      return;
    }
    const gapMs = Math.min(this.#instances * lineMs, longestGapMs);
    const atOnce = Math.floor(burstLines / this.#instances);
    const waitMs =
      atOnce > 0
        ? lane.spentUntilMs - (atOnce - 1) * gapMs - nowMs
        : Math.max(lane.spentUntilMs - nowMs, this.#random() * gapMs);
    const spend = (atMs: number): void => {
      lane.spentUntilMs = Math.max(lane.spentUntilMs, atMs) + gapMs;
    };
    if (waitMs <= 0) {
      spend(nowMs);
      write({ omitted: 0, heldMs: 0 });
      return;
    }
    lane.waiting = { write, atMs: nowMs, omitted: 0 };
    this.#clock.after(waitMs, () => {
      const { waiting } = lane;
      if (waiting === undefined) return;
      lane.waiting = undefined;
      const firedAtMs = this.#clock.nowMs();
      spend(firedAtMs);
      waiting.write({ omitted: waiting.omitted, heldMs: firedAtMs - waiting.atMs });
    });
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
