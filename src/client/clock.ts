// The real clock, in Node.js and in browsers. Its timers keep a process alive: somebody waits for the call that set them.

import type { Clock } from '../util/clock.ts';

export const platformClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, Math.max(delayMs, 0));
    return () => clearTimeout(timer);
  },
};
