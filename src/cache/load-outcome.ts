// What a load has come to, for those who wait for it.

import type { Operation } from '../telemetry/operations.ts';
import { overloaded } from '../util/byte-budget.ts';
import { AppError } from '../util/errors.ts';
import type { Entry } from './entry.ts';
import { standingOf } from './freshness.ts';
import type { ReadResult } from './tier.ts';

export type LoadOutcome = Outcome & {
  /** What brought it about, where somebody listens to operations. */
  readonly by?: Operation<'originLoad' | 'lockWait'> | undefined;
};

type Outcome =
  | {
      readonly kind: 'found';
      readonly entry: Entry;
      readonly stored: boolean;
      /** What the origin answered with: 304 where the entry is as it was. */
      readonly originStatus: number;
    }
  /** Somebody else had filled it meanwhile. */
  | { readonly kind: 'filled'; readonly entry: Entry }
  | {
      readonly kind: 'none';
      readonly remembered: boolean;
      /** For how long that holds; undefined where the origin does not say. */
      readonly forMs?: number | undefined;
    }
  | { readonly kind: 'failed'; readonly error: AppError };

/**
 * What is found, for a load: an entry that has to be validated first is none yet; one that somebody has written since it
 * was `expired` has been, unless it was loaded before a purge.
 */
export function usable(found: ReadResult, expired: Entry | undefined, nowMs: number): ReadResult {
  if (found.kind !== 'hit') return found;
  const { entry } = found;
  if (entry.purged === true) return { kind: 'miss' };
  if (expired === undefined || entry.writeId !== expired.writeId) return found;
  return standingOf(entry, nowMs, 0) === 'expired' ? { kind: 'miss' } : found;
}

/**
 * Undefined for a miss, and for what is no entry: nobody has filled it yet.
 * @throws AppError where Redis cannot be asked, or a newer version of the app has written the entry.
 */
export function outcomeOf(found: ReadResult): LoadOutcome | undefined {
  if (found.kind === 'hit') return { kind: 'filled', entry: found.entry };
  if (found.kind === 'unavailable') throw found.error;
  if (found.kind === 'entry-newer') {
    throw new AppError('entry-newer', 'A newer version of the app wrote the entry.');
  }
  return found.kind === 'overloaded' ? { kind: 'failed', error: overloaded() } : undefined;
}

/** As somebody else has found out. */
export function failedJustNow(): LoadOutcome {
  const error = new AppError('origin-failed', 'The origin failed a moment ago.', { retryAfterSeconds: 1 });
  return { kind: 'failed', error };
}

export function pending(): LoadOutcome {
  const message =
    'The origin has not answered yet; other loads are before this one, or another instance is at it.';
  return { kind: 'failed', error: new AppError('deadline-exceeded', message, { retryAfterSeconds: 1 }) };
}

/** The load ended without an answer: others came first, another instance was at it, or nobody waited for it. */
export function isGivenUp(outcome: LoadOutcome): boolean {
  return outcome.kind === 'failed' && outcome.error.code === 'deadline-exceeded';
}
