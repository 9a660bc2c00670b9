// When to ask for the next token, and how long to wait for an answer: pure functions of the situation.

import type { ClockReading } from '../util/clock.ts';
import type { Token, TokenTimes } from './token.ts';

/** What the policy decides on. All times in milliseconds since the epoch. */
export interface RefreshSituation {
  readonly nowMs: number;
  /** The token in use, or the last one where it has expired; undefined before the first. */
  readonly token: TokenTimes | undefined;
  /** Requests since the last adopted token that failed, were not answered, or brought no later expiry. */
  readonly failedAttempts: number;
}

const minuteMs = 60_000;

// Azure: renew at least 3 minutes before expiry
// (https://learn.microsoft.com/azure/redis/entra-for-authentication). MSAL hands out its cached token until
// 5 minutes before, which leaves 2 minutes for the answer.
const azureMarginMs = 3 * minuteMs;

/** Time that must be left on a token in use: Azure's 3 minutes, or a quarter of a shorter life. */
export function marginMs(token: TokenTimes): number {
  return Math.min(azureMarginMs, lifetimeMs(token) / 4);
}

/** Until the margin of a token begins, in which what lives on it is made anew; zero or below from then on. */
export function untilMarginMs(token: Token, clock: ClockReading): number {
  return token.leftMs(clock) - marginMs(token);
}

export function lifetimeMs(token: TokenTimes): number {
  return Math.max(token.expiresAtMs - token.issuedAtMs, 1);
}

/** When a renewal is due: at the issuer's `refreshAfter`, else at half-life; never inside the margin. */
export function dueAtMs(token: TokenTimes): number {
  // MSAL compares whole seconds: asked in the very second of `refreshAfter` it does not ask its endpoint yet.
  const preferredMs =
    token.refreshAfterMs === undefined
      ? token.issuedAtMs + lifetimeMs(token) / 2
      : token.refreshAfterMs + 1000;
  return Math.min(preferredMs, token.expiresAtMs - 2 * marginMs(token));
}

/**
 * The least time between two requests: 1/24 of a lifetime, from 250 ms (a token of 6 s) to 5 s.
 * 250 ms keeps even a failing endpoint below 5 calls a second; IMDS throttles above that.
 */
export function minIntervalMs(token: TokenTimes | undefined): number {
  return token === undefined ? 500 : clamp(lifetimeMs(token) / 24, 250, 5000);
}

/**
 * When to ask next. There is always a next time, and it is never in the past.
 * @param random a number in [0, 1), so that a fleet started together does not ask together.
 */
export function nextRequestAtMs(situation: RefreshSituation, random: number): number {
  const { nowMs, token, failedAttempts } = situation;
  if (token === undefined) {
    return (
      nowMs +
      (failedAttempts === 0
        ? 0
        : jittered(Math.min(minIntervalMs(token) * 2 ** (failedAttempts - 1), 5000), random))
    );
  }
  const leftMs = token.expiresAtMs - nowMs;
  if (failedAttempts === 0) {
    // Spread over the tenth of the lifetime that follows, short of the margin: Azure asks for jitter.
    const dueMs = dueAtMs(token);
    const latestMs = token.expiresAtMs - 1.25 * marginMs(token);
    const spreadMs = random * Math.min(lifetimeMs(token) / 10, Math.max(latestMs - dueMs, 0));
    return Math.max(dueMs + spreadMs, nowMs);
  }
  const minMs = minIntervalMs(token);
  if (leftMs <= 0) return nowMs + jittered(minMs, random);
  // Exponential from a sixtieth of the lifetime (24 h: 30 s), but never more than a quarter of what is left:
  // attempts get denser towards expiry, and one falls between MSAL's 5 minutes and Azure's 3.
  const firstMs = clamp(lifetimeMs(token) / 60, minMs, minuteMs / 2);
  const backoffMs = Math.min(firstMs * 2 ** Math.min(failedAttempts - 1, 30), 15 * minuteMs, leftMs / 4);
  return nowMs + jittered(Math.max(backoffMs, minMs), random);
}

/** How long to wait for an answer before another request is made. */
export function requestTimeoutMs(situation: Omit<RefreshSituation, 'failedAttempts'>): number {
  const { nowMs, token } = situation;
  if (token === undefined) return 3000;
  const leftMs = token.expiresAtMs - nowMs;
  return leftMs > 0 ? clamp(leftMs / 4, 250, 10_000) : clamp(lifetimeMs(token) / 16, 350, 5000);
}

/** Past `refreshAfter` MSAL fetches the new token but still returns the old one; the next call has it. */
export function nextCallBringsNewToken({ refreshAfterMs }: TokenTimes, nowMs: number): boolean {
  return refreshAfterMs !== undefined && nowMs >= refreshAfterMs;
}

// Only upwards: never sooner than the least time.
function jittered(delayMs: number, random: number): number {
  return delayMs * (1 + random / 10);
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
