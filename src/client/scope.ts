// The time that one call has: ended by its deadline, or by the caller's signal.

import type { Clock } from '../util/clock.ts';

/** Options of every call. */
export interface CallOptions {
  /** How long it may take, retries included; the client's where undefined. */
  readonly timeoutMs?: number | undefined;
  /** Ends it: the call rejects with the signal's reason. A write may have been made by then. */
  readonly signal?: AbortSignal | undefined;
}

export interface Scope {
  /** Aborted when the time is up, when the caller gives up, and when the call is over. */
  readonly signal: AbortSignal;
  isTimeUp(): boolean;
  leftMs(): number;
  /** `work`, or a rejection as soon as the call is to end, whatever `work` does. */
  race<T>(work: Promise<T>): Promise<T>;
  wait(ms: number): Promise<void>;
}

export async function withinTime<T>(
  clock: Clock,
  timeoutMs: number,
  given: AbortSignal | undefined,
  run: (scope: Scope) => Promise<T>,
): Promise<T> {
  given?.throwIfAborted();
  const own = new AbortController();
  const endsAtMs = clock.nowMs() + timeoutMs;
  let isTimeUp = false;
  const onAbort = (): void => own.abort(given?.reason);
  given?.addEventListener('abort', onAbort, { once: true });
  const cancelTimer = clock.after(timeoutMs, () => {
    isTimeUp = true;
    own.abort(new Error('The time of the call is up.'));
  });
  try {
    return await run({
      signal: own.signal,
      isTimeUp: () => isTimeUp,
      leftMs: () => Math.max(endsAtMs - clock.nowMs(), 0),
      race: async (work) => untilAborted(own.signal, (resolve, reject) => void work.then(resolve, reject)),
      wait: async (ms) => untilAborted(own.signal, (resolve) => clock.after(ms, resolve)),
    });
  } finally {
    cancelTimer();
    given?.removeEventListener('abort', onAbort);
    // What is still under way, such as the other parts of a batch, is not needed any more.
    own.abort(new Error('The call is over.'));
  }
}

/** @param start may return what takes it back. */
function untilAborted<T>(
  signal: AbortSignal,
  start: (resolve: (value: T) => void, reject: (reason: unknown) => void) => (() => void) | void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let undo: (() => void) | void;
    const onAbort = (): void => {
      undo?.();
      reject(signal.reason as Error);
    };
    const done = (): void => signal.removeEventListener('abort', onAbort);
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    undo = start(
      (value) => (done(), resolve(value)),
      (reason) => (done(), reject(reason)),
    );
  });
}
