// A time without a connection, and what those are told who need one.

import { AppError, describe, secondsToWait } from '../util/errors.ts';

export interface Outage {
  /** Of the first connection `start`; of a later one the loss. */
  readonly kind: 'start' | 'loss';
  readonly sinceMs: number;
  /** Attempts that failed in a row. */
  readonly failures: number;
  readonly lastFailure: AppError | undefined;
}

/** Whether waiting is pointless. A start that has not failed yet is slow, not out. */
export function isKnown(
  { kind, failures, sinceMs }: Outage,
  nowMs: number,
  failFastAfterMs: number,
): boolean {
  return (kind === 'loss' || failures > 0) && nowMs - sinceMs > failFastAfterMs;
}

export function outageError(failure: AppError | undefined, untilRetryMs: number): AppError {
  const message = failure?.message ?? 'Not connected to Redis yet.';
  return new AppError(failure?.code ?? 'redis-unavailable', message, {
    cause: failure,
    retryAfterSeconds: secondsToWait(untilRetryMs),
  });
}

export function asAppError(error: unknown): AppError {
  return error instanceof AppError
    ? error
    : new AppError('redis-unavailable', describe(error), { cause: error });
}

export function closedError(): AppError {
  return new AppError('stopped', 'The Redis client has been closed.');
}
