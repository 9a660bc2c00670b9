// Time as a dependency: every module that waits or compares times takes a Clock, so that tests need no sleeps.

import { outsideCalls } from './outside-calls.ts';

/** Monotonic time, wall-clock time, and one-shot timers. */
export interface Clock {
  /**
   * Milliseconds that only go forward, even when the wall clock is set: for ages, deadlines and timers.
   * Near the time since the Unix epoch, but only differences mean anything.
   */
  nowMs(): number;
  /** Milliseconds since the Unix epoch: for times that other machines name, such as a token's expiry. It may jump. */
  wallMs(): number;
  /** Runs `task` once after `delayMs`; the returned function cancels it. Never keeps the process alive. */
  after(delayMs: number, task: () => void): () => void;
}

/** The time alone, without timers. */
export type ClockReading = Pick<Clock, 'nowMs' | 'wallMs'>;

// Node fires a timer at once when its delay does not fit 31 bits (https://nodejs.org/api/timers.html).
const longestTimerMs = 2 ** 31 - 1;

// A getter that costs more than `performance.now()` does.
const { timeOrigin } = performance;

/** The real clock. Its timers are `unref`ed: a waiting renewal must not keep a stopping instance alive. */
export const systemClock: Clock = {
  nowMs: () => timeOrigin + performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, task) {
    const timer = outsideCalls(() => setTimeout(task, Math.min(Math.max(delayMs, 0), longestTimerMs)));
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Resolves after `delayMs`; rejects with the reason of `signal` when that is aborted before. */
export function delay(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const onAbort = (): void => {
      cancelTimer();
      reject(signal?.reason as Error);
    };
    const cancelTimer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
