// Runs something at a moment of the wall clock. Used for what happens when a token expires.

// Longer delays fire at once: https://nodejs.org/api/timers.html#settimeoutcallback-delay-args
const longestDelayMs = 2 ** 31 - 1;

/** Runs `task` at `timeMs`, never before; the returned function cancels it. Keeps no process alive. */
export function atTime(timeMs: number, task: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const wait = (): void => {
    const remainingMs = timeMs - Date.now();
    timer = setTimeout(() => (Date.now() < timeMs ? wait() : task()), Math.min(remainingMs, longestDelayMs));
    timer.unref();
  };
  wait();
  return () => clearTimeout(timer);
}
