// A timer that goes by whichever clock is ahead: the monotonic one stands still while a machine sleeps or is moved,
// and the one on the wall may be put back.

import type { Clock } from '../util/clock.ts';

const lookEveryMs = 60_000;

/** Runs `task` once when `delayMs` have passed by one of the clocks; the returned function cancels it. */
export function afterByEither(clock: Clock, delayMs: number, task: () => void): () => void {
  const [startedAtMs, startedAtWallMs] = [clock.nowMs(), clock.wallMs()];
  const leftMs = (): number =>
    delayMs - Math.max(clock.nowMs() - startedAtMs, clock.wallMs() - startedAtWallMs);
  let cancel: () => void;
  const wait = (): void => {
    const waitMs = leftMs();
    cancel = clock.after(Math.min(waitMs, lookEveryMs), () => (waitMs <= lookEveryMs ? task() : look()));
  };
  const look = (): void => (leftMs() > 0 ? wait() : task());
  wait();
  return () => cancel();
}
