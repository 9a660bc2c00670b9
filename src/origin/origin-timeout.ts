// One question to an origin: ends within its time limit, when its caller gives up, or with an answer, and
// fails with `origin-failed` only. Used by http.ts and blob*.ts. Knows no protocol.

import type { Clock } from '../util/clock.ts';
import { AppError, describe, type AppErrorOptions } from '../util/errors.ts';

export interface AttemptOptions {
  readonly clock: Clock;
  readonly timeLimitMs: number;
  /** The caller's. */
  readonly signal: AbortSignal;
  /** Scheme, host and port of the origin: a path or query may hold what is secret. */
  readonly where: string;
}

/** A reason of its own for each abort would be a DOMException with its stack, once a load. */
const itIsOver = new Error('the attempt is over');

/**
 * What `ask` brings, or the failure that comes first. `ask` may go on after that, as an SDK does that ignores
 * its signal: nobody listens any more, and nothing of it is unhandled. Its signal is aborted in every case,
 * so that what it left unread lets go of its connection.
 */
export async function attempt<T>(
  { clock, timeLimitMs, signal, where }: AttemptOptions,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const { promise: givenUp, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(originFailed(where, 'was given up by its caller'));
  const cancelTimer = clock.after(timeLimitMs, () =>
    reject(originFailed(where, `did not answer in full within ${timeLimitMs} ms`)),
  );
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([givenUp, signal.aborted ? givenUp : ask(over.signal)]);
  } catch (error) {
    if (error instanceof AppError && error.code === 'origin-failed') throw error;
    throw originFailed(where, `could not be asked: ${describe(error)}`, { cause: error });
  } finally {
    cancelTimer();
    signal.removeEventListener('abort', onAbort);
    over.abort(itIsOver);
  }
}

/** The origin answered, with what nobody can use. */
export function unusable(where: string, what: string): AppError {
  return originFailed(where, what, { isOfOneEntry: true });
}

export function originFailed(where: string, what: string, options?: AppErrorOptions): AppError {
  return new AppError('origin-failed', `The origin ${where} ${what.replace(/\.+$/u, '')}.`, options);
}
