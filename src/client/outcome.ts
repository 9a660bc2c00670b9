// What an answer means that is neither a value nor a success: a result, or an error to throw.

import type { Clock } from '../util/clock.ts';
import { retryAfterSecondsOf, type Answer, type Exchange } from './answer.ts';
import { CacheRequestError, requestErrorCodes, type RequestErrorCode } from './request-error.ts';
import { unavailableCodes, type NotApplied, type Unavailable, type UnavailableCode } from './results.ts';

const known = <T extends string>(codes: readonly T[], code: string | undefined): T | undefined =>
  codes.find((one) => one === code);

/** For a read. */
export function notRead(exchange: Exchange, clock: Clock): Unavailable {
  if (exchange.kind === 'answered') return refused(exchange.answer, clock);
  const { code, cause } = exchange;
  return unavailable(code, undefined, undefined, cause);
}

/** For a write. Only what the app itself says, or what was never sent, is known not to have been done. */
export function notApplied(exchange: Exchange, clock: Clock): NotApplied {
  if (exchange.kind === 'failed') {
    const { code, maybeSent, cause } = exchange;
    return maybeSent
      ? { ...unavailable('write-outcome-unknown', undefined, undefined, cause), applied: 'unknown' }
      : { ...unavailable(code, undefined, undefined, cause), applied: 'no' };
  }
  const { answer } = exchange;
  const result = refused(answer, clock);
  const isKnown = answer.status === 429 || (answer.problem !== undefined && result.code !== 'server-failed');
  return isKnown && !['write-outcome-unknown', 'deadline-exceeded'].includes(result.code)
    ? { ...result, applied: 'no' }
    : { ...result, code: 'write-outcome-unknown', applied: 'unknown' };
}

/** @throws CacheRequestError for what the caller has to change. */
function refused(answer: Answer, clock: Clock): Unavailable {
  const { status, problem, headers } = answer;
  const seconds = retryAfterSecondsOf(headers, clock.wallMs());
  if (isOfOrigin(answer)) return unavailable('origin-refused', status, seconds);
  const mistake = known(requestErrorCodes, problem?.code);
  if (mistake !== undefined) throw new CacheRequestError(mistake, problem?.text ?? mistake, status);
  // HEAD has no body: Cache-Status says as much.
  const code = known(unavailableCodes, problem?.code ?? answer.cacheStatus?.get('detail'));
  if (code !== undefined) return unavailable(code, status, seconds);
  if (status === 429 || status >= 500) return unavailable('server-failed', status, seconds);
  throw new CacheRequestError(codeOf(status), messageOf(answer), status);
}

/** Whether the app passes on what the origin answered for the key: its own errors are problems, and none of an entry. */
function isOfOrigin({ status, isProblem, cacheStatus }: Answer): boolean {
  if (cacheStatus === undefined) return false;
  return !isProblem || (status < 500 && (cacheStatus.has('hit') || cacheStatus.has('fwd-status')));
}

function codeOf(status: number): RequestErrorCode {
  if (status === 401) return 'unauthenticated';
  return status === 403 ? 'forbidden' : 'unexpected-answer';
}

function messageOf({ status, problem }: Answer): string {
  if (problem !== undefined) return problem.text;
  switch (status) {
    case 0:
      return 'The answer is a redirect, which is not followed.';
    case 401:
      return 'Neither the function key nor the token, if one was sent, was accepted.';
    case 403:
      return 'The caller may not do this.';
    default:
      return `The answer has the status ${status} and is not the app's: is there an app at this url, with its /api?`;
  }
}

export function unavailable(
  code: UnavailableCode,
  status?: number,
  retryAfterSeconds?: number,
  cause?: unknown,
): Unavailable {
  return {
    kind: 'unavailable',
    code,
    status,
    retryAfterSeconds,
    ...(cause === undefined ? {} : { cause }),
  };
}

/** @throws CacheRequestError `unexpected-answer`. */
export function unexpected({ status }: Answer): never {
  const message = `The answer has the status ${status} and is not what the app says: is there an app at this url?`;
  throw new CacheRequestError('unexpected-answer', message, status);
}
