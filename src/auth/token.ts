// An Entra access token: its text, its times, and how one is read.

import type { ClockReading } from '../util/clock.ts';
import { AppError } from '../util/errors.ts';

export interface TokenTimes {
  /** When it was issued (`iat`), or received where the token does not say. */
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  /** When the issuer wants to be asked for the next one, if it said so. */
  readonly refreshAfterMs: number | undefined;
}

/** A token whose text cannot be logged by accident: only `reveal()` returns it. */
export class Token implements TokenTimes {
  readonly #text: string;
  readonly #wallOffsetMs: number;
  readonly oid: string | undefined;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  readonly refreshAfterMs: number | undefined;

  /** @param wallOffsetMs the wall clock less the monotonic one when the token was received. */
  constructor(text: string, oid: string | undefined, times: TokenTimes, wallOffsetMs = 0) {
    this.#text = text;
    this.#wallOffsetMs = wallOffsetMs;
    this.oid = oid;
    this.issuedAtMs = times.issuedAtMs;
    this.expiresAtMs = times.expiresAtMs;
    this.refreshAfterMs = times.refreshAfterMs;
  }

  /** The text: the password of an AUTH and nothing else. */
  reveal(): string {
    return this.#text;
  }

  /** Whether it is the same one, though its expiry may have been reported differently. */
  isSameAs(other: Token): boolean {
    return this.#text === other.#text;
  }

  /**
   * Now, on the time scale of `expiresAtMs`: the wall clock when the token was received, plus the monotonic time that
   * has passed since. A wall clock that is set forward or back neither shortens nor prolongs a token's life.
   */
  nowMs(clock: ClockReading): number {
    return clock.nowMs() + this.#wallOffsetMs;
  }

  /** Below zero when it has expired. */
  leftMs(clock: ClockReading): number {
    return this.expiresAtMs - this.nowMs(clock);
  }
}

/** What `TokenCredential.getToken` returned, as far as it matters here. */
export interface RawToken {
  readonly token: string;
  readonly expiresOnTimestamp: number;
  readonly refreshAfterTimestamp?: number | undefined;
}

/**
 * Reads a token. The signature is not checked: the server does that. The claims are used for the user name (`oid`)
 * and for the expiry, which is never taken to be later than the token's own.
 * @param oidRequired whether the user name has to come from the token. If not, the token may be opaque, as it
 *   is meant to be to a client (https://learn.microsoft.com/entra/identity-platform/access-tokens).
 * @throws AppError `token-refused` when it has no `oid` and needs one, has no readable expiry, or has expired.
 */
export function readToken(raw: RawToken, clock: ClockReading, oidRequired: boolean): Token {
  const wallMs = clock.wallMs();
  const claims = readClaims(raw.token);
  if (claims === undefined && oidRequired) {
    throw new AppError('token-refused', 'The credential returned something that is not a JSON Web Token.');
  }
  const oid = typeof claims?.['oid'] === 'string' && claims['oid'] !== '' ? claims['oid'] : undefined;
  if (oid === undefined && oidRequired) {
    throw new AppError(
      'token-refused',
      'The token has no "oid" claim to use as the Redis user name; set REDIS_USERNAME (in code: the option username) if the cache knows the identity by another name.',
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
  // `iat` is cut to the second: the token was issued up to a second later. Without that second, the next one of a
  // token that lives for seconds would be asked for before half-life, when the issuer has no other yet.
  const claimedIssueMs = secondsClaimMs(claims?.['iat']) ?? wallMs;
  // A token issued in the future means that this clock is slow, which would make the token last too long.
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
 * The earlier of the two, but the token's own where they are at most a second apart: MSAL adds whole seconds from
 * before and after its request, so that one token may be reported with two expiries, which would look like a rotation.
 */
function expiryOf(reportedMs: number, claimedMs: number | undefined): number {
  if (claimedMs === undefined) return reportedMs;
  return reportedMs < claimedMs - 1000 ? reportedMs : claimedMs;
}

function secondsClaimMs(claim: unknown): number | undefined {
  return typeof claim === 'number' && Number.isFinite(claim) ? claim * 1000 : undefined;
}
