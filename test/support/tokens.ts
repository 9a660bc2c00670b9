// Unsigned tokens and scripted sources for tests that need no server.

import type { TokenSource } from '../../src/auth/token-source.ts';
import { Token, type RawToken } from '../../src/auth/token.ts';

export const testOid = '11111111-2222-3333-4444-555555555555';

/** The text of a JWT with these claims and a signature that nobody checks. */
export function jwt(claims: Readonly<Record<string, unknown>>): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}.c2lnbmF0dXJl`;
}

export function rawToken(times: {
  issuedAtMs: number;
  expiresAtMs: number;
  refreshAfterMs?: number;
}): RawToken {
  const { issuedAtMs, expiresAtMs, refreshAfterMs } = times;
  const token = jwt({ oid: testOid, iat: issuedAtMs / 1000, exp: expiresAtMs / 1000 });
  return { token, expiresOnTimestamp: expiresAtMs, refreshAfterTimestamp: refreshAfterMs };
}

export function tokenOf(issuedAtMs: number, lifetimeMs: number, refreshAfterMs?: number): Token {
  const expiresAtMs = issuedAtMs + lifetimeMs;
  return new Token(`token-until-${expiresAtMs}`, testOid, { issuedAtMs, expiresAtMs, refreshAfterMs });
}

interface PendingRequest {
  readonly signal: AbortSignal;
  readonly answer: (token: Token) => void;
  readonly fail: (error: Error) => void;
}

/** A source whose requests the test answers one by one. */
export class ScriptedSource implements TokenSource {
  readonly pending: PendingRequest[] = [];
  requests = 0;

  request(signal: AbortSignal): Promise<Token> {
    this.requests += 1;
    return new Promise((answer, fail) => {
      this.pending.push({ signal, answer, fail });
    });
  }

  /** The oldest request not yet taken. */
  take(): PendingRequest {
    const request = this.pending.shift();
    if (request === undefined) throw new Error('No token request is pending.');
    return request;
  }
}
