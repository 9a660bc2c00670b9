// Asks a TokenCredential for a token, within a time limit of its own.

import type { Clock } from '../util/clock.ts';
import { AppError, describe } from '../util/errors.ts';
import { readToken, type RawToken, type Token } from './token.ts';

/** The part of `@azure/core-auth`'s TokenCredential that is used: any credential fits. */
export interface TokenCredentialLike {
  getToken(scopes: string, options?: { abortSignal?: AbortSignal }): Promise<RawToken | null>;
}

/** Where tokens come from, as the keeper sees it. */
export interface TokenSource {
  /**
   * One request. Settles within the source's time limit, whatever the credential does.
   * @throws AppError `token-unavailable` (nothing came) or `token-refused` (what came cannot be used).
   */
  request(signal: AbortSignal): Promise<Token>;
}

export interface TokenSourceOptions {
  readonly credential: TokenCredentialLike;
  readonly scope: string;
  /** Whether the user name has to come from the token's `oid`. */
  readonly oidRequired: boolean;
  readonly clock: Clock;
  /** After this a request counts as lost. The managed-identity endpoint normally answers within 2 s. */
  readonly timeLimitMs?: number;
}

export function createTokenSource(options: TokenSourceOptions): TokenSource {
  const { credential, scope, oidRequired, clock, timeLimitMs = 15_000 } = options;
  return {
    async request(signal) {
      const raw = await raceAgainst(credential, scope, signal, clock, timeLimitMs);
      if (raw === null) throw new AppError('token-unavailable', 'The credential returned no token.');
      return readToken(raw, clock, oidRequired);
    },
  };
}

// ManagedIdentityCredential ignores `abortSignal` and never settles when its endpoint never answers, so the
// request is raced; what it brings after the race is nobody's business any more.
function raceAgainst(
  credential: TokenCredentialLike,
  scope: string,
  signal: AbortSignal,
  clock: Clock,
  timeLimitMs: number,
): Promise<RawToken | null> {
  return new Promise((resolve, reject) => {
    const limit = new AbortController();
    const giveUp = (error: AppError): void => {
      settle();
      limit.abort();
      reject(error);
    };
    const onAbort = (): void => giveUp(new AppError('stopped', 'The token request was given up: stopping.'));
    const cancelTimer = clock.after(timeLimitMs, () =>
      giveUp(
        new AppError(
          'token-unavailable',
          `The credential did not answer within ${timeLimitMs} ms; the request was given up.`,
        ),
      ),
    );
    const settle = (): void => {
      cancelTimer();
      signal.removeEventListener('abort', onAbort);
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    // A credential is foreign code: it may throw instead of rejecting.
    const asked = new Promise<RawToken | null>((settled) => {
      settled(credential.getToken(scope, { abortSignal: limit.signal }));
    });
    asked.then(
      (raw) => {
        settle();
        resolve(raw);
      },
      (error: unknown) => {
        settle();
        const message = `The credential could not get a token: ${describe(error)}`;
        reject(new AppError('token-unavailable', message, { cause: error }));
      },
    );
  });
}
