// The error of a request that is wrong or not allowed: one that the same request would meet again.

/** Problem codes of the app for what the caller has to change. */
export const requestErrorCodes = [
  'invalid-key',
  'invalid-query',
  'invalid-ttl',
  'invalid-body',
  'invalid-header',
  'unauthenticated',
  'forbidden',
  'prefix-forbidden',
  'writes-disabled',
  'length-required',
  'value-too-large',
  'body-too-large',
  'unsupported-encoding',
  'range-not-satisfiable',
] as const;

/**
 * Why a request cannot succeed as it is: the app's own problem codes (docs/http.md), and
 *
 * - `value-invalid`: what was read is not JSON, or what is to be written cannot be made JSON;
 * - `unexpected-answer`: what answered is not the app. `url` may lack its `/api`, or a proxy answered.
 */
export type RequestErrorCode = (typeof requestErrorCodes)[number] | 'value-invalid' | 'unexpected-answer';

// An error may come from another build of this code in the same process: ES modules beside CommonJS.
const mark = Symbol.for('redis-entra-functions.request-error');

/** A request that is wrong, or that the caller may not make. No token, no key of the Functions host and no value is in it. */
export class CacheRequestError extends Error {
  /** `CacheRequestError`, in log lines. */
  override readonly name = 'CacheRequestError';
  /** @internal */
  readonly [mark] = true;
  /** What is wrong: for programs, where the message is for people. */
  readonly code: RequestErrorCode;
  /** Of the answer; undefined where nothing was sent. */
  readonly status: number | undefined;

  constructor(code: RequestErrorCode, message: string, status?: number) {
    super(message);
    this.code = code;
    this.status = status;
  }

  /** @internal */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this !== CacheRequestError) return Function.prototype[Symbol.hasInstance].call(this, value);
    return typeof value === 'object' && value !== null && mark in value;
  }
}
