// Waiting for a promise no longer than until a deadline. Used by redis/, cache/ and origin/.
// Knows nothing of what is waited for.

import type { Clock } from './clock.ts';

/**
 * `promise`, or the error that `late` makes when the deadline comes first. What loses the race is ignored:
 * its later rejection is not an unhandled one.
 */
export async function withDeadline<T>(
  clock: Clock,
  deadlineAtMs: number,
  promise: Promise<T>,
  late: () => Error,
): Promise<T> {
  let cancelTimer = (): void => {};
  const deadline = new Promise<never>((_resolve, reject) => {
    cancelTimer = clock.after(deadlineAtMs - clock.nowMs(), () => reject(late()));
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    cancelTimer();
  }
}
