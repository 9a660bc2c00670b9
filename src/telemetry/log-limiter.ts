// Limits the log of a whole fleet to about one line a second for each cause.

import type { Clock } from '../util/clock.ts';

/** What a line says of the ones before it. */
export interface Delayed {
  /** How many lines of its cause were not written because of it. */
  readonly omitted: number;
  /** How long it was delayed. */
  readonly delayMs: number;
}

export interface LogLimiterOptions {
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
}

interface Pending {
  write: (delayed: Delayed) => void;
  atMs: number;
  omitted: number;
  readonly cancel: () => void;
}

/** Of one cause. */
interface Quota {
  /** When the lines written so far no longer count against this instance's share. */
  usedUpUntilMs: number;
  pending: Pending | undefined;
}

const lineMs = 1000;
// So many lines of one cause may come at once: all of a small fleet, or a few of one instance.
const burstLines = 5;
// Older news helps nobody: with more than 600 instances there are more lines.
const maxIntervalMs = 600_000;

/**
 * Each instance has an equal share of the lines. In a small fleet the first line of a cause is written at once. In a
 * large one it is delayed by a random part of the interval between two lines of this instance, so that instances to
 * which the same happens do not all write at once. A line that comes while another is pending replaces it.
 */
export class LogLimiter {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #quotas = new Map<string, Quota>();
  #instances = 1;

  constructor({ clock, random }: LogLimiterOptions) {
    this.#clock = clock;
    this.#random = random;
  }

  /** About how many instances there are, including this one. */
  set instances(count: number) {
    this.#instances = Math.max(count, 1);
  }

  /**
   * Calls `write` at once, or later, or never if a later line of the same cause is written instead.
   * @param ended prefixes of causes that are over with this line. Their pending lines are counted here and not
   * written: the log never reports a beginning after its end.
   */
  log(cause: string, write: (delayed: Delayed) => void, ended: readonly string[] = []): void {
    const quota = this.#quotaOf(cause);
    const nowMs = this.#clock.nowMs();
    const omitted = this.#dropPending(ended);
    if (quota.pending !== undefined) {
      quota.pending.omitted += omitted + 1;
      quota.pending.atMs = nowMs;
      quota.pending.write = write;
      return;
    }
    const intervalMs = Math.min(this.#instances * lineMs, maxIntervalMs);
    const waitMs = this.#waitMs(quota, intervalMs);
    const useUp = (): void => {
      quota.usedUpUntilMs = Math.max(quota.usedUpUntilMs, this.#clock.nowMs()) + intervalMs;
    };
    if (waitMs <= 0) {
      useUp();
      write({ omitted, delayMs: 0 });
      return;
    }
    const pending: Pending = {
      write,
      atMs: nowMs,
      omitted,
      cancel: this.#clock.after(waitMs, () => {
        quota.pending = undefined;
        useUp();
        pending.write({ omitted: pending.omitted, delayMs: this.#clock.nowMs() - pending.atMs });
      }),
    };
    quota.pending = pending;
  }

  #waitMs({ usedUpUntilMs }: Quota, intervalMs: number): number {
    const leftMs = usedUpUntilMs - this.#clock.nowMs();
    const atOnce = Math.floor(burstLines / this.#instances);
    return atOnce > 0 ? leftMs - (atOnce - 1) * intervalMs : Math.max(leftMs, this.#random() * intervalMs);
  }

  /** Returns how many lines that is. */
  #dropPending(ended: readonly string[]): number {
    let dropped = 0;
    for (const [cause, quota] of this.#quotas) {
      if (quota.pending === undefined || !ended.some((prefix) => cause.startsWith(prefix))) continue;
      dropped += quota.pending.omitted + 1;
      quota.pending.cancel();
      quota.pending = undefined;
    }
    return dropped;
  }

  #quotaOf(cause: string): Quota {
    let quota = this.#quotas.get(cause);
    if (quota === undefined) {
      quota = { usedUpUntilMs: Number.NEGATIVE_INFINITY, pending: undefined };
      this.#quotas.set(cause, quota);
    }
    return quota;
  }
}
