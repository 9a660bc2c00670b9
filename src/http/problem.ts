// Errors as RFC 9457 problem details: the one table from code to status and title. Used by functions/.
// Knows no Redis.

import type { HttpResponseInit } from '@azure/functions';

const problems = {
  'invalid-key': { status: 400, title: 'The key is not valid' },
  'invalid-query': { status: 400, title: 'A query parameter is not known' },
  'invalid-ttl': { status: 400, title: 'The ttl is not valid' },
  'invalid-body': { status: 400, title: 'The request body is not valid' },
  'invalid-header': { status: 400, title: 'A request header is not valid' },
  'not-found': { status: 404, title: 'There is no entry under this key' },
  'writes-disabled': { status: 405, title: 'This cache is read-only' },
  'length-required': { status: 411, title: 'The request must say how long its body is' },
  'precondition-failed': { status: 412, title: 'The entry is not in the state the request asked for' },
  'value-too-large': { status: 413, title: 'The value is too large' },
  'body-too-large': { status: 413, title: 'The request body is too large' },
  'unsupported-encoding': { status: 415, title: 'The value must come without a content coding' },
  'range-not-satisfiable': { status: 416, title: 'The value has no such part' },
  'wrong-type': { status: 422, title: 'The key holds a Redis type other than a string' },
  'stored-value-too-large': { status: 422, title: 'The key holds a value that is too large to be served' },
  'origin-failed': { status: 502, title: 'The origin failed' },
  'entry-newer': { status: 503, title: 'A newer version of this app wrote the entry' },
  'cache-unavailable': { status: 503, title: 'The cache cannot be asked at the moment' },
  overloaded: { status: 503, title: 'This instance has too much in hand at the moment' },
  'origin-pending': { status: 503, title: 'The origin has not answered yet' },
  'write-outcome-unknown': { status: 503, title: 'The write may or may not have been applied' },
} as const;

/** Stable: clients may branch on it. */
export type ProblemCode = keyof typeof problems;

/** An error response. `detail` must hold no token and no cached value. */
export function problem(
  code: ProblemCode,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): HttpResponseInit {
  const { status, title } = problems[code];
  return {
    status,
    headers: { 'Content-Type': 'application/problem+json', 'Cache-Control': 'no-store', ...headers },
    // `type` is left out: "about:blank" is its default, and the code says more than a dead link.
    body: JSON.stringify({ title, status, code, detail }),
  };
}

/** 503 for a cache that cannot be asked; says when to come back. */
export function cacheUnavailable(
  retryAfterSeconds: number | undefined,
  headers: Readonly<Record<string, string>> = {},
): HttpResponseInit {
  const detail = 'This says nothing about whether the key exists. Ask again after the time in Retry-After.';
  return problem('cache-unavailable', detail, { 'Retry-After': `${retryAfterSeconds ?? 1}`, ...headers });
}

/** 503 for what does not fit into the instance's memory beside what it has in hand. */
export function tooMuchAtOnce(headers: Readonly<Record<string, string>> = {}): HttpResponseInit {
  const detail =
    'Nothing was done. Smaller values are served as ever; ask again after the time in Retry-After.';
  return problem('overloaded', detail, { 'Retry-After': '1', ...headers });
}

/** 503 for an entry that only newer instances understand. */
export function entryNewer(headers: Readonly<Record<string, string>> = {}): HttpResponseInit {
  const detail =
    'This instance neither serves nor overwrites it. Ask again after the time in Retry-After: a newer instance may answer.';
  return problem('entry-newer', detail, { 'Retry-After': '1', ...headers });
}
