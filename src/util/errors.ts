// The one error class of the app, and its closed set of codes.

/** Every way the app itself can fail. Caller mistakes over HTTP are problem codes, not these. */
export type ErrorCode =
  | 'settings-invalid'
  | 'options-invalid'
  | 'token-unavailable'
  | 'token-refused'
  | 'redis-unavailable'
  | 'redis-rejected-identity'
  | 'connection-lost'
  | 'deadline-exceeded'
  | 'command-failed'
  | 'wrong-type'
  | 'entry-newer'
  | 'value-invalid'
  | 'origin-failed'
  | 'overloaded'
  | 'stopped';

export interface AppErrorOptions {
  readonly cause?: unknown;
  /** After how many seconds to try again, where that is known. */
  readonly retryAfterSeconds?: number;
  /** Only this one entry fails; the origin works. */
  readonly isOfOneEntry?: boolean;
}

const retryableCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'token-unavailable',
  'redis-unavailable',
  'redis-rejected-identity',
  'connection-lost',
  'deadline-exceeded',
  'origin-failed',
  'overloaded',
]);

// An error may come from another build of this code in the same process: ES modules beside CommonJS.
const mark = Symbol.for('redis-entra-functions.error');

/** A failure with a stable `code`. Messages never contain a token or a cached value. */
export class AppError extends Error {
  /** `AppError`, in log lines. */
  override readonly name = 'AppError';
  /** @internal */
  readonly [mark] = true;
  /** What went wrong: for programs, where the message is for people. */
  readonly code: ErrorCode;
  /** After how many seconds to try again, where that is known. */
  readonly retryAfterSeconds: number | undefined;
  /** Whether only this one entry fails while the origin works. */
  readonly isOfOneEntry: boolean;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.isOfOneEntry = options.isOfOneEntry ?? false;
  }

  /** @internal */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this !== AppError) return Function.prototype[Symbol.hasInstance].call(this, value);
    return typeof value === 'object' && value !== null && mark in value;
  }

  /** Whether the same call may succeed later. */
  get retryable(): boolean {
    return retryableCodes.has(this.code);
  }
}

/** A one-line description of anything thrown, without stack and without a token. */
export function describe(thrown: unknown): string {
  // Where all addresses of a host failed, Node.js gives an AggregateError without a message.
  const said: unknown = thrown instanceof AggregateError ? (thrown.errors[0] ?? thrown) : thrown;
  const message = said instanceof Error ? said.message || said.name : String(said);
  return redactTokens(message.replaceAll(/\s+/gu, ' ').trim());
}

// A JWT is three base64url parts, its first starting with `{"` = `eyJ` (RFC 7519, section 3.1).
const jwtPattern = /eyJ[\w-]{5,}(?:\.[\w-]*){0,2}/gu;

/** Replaces whatever looks like a JWT. SDK messages quote server answers, and those may quote a token. */
export function redactTokens(text: string): string {
  return text.replaceAll(jwtPattern, '[token]');
}

/** What Retry-After says of a time in milliseconds: whole seconds, and never none. */
export function secondsToWait(ms: number): number {
  return Math.max(Math.ceil(ms / 1000), 1);
}
