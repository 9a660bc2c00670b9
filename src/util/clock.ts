// Time as a dependency. Every module that waits or compares times takes a Clock, so tests need no sleeps.
// Knows nothing of what is being timed.

/** Time that passes, time that others see, and one-shot timers. */
export interface Clock {
  /**
   * Milliseconds that only go forward, whatever becomes of the clock on the wall: for ages, deadlines and timers.
   * Near the time since the Unix epoch, but only differences mean anything.
   */
  nowMs(): number;
  /** Milliseconds since the Unix epoch: for what is compared with other clocks, such as a token's expiry. It may jump. */
  wallMs(): number;
  /** Runs `task` once after `delayMs`; the returned function cancels it. Never keeps the process alive. */
  after(delayMs: number, task: () => void): () => void;
}

// Node fires a timer at once when its delay does not fit 31 bits (https://nodejs.org/api/timers.html).
const longestTimerMs = 2 ** 31 - 1;

/** The real clock. Its timers are `unref`ed: a waiting renewal must not keep a stopping instance alive. */
export const systemClock: Clock = {
  nowMs: () => performance.timeOrigin + performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, Math.min(Math.max(delayMs, 0), longestTimerMs));
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Resolves after `delayMs` of the clock's time. */
export function delay(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve);
  });
}
