import { format, inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { readToken } from '../../../src/auth/token.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { jwt, rawToken, testOid } from '../../support/tokens.ts';

const nowMs = Date.UTC(2026, 0, 1);
const hourMs = 3_600_000;
const clock = new FakeClock(nowMs);

describe('readToken', () => {
  it('takes the user name and the times from the token', () => {
    const raw = rawToken({ issuedAtMs: nowMs, expiresAtMs: nowMs + hourMs, refreshAfterMs: nowMs + 1000 });
    const token = readToken(raw, clock, true);
    expect(token).toMatchObject({
      oid: testOid,
      issuedAtMs: nowMs,
      expiresAtMs: nowMs + hourMs,
      refreshAfterMs: nowMs + 1000,
    });
    expect(token.reveal()).toBe(raw.token);
  });

  it('gives one token one expiry, although MSAL reports it a second early at times', () => {
    const raw = rawToken({ issuedAtMs: nowMs, expiresAtMs: nowMs + hourMs });
    const early = { ...raw, expiresOnTimestamp: nowMs + hourMs - 1000 };
    expect(readToken(early, clock, true).expiresAtMs).toBe(readToken(raw, clock, true).expiresAtMs);
  });

  it('believes the earlier of the two expiries', () => {
    const raw = rawToken({ issuedAtMs: nowMs, expiresAtMs: nowMs + hourMs });
    const later = { ...raw, expiresOnTimestamp: nowMs + 2 * hourMs };
    expect(readToken(later, clock, true).expiresAtMs).toBe(nowMs + hourMs);
    const earlier = { ...raw, expiresOnTimestamp: nowMs + 1000 };
    expect(readToken(earlier, clock, true).expiresAtMs).toBe(nowMs + 1000);
  });

  it('takes the time of issue, cut to the second, for the end of that second', () => {
    const raw = rawToken({ issuedAtMs: nowMs, expiresAtMs: nowMs + hourMs });
    expect(readToken(raw, new FakeClock(nowMs + 500), true).issuedAtMs).toBe(nowMs + 500);
    expect(readToken(raw, new FakeClock(nowMs + 5000), true).issuedAtMs).toBe(nowMs + 999);
  });

  it('does not let an issue time in the future lengthen or turn round the lifetime', () => {
    const raw = rawToken({ issuedAtMs: nowMs + 10 * hourMs, expiresAtMs: nowMs + hourMs });
    expect(readToken(raw, clock, true).issuedAtMs).toBe(nowMs);
  });

  it.each([
    [
      'an expired token',
      rawToken({ issuedAtMs: nowMs - 2 * hourMs, expiresAtMs: nowMs - hourMs }),
      'expired',
    ],
    [
      'a token without oid',
      { token: jwt({ exp: nowMs / 1000 + 60 }), expiresOnTimestamp: nowMs + 60_000 },
      'oid',
    ],
    ['no JWT at all', { token: 'opaque-secret', expiresOnTimestamp: nowMs + 60_000 }, 'not a JSON Web Token'],
    [
      'a JWT of no object',
      { token: 'a.bnVsbA.c', expiresOnTimestamp: nowMs + 60_000 },
      'not a JSON Web Token',
    ],
  ])('refuses %s without quoting it', (_what, raw, reason) => {
    const read = (): unknown => readToken(raw, clock, true);
    expect(read).toThrow(reason);
    try {
      read();
    } catch (error) {
      expect(error).toMatchObject({ code: 'token-refused' });
      expect(inspect(error, { depth: 9 })).not.toContain(raw.token);
    }
  });

  it('needs no oid where the user name is set', () => {
    const raw = { token: jwt({ exp: nowMs / 1000 + 60 }), expiresOnTimestamp: nowMs + 60_000 };
    expect(readToken(raw, clock, false).oid).toBeUndefined();
  });

  it('reads nothing in a token where the user name is set: it may be opaque', () => {
    const raw = { token: 'opaque-secret', expiresOnTimestamp: nowMs + 60_000 };
    expect(readToken(raw, clock, false)).toMatchObject({ issuedAtMs: nowMs, expiresAtMs: nowMs + 60_000 });
  });

  it('shows its text to nobody who does not ask for it', () => {
    const raw = rawToken({ issuedAtMs: nowMs, expiresAtMs: nowMs + hourMs });
    const token = readToken(raw, clock, true);
    const shown = `${inspect(token, { showHidden: true, depth: 9 })}${JSON.stringify(token)}${format('%s %o', token, token)}`;
    expect(shown).not.toContain(raw.token);
  });
});
