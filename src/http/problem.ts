// Problem details (RFC 9457): the one table from code to status and title, and the error that becomes such a response.

import type { HttpResponseInit } from '@azure/functions';
import type { AppError } from '../util/errors.ts';

export const problems = {
  'invalid-key': { status: 400, title: 'The key is not valid' },
  'invalid-query': { status: 400, title: 'A query parameter is not known' },
  'invalid-ttl': { status: 400, title: 'The ttl is not valid' },
  'invalid-body': { status: 400, title: 'The request body is not valid' },
  'invalid-header': { status: 400, title: 'A request header is not valid' },
  unauthenticated: { status: 401, title: 'The caller is not known' },
  forbidden: { status: 403, title: 'The caller may not do this' },
  'prefix-forbidden': { status: 403, title: 'The caller may not name such a key' },
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
  'too-many-purges': { status: 429, title: 'Too many keys, tags and prefixes have been purged lately' },
  'origin-failed': { status: 502, title: 'The origin failed' },
  'authority-unavailable': { status: 503, title: 'Callers cannot be verified at the moment' },
  'entry-newer': { status: 503, title: 'A newer version of this app wrote the entry' },
  'cache-unavailable': { status: 503, title: 'The cache cannot be asked at the moment' },
  overloaded: { status: 503, title: 'This instance has too much in hand at the moment' },
  'origin-pending': { status: 503, title: 'The origin has not answered yet' },
  'deadline-exceeded': { status: 503, title: 'The request was not answered in time' },
  'write-outcome-unknown': { status: 503, title: 'The write may or may not have been applied' },
} as const;

/** Stable: clients may branch on it. */
export type ProblemCode = keyof typeof problems;

export type Headers = Readonly<Record<string, string>>;

// It may come from another build of this code in the same process: ES modules beside CommonJS.
const mark = Symbol.for('redis-entra-functions.problem');

/** Thrown to end a request with an error response. The message is the `detail`: no token and no cached value. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly [mark] = true;
  readonly code: ProblemCode;
  readonly headers: Headers;

  constructor(code: ProblemCode, detail: string, headers: Headers = {}) {
    super(detail);
    this.code = code;
    this.headers = headers;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && mark in value;
  }

  toResponse(): HttpResponseInit {
    const { status, title } = problems[this.code];
    return {
      status,
      headers: {
        'Content-Type': 'application/problem+json',
        'Cache-Control': 'no-store',
        ...this.headers,
      },
      // `type` is left out: "about:blank" is its default, and the code says more than a dead link.
      body: JSON.stringify({ title, status, code: this.code, detail: this.message }),
    };
  }
}

/** 503 for a cache that cannot be asked; says when to come back. */
export function cacheUnavailable(error: AppError, headers: Headers = {}): Problem {
  const detail = 'This says nothing about whether the key exists. Ask again after the time in Retry-After.';
  return new Problem('cache-unavailable', detail, {
    'Retry-After': `${error.retryAfterSeconds ?? 1}`,
    ...headers,
  });
}

/** 503 for what does not fit into the memory of the instance now. */
export function overloaded(headers: Headers = {}): Problem {
  const detail =
    'Nothing was done. Smaller values are served as ever; ask again after the time in Retry-After.';
  return new Problem('overloaded', detail, { 'Retry-After': '1', ...headers });
}

/** 502 for an origin that gave no usable answer. */
export function originFailed(error: AppError, headers: Headers = {}): Problem {
  // Where the fault lies in the one entry, asking again in a moment does not help.
  const seconds = error.retryAfterSeconds ?? (error.isOfOneEntry ? undefined : 1);
  const retryAfter = seconds === undefined ? {} : { 'Retry-After': `${seconds}` };
  return new Problem('origin-failed', error.message, { ...headers, ...retryAfter });
}

/** What a client is told of an error that no handler has dealt with. */
export function toProblem(error: AppError): Problem {
  switch (error.code) {
    case 'wrong-type':
      return new Problem('wrong-type', error.message);
    case 'origin-failed':
      return originFailed(error);
    case 'overloaded':
      return overloaded();
    case 'entry-newer':
      return entryNewer();
    case 'settings-invalid':
    case 'options-invalid':
    case 'token-unavailable':
    case 'token-refused':
    case 'redis-unavailable':
    case 'redis-rejected-identity':
    case 'connection-lost':
    case 'deadline-exceeded':
    case 'command-failed':
    case 'value-invalid':
    case 'stopped':
      return cacheUnavailable(error);
  }
}

/** 503 for an entry that only newer instances understand. */
export function entryNewer(headers: Headers = {}): Problem {
  const detail =
    'This instance neither serves nor overwrites it. Ask again after the time in Retry-After: a newer instance may answer.';
  return new Problem('entry-newer', detail, { 'Retry-After': '1', ...headers });
}
