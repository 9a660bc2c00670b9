// Limits the time of one question to an origin, and gives every way it can fail one form: `origin-failed`.

import type { Clock } from '../util/clock.ts';
import { withDeadline } from '../util/deadline.ts';
import { AppError, describe, type AppErrorOptions } from '../util/errors.ts';

export interface OriginTimeoutOptions {
  readonly clock: Clock;
  readonly timeLimitMs: number;
  /** The caller's. */
  readonly signal: AbortSignal;
  /** Scheme, host and port of the origin: a path or query may hold what is secret. */
  readonly where: string;
}

/** Shared: a reason of its own for each abort would be a DOMException with its stack, once a load. */
const isOver = new Error('the request is over');

/**
 * What `ask` brings, unless the time is up or the caller gives up before. The signal of `ask` is aborted in every
 * case: an answer that was not read to its end lets go of its connection.
 */
export async function withOriginTimeout<T>(
  { clock, timeLimitMs, signal, where }: OriginTimeoutOptions,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const late = (): AppError => originFailed(where, `did not answer in full within ${timeLimitMs} ms`);
  try {
    signal.throwIfAborted();
    return await withDeadline(clock, clock.nowMs() + timeLimitMs, ask(over.signal), late, signal);
  } catch (error) {
    if (error instanceof AppError && error.code === 'origin-failed') throw error;
    if (signal.aborted) throw originFailed(where, 'was given up by its caller', { cause: error });
    throw originFailed(where, `could not be asked: ${describe(error)}`, { cause: error });
  } finally {
    over.abort(isOver);
  }
}

/** The origin answered, with something that cannot be used. */
export function unusable(where: string, what: string): AppError {
  return originFailed(where, what, { isOfOneEntry: true });
}

export function originFailed(where: string, what: string, options?: AppErrorOptions): AppError {
  return new AppError('origin-failed', `The origin ${where} ${what.replace(/\.+$/u, '')}.`, options);
}
