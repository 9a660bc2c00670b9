// Waiting for a promise no longer than until a deadline, or until the caller gives up.

import type { Clock } from './clock.ts';
import { deferred } from './deferred.ts';

/**
 * `promise`, or the error that `late` makes when the deadline comes first, or the reason of `signal` when that is
 * aborted first. The work behind `promise` goes on; a later rejection of it is handled. No timer is left behind.
 */
export async function withDeadline<T>(
  clock: Clock,
  deadlineAtMs: number,
  promise: Promise<T>,
  late: () => Error,
  signal?: AbortSignal,
): Promise<T> {
  const { promise: givenUp, reject } = deferred<never>();
  const cancelTimer = clock.after(deadlineAtMs - clock.nowMs(), () => reject(late()));
  const onAbort = (): void => reject(signal?.reason);
  signal?.addEventListener('abort', onAbort);
  if (signal?.aborted === true) onAbort();
  try {
    return await Promise.race([promise, givenUp]);
  } finally {
    cancelTimer();
    signal?.removeEventListener('abort', onAbort);
  }
}

/**
 * `promise`, or the reason of `signal` when that is aborted first. The work behind `promise` goes on; a later rejection
 * of it is handled.
 */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    const done = (): void => signal.removeEventListener('abort', onAbort);
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
    promise.then(resolve, reject).finally(done);
  });
}

/** Whether `promise` is fulfilled within `limitMs`; rejects where it does. No timer is left behind. */
export async function fulfilledWithin(
  clock: Clock,
  limitMs: number,
  promise: Promise<unknown>,
): Promise<boolean> {
  const { promise: timeUp, resolve } = deferred<false>();
  const cancelTimer = clock.after(limitMs, () => resolve(false));
  try {
    return await Promise.race([promise.then(() => true), timeUp]);
  } finally {
    cancelTimer();
  }
}
