// Asks a TokenCredential for a token, within a time limit of its own.

import type { Clock } from '../util/clock.ts';
import { withDeadline } from '../util/deadline.ts';
import { AppError, describe } from '../util/errors.ts';
import { readToken, type RawToken, type Token } from './token.ts';

/** The part of `@azure/core-auth`'s TokenCredential that is used: any credential fits. */
export interface TokenCredentialLike {
  /** A token for the scope, or null where there is none. It may be one that was returned before. */
  getToken(scopes: string, options?: { abortSignal?: AbortSignal }): Promise<RawToken | null>;
}

/** Where tokens come from. */
export interface TokenSource {
  /**
   * One request. Settles within the source's time limit, whatever the credential does.
   * @throws AppError `token-unavailable` (no answer) or `token-refused` (an answer that cannot be used), or the
   * reason of `signal`.
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
  const late = (): AppError => {
    const message = `The credential did not answer within ${timeLimitMs} ms; the request was given up.`;
    return new AppError('token-unavailable', message);
  };
  return {
    async request(signal) {
      signal.throwIfAborted();
      const over = new AbortController();
      try {
        // ManagedIdentityCredential ignores `abortSignal`, and never settles when its endpoint never answers.
        const asking = askCredential(credential, scope, over.signal);
        const raw = await withDeadline(clock, clock.nowMs() + timeLimitMs, asking, late, signal);
        if (raw === null) throw new AppError('token-unavailable', 'The credential returned no token.');
        return readToken(raw, clock, oidRequired);
      } finally {
        over.abort();
      }
    },
  };
}

async function askCredential(
  credential: TokenCredentialLike,
  scope: string,
  abortSignal: AbortSignal,
): Promise<RawToken | null> {
  try {
    return await credential.getToken(scope, { abortSignal });
  } catch (error) {
    const message = `The credential could not get a token: ${describe(error)}`;
    throw new AppError('token-unavailable', message, { cause: error });
  }
}
