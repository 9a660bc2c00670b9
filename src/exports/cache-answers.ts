// What a cache's user is told: errors and conditions between the public cache and the one below it.

import type { CacheAnswer } from '../cache/answer.ts';
import type { NotChanged, TagCondition } from '../cache/tier.ts';
import { overloaded } from '../util/byte-budget.ts';
import { AppError } from '../util/errors.ts';
import type { Condition } from './cache-api.ts';
import type { NotApplied } from './cache-results.ts';
import { FactoryFailed } from './cache-factory.ts';

type NoEntry = Exclude<CacheAnswer, { kind: 'hit' | 'loaded' | 'miss' }>;

/** Why there is no value. */
export function errorOf(answer: NoEntry): AppError {
  switch (answer.kind) {
    case 'unavailable':
    case 'origin-failed':
    case 'origin-pending':
      return answer.error;
    case 'overloaded':
      return overloaded();
    case 'wrong-type':
    case 'entry-newer':
      return refusal(answer.kind);
    case 'stored-value-too-large':
    case 'answer-too-large':
      return new AppError('value-invalid', 'The value cannot be used: it is larger than maxValueBytes.');
  }
}

function refusal(kind: 'wrong-type' | 'entry-newer'): AppError {
  return kind === 'wrong-type'
    ? new AppError(kind, 'The key holds another type of Redis than a string.')
    : new AppError(kind, 'A newer version of this package wrote the entry; it is left as it is.');
}

export function notApplied(result: Exclude<NotChanged, { kind: 'precondition-failed' }>): NotApplied {
  if (result.kind === 'unavailable') return result;
  return { kind: 'unavailable', error: refusal(result.kind), applied: 'no' };
}

export function conditionOf(condition: Condition | undefined): TagCondition {
  if (condition === undefined) return { kind: 'none', etags: [] };
  if (condition === 'absent') return { kind: 'none-match', etags: ['*'] };
  return { kind: 'match', etags: [condition === 'present' ? '*' : condition.etag] };
}

/** A value that cannot be stored. */
export function tooLarge(bytes: number, mostBytes: number): AppError {
  const what = `it has ${bytes} bytes, and maxValueBytes is ${mostBytes}`;
  return new AppError('value-invalid', `The value cannot be used: ${what}.`);
}

/** What a factory threw reaches its caller as it is. */
export function whatWasThrown(error: AppError): unknown {
  return error instanceof FactoryFailed ? error.thrown : error;
}
