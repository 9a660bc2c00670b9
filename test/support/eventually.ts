// Waiting for what comes true by itself.

const pauseMs = 25;

/**
 * Repeats `check` until it passes; fails with its last error when the time is up. The limit is for what never comes: on
 * a busy machine what comes late is no fault, and time in which this process did not get its turn does not count.
 */
export async function eventually<T>(check: () => T | Promise<T>, limitMs = 60_000): Promise<T> {
  let untilMs = Date.now() + limitMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > untilMs) throw error;
    }
    const pausedAtMs = Date.now();
    await sleep(pauseMs);
    untilMs += Math.max(0, Date.now() - pausedAtMs - 2 * pauseMs);
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
