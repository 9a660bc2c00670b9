import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  dueAtMs,
  minIntervalMs,
  lifetimeMs,
  marginMs,
  nextRequestAtMs,
  requestTimeoutMs,
} from '../../src/auth/refresh-policy.ts';
import type { TokenTimes } from '../../src/auth/token.ts';

const startMs = Date.UTC(2026, 0, 1);
const secondMs = 1000;
const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

const lifetimes = fc.integer({ min: 5 * secondMs, max: 2 * dayMs });
const randoms = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const setbackCounts = fc.integer({ min: 0, max: 10_000 });

const tokens = lifetimes.chain((lifeMs) =>
  fc.option(fc.integer({ min: 0, max: lifeMs }), { nil: undefined }).map((refreshAfterMs): TokenTimes => ({
    issuedAtMs: startMs,
    expiresAtMs: startMs + lifeMs,
    refreshAfterMs: refreshAfterMs === undefined ? undefined : startMs + refreshAfterMs,
  })),
);

describe('refresh policy', () => {
  it('always names a moment that is not in the past', () => {
    fc.assert(
      fc.property(
        fc.option(tokens, { nil: undefined }),
        fc.integer({ min: 0, max: 3 * dayMs }),
        setbackCounts,
        randoms,
        (token, passedMs, failedAttempts, random) => {
          const nowMs = startMs + passedMs;
          const next = nextRequestAtMs({ nowMs, token, failedAttempts }, random);
          expect(Number.isFinite(next)).toBe(true);
          expect(next).toBeGreaterThanOrEqual(nowMs);
        },
      ),
    );
  });

  it('asks early: not before it is due, not later than a tenth of the life after, never inside the margin', () => {
    fc.assert(
      fc.property(tokens, randoms, (token, random) => {
        const next = nextRequestAtMs({ nowMs: startMs, token, failedAttempts: 0 }, random);
        expect(next).toBeGreaterThanOrEqual(Math.max(dueAtMs(token), startMs));
        expect(next).toBeLessThanOrEqual(Math.max(dueAtMs(token) + lifetimeMs(token) / 10, startMs));
        expect(token.expiresAtMs - next).toBeGreaterThan(marginMs(token));
      }),
    );
  });

  it('asks at half-life where the issuer has no wish', () => {
    fc.assert(
      fc.property(lifetimes, (lifeMs) => {
        const token = { issuedAtMs: startMs, expiresAtMs: startMs + lifeMs, refreshAfterMs: undefined };
        const next = nextRequestAtMs({ nowMs: startMs, token, failedAttempts: 0 }, 0);
        expect(next).toBeCloseTo(startMs + lifeMs / 2, 3);
      }),
    );
  });

  it('keeps a floor between attempts before and after expiry, and never waits 17 minutes', () => {
    fc.assert(
      fc.property(
        tokens,
        fc.integer({ min: 0, max: 3 * dayMs }),
        fc.integer({ min: 1, max: 10_000 }),
        randoms,
        (token, passedMs, failedAttempts, random) => {
          const nowMs = startMs + passedMs;
          const waitMs = nextRequestAtMs({ nowMs, token, failedAttempts }, random) - nowMs;
          // Times are large doubles: adding and subtracting them costs up to a microsecond.
          expect(waitMs).toBeGreaterThanOrEqual(minIntervalMs(token) - 0.01);
          expect(waitMs).toBeLessThan(17 * minuteMs);
          const leftMs = token.expiresAtMs - nowMs;
          expect(waitMs).toBeLessThanOrEqual(Math.max(leftMs / 4, minIntervalMs(token)) * 1.1 + 0.01);
        },
      ),
    );
  });

  it('never asks more than four times a second, also of a short-lived token after its expiry', () => {
    fc.assert(
      fc.property(tokens, (token) => {
        expect(minIntervalMs(token)).toBeGreaterThanOrEqual(250);
      }),
    );
  });

  it("keeps Azure's 3 minutes although MSAL repeats its token until 5 minutes before expiry", () => {
    const longEnough = fc.integer({ min: 30 * minuteMs, max: dayMs });
    fc.assert(
      fc.property(longEnough, fc.array(randoms, { minLength: 100, maxLength: 100 }), (lifeMs, draws) => {
        const token = { issuedAtMs: startMs, expiresAtMs: startMs + lifeMs, refreshAfterMs: undefined };
        let nowMs = startMs;
        for (const [failedAttempts, random] of draws.entries()) {
          nowMs = nextRequestAtMs({ nowMs, token, failedAttempts }, random);
          const leftMs = token.expiresAtMs - nowMs;
          if (leftMs > 5 * minuteMs) continue;
          expect(leftMs).toBeGreaterThan(3 * minuteMs);
          return;
        }
        expect.unreachable('the policy never asked inside the last five minutes');
      }),
    );
  });

  it('waits for an answer no longer than a quarter of the time left', () => {
    fc.assert(
      fc.property(tokens, fc.integer({ min: 0, max: 3 * dayMs }), (token, passedMs) => {
        const nowMs = startMs + passedMs;
        const leftMs = token.expiresAtMs - nowMs;
        const waitMs = requestTimeoutMs({ nowMs, token });
        expect(waitMs).toBeGreaterThanOrEqual(250);
        expect(waitMs).toBeLessThanOrEqual(leftMs > 0 ? Math.max(leftMs / 4, 250) : 5000);
      }),
    );
  });
});
