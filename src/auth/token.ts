// An Entra access token and how one is read.

import type { Clock } from '../util/clock.ts';
import { AppError } from '../util/errors.ts';

export interface TokenTimes {
  /** When the issuer made it (`iat`), or when it was received where the token does not say. */
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  /** From when on the issuer wants to be asked for the next one, where it said so. */
  readonly refreshAfterMs: number | undefined;
}

/** A token whose text cannot be logged by accident: only `reveal()` gives it away. */
export class Token implements TokenTimes {
  readonly #text: string;
  readonly #wallAheadMs: number;
  readonly oid: string | undefined;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  readonly refreshAfterMs: number | undefined;

  /** @param wallAheadMs what the clock on the wall was ahead of the monotonic one when the token came. */
  constructor(text: string, oid: string | undefined, times: TokenTimes, wallAheadMs = 0) {
    this.#text = text;
    this.#wallAheadMs = wallAheadMs;
    this.oid = oid;
    this.issuedAtMs = times.issuedAtMs;
    this.expiresAtMs = times.expiresAtMs;
    this.refreshAfterMs = times.refreshAfterMs;
  }

  /** The text: the password of an AUTH and nothing else. */
  reveal(): string {
    return this.#text;
  }

  /**
   * What the clock on the wall would show now, had nobody touched it since the token came. A token has the time left
   * that it had then, less what has passed: a clock that is put forward ends none, and one that is put back renews none.
   */
  reckonedNowMs(clock: Clock): number {
    return clock.nowMs() + this.#wallAheadMs;
  }

  /** Below zero when it has expired. */
  leftMs(clock: Clock): number {
    return this.expiresAtMs - this.reckonedNowMs(clock);
  }
}

/** What `TokenCredential.getToken` returned, as far as it matters here. */
export interface RawToken {
  readonly token: string;
  readonly expiresOnTimestamp: number;
  readonly refreshAfterTimestamp?: number | undefined;
}

/**
 * Reads a token. The signature is not checked: the server does that, and the claims are used for nothing
 * but the user name (`oid`) and for not believing in a later expiry than the token's own.
 * @param oidRequired whether the user name has to come from the token. Where not, the token may be opaque, as it
 *   is meant to be for a client (https://learn.microsoft.com/entra/identity-platform/access-tokens).
 * @throws AppError `token-refused` when it names no one though it has to, or has expired.
 */
export function readToken(raw: RawToken, clock: Clock, oidRequired: boolean): Token {
  const wallMs = clock.wallMs();
  const claims = readClaims(raw.token);
  if (claims === undefined && oidRequired) {
    throw new AppError('token-refused', 'The credential returned something that is not a JSON Web Token.');
  }
  const oid = typeof claims?.['oid'] === 'string' && claims['oid'] !== '' ? claims['oid'] : undefined;
  if (oid === undefined && oidRequired) {
    throw new AppError(
      'token-refused',
      'The token has no "oid" claim to use as the Redis user name; set REDIS_USERNAME if the cache knows the identity by another name.',
    );
  }
  const expiresAtMs = expiryOf(raw.expiresOnTimestamp, secondsClaimMs(claims?.['exp']));
  if (!Number.isFinite(expiresAtMs)) throw new AppError('token-refused', 'The token has no readable expiry.');
  if (expiresAtMs <= wallMs) {
    const expiredForSeconds = Math.ceil((wallMs - expiresAtMs) / 1000);
    throw new AppError(
      'token-refused',
      `The credential returned a token that expired ${expiredForSeconds} s ago; if this goes on, compare this machine's clock.`,
    );
  }
  // `iat` is cut to the second: the token was issued up to a second later. Taken at its word, a token that
  // lives for seconds would be asked for before it is half used, and so before the issuer has another.
  const claimedIssueMs = secondsClaimMs(claims?.['iat']) ?? wallMs;
  // No token comes from the future: a clock that shows less is slow, and would make the token last too long.
  const nowMs = claimedIssueMs < expiresAtMs ? Math.max(wallMs, claimedIssueMs) : wallMs;
  const issuedAtMs = Math.min(claimedIssueMs + 999, nowMs);
  const times = { issuedAtMs, expiresAtMs, refreshAfterMs: raw.refreshAfterTimestamp };
  return new Token(raw.token, oid, times, nowMs - clock.nowMs());
}

function readClaims(text: string): Record<string, unknown> | undefined {
  const payload = text.split('.')[1];
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload ?? '', 'base64url').toString('utf8'));
    if (typeof claims === 'object' && claims !== null) return claims as Record<string, unknown>;
  } catch {
    // The parser's message quotes its input, which is the token: it must not become a cause.
  }
  return undefined;
}

/**
 * The earlier of the two, but the token's own where they are a second apart: MSAL adds whole seconds from
 * before and after its request, so that one token may come with two expiries, and asking for it again would
 * look like a rotation.
 */
function expiryOf(reportedMs: number, claimedMs: number | undefined): number {
  if (claimedMs === undefined) return reportedMs;
  return reportedMs < claimedMs - 1000 ? reportedMs : claimedMs;
}

function secondsClaimMs(claim: unknown): number | undefined {
  return typeof claim === 'number' && Number.isFinite(claim) ? claim * 1000 : undefined;
}
