// Tokens of 24 hours and the real SDK under a shifted clock: what MSAL really hands out past half-life.

import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { createCredential } from '../../src/auth/credential.ts';
import { TokenKeeper } from '../../src/auth/token-keeper.ts';
import { createTokenSource } from '../../src/auth/token-source.ts';
import { startIdentityEndpoint, type IdentityEndpoint } from '../../local/identity-endpoint.ts';
import { createTokenIssuer, systemAssigned } from '../../local/token-issuer.ts';
import type { AppEvent } from '../../src/telemetry/events.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { eventually } from '../support/eventually.ts';
import { adoptIdentity } from '../support/managed-identity.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
let endpoint: IdentityEndpoint;
let clock: FakeClock;
let keeper: TokenKeeper;
let events: AppEvent[];

beforeAll(async () => {
  const issuer = await createTokenIssuer();
  // A new token is to be had a little before MSAL asks for it at half-life.
  const reuseForLifeFraction = 0.49;
  endpoint = await startIdentityEndpoint({
    issuer,
    tokenLifetimeMs: dayMs,
    systemAssigned,
    reuseForLifeFraction,
  });
  adoptIdentity(endpoint);
  vi.useFakeTimers({ toFake: ['Date'] });
});
afterAll(async () => {
  vi.useRealTimers();
  await endpoint.stop();
});

let startMs = Date.UTC(2026, 0, 1);

beforeEach(async () => {
  // Each test begins after every token of the one before has expired.
  startMs += 10 * dayMs;
  vi.setSystemTime(startMs);
  endpoint.setBehaviour('normal');
  endpoint.forget();
  clock = new FakeClock(startMs);
  events = [];
  keeper = new TokenKeeper({
    source: createTokenSource({
      credential: createCredential({ kind: 'managed-identity', clientId: undefined }),
      scope: 'https://redis.azure.com/.default',
      oidRequired: true,
      clock,
    }),
    clock,
    random: () => 0,
    emit: (event) => events.push(event),
  });
  keeper.start();
  await eventually(() => expect(keeper.current()).toBeDefined());
});
afterEach(() => keeper.stop());

/** Moves the clock of the app, of MSAL and of the endpoint together; timers fire as they come due. */
async function advanceTo(ms: number): Promise<void> {
  vi.setSystemTime(ms);
  await clock.advance(ms - clock.nowMs());
}

/** Moves on in steps of a second, with real time for real answers in between, until `done`. */
async function advanceUntil(done: () => boolean, limitMs: number): Promise<void> {
  const untilMs = clock.nowMs() + limitMs;
  while (!done()) {
    if (clock.nowMs() > untilMs) throw new Error(`Not within ${limitMs} ms of the app's time.`);
    await advanceTo(clock.nowMs() + 1000);
    await new Promise((resolve) => {
      setTimeout(resolve, 15);
    });
  }
}

const rotations = (): number => events.filter(({ type }) => type === 'tokenRotated').length;

it('learns from the SDK when to renew: refreshAfter is half of the 24 hours', async () => {
  const token = keeper.current();
  expect(token?.refreshAfterMs).toBeGreaterThan(startMs + 11.9 * hourMs);
  expect(token?.refreshAfterMs).toBeLessThanOrEqual(startMs + 12 * hourMs + 1000);
  const calls = endpoint.calls.length;
  await advanceTo(startMs + 11.9 * hourMs);
  expect(endpoint.calls.length).toBe(calls);
});

it('ends one renewal with the fresh token, although the SDK returns the old one first', async () => {
  const first = keeper.current();
  const calls = endpoint.calls.length;
  await advanceTo((first?.refreshAfterMs ?? 0) - 1000);
  await advanceUntil(() => rotations() === 2, 10_000);
  expect(keeper.current()?.expiresAtMs).toBeGreaterThan((first?.expiresAtMs ?? 0) + 11 * hourMs);
  // One call fetched it; asking again was served from MSAL's cache.
  expect(endpoint.calls.length - calls).toBe(1);
  expect(events.map(({ type }) => type)).toEqual(['tokenRotated', 'tokenRotated']);
});

it('is told of no success while the endpoint fails, keeps the token, and recovers unaided', async () => {
  const first = keeper.current();
  endpoint.setBehaviour('fail');
  await advanceTo((first?.refreshAfterMs ?? 0) - 1000);
  await advanceUntil(() => events.length > 1, 60_000);
  expect(keeper.current()).toBe(first);
  endpoint.setBehaviour('normal');
  // The pause after a first setback is 30 s.
  await advanceUntil(() => rotations() === 2, 60_000);
});
