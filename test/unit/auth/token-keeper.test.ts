import { beforeEach, describe, expect, it } from 'vitest';
import { TokenKeeper } from '../../../src/auth/token-keeper.ts';
import { readToken } from '../../../src/auth/token.ts';
import { AppError } from '../../../src/util/errors.ts';
import type { AppEvent } from '../../../src/telemetry/events.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { heardOperations } from '../../support/heard-operations.ts';
import { rawToken, ScriptedSource, tokenOf } from '../../support/tokens.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

let clock: FakeClock;
let source: ScriptedSource;
let events: AppEvent[];
let keeper: TokenKeeper;

beforeEach(() => {
  clock = new FakeClock();
  source = new ScriptedSource();
  events = [];
  keeper = new TokenKeeper({ source, clock, random: () => 0, emit: (event) => events.push(event) });
});

const types = (): string[] => events.map((event) => event.type);
const soon = (): number => clock.nowMs() + 1000;

async function startWith(token = tokenOf(clock.nowMs(), hourMs)): Promise<void> {
  keeper.start();
  source.take().answer(token);
  await settle();
}

/** Moves on until the keeper asks; returns how long that took. */
async function untilAsked(limitMs: number, stepMs = 50): Promise<number> {
  const startedAtMs = clock.nowMs();
  while (source.pending.length === 0) {
    if (clock.nowMs() - startedAtMs > limitMs) throw new Error(`No token request within ${limitMs} ms.`);
    await clock.advance(stepMs);
  }
  return clock.nowMs() - startedAtMs;
}

describe('before the first token', () => {
  it('shares one request among all who wait', async () => {
    keeper.start();
    const waiting = Array.from({ length: 100 }, () => keeper.waitForToken(soon()));
    const token = tokenOf(clock.nowMs(), hourMs);
    source.take().answer(token);
    expect(await Promise.all(waiting)).toEqual(Array.from({ length: 100 }, () => token));
    expect(source.requests).toBe(1);
  });

  it('answers everybody who waits by their own deadline when the credential hangs', async () => {
    keeper.start();
    const early = keeper.waitForToken(clock.nowMs() + 100);
    const late = keeper.waitForToken(clock.nowMs() + 200);
    const outcome = Promise.allSettled([early, late]);
    await clock.advance(100);
    await expect(early).rejects.toMatchObject({ code: 'token-unavailable' });
    await clock.advance(100);
    expect((await outcome).map((one) => one.status)).toEqual(['rejected', 'rejected']);
  });

  it('says at the deadline why the last request failed', async () => {
    keeper.start();
    const waiting = keeper.waitForToken(soon());
    const outcome = expect(waiting).rejects.toThrow('no identity is assigned');
    source.take().fail(new AppError('token-unavailable', 'no identity is assigned'));
    await clock.advance(1000);
    await outcome;
  });

  it('goes on asking after failures, with growing pauses, and never stops for good', async () => {
    keeper.start();
    const pausesMs: number[] = [];
    for (let failures = 1; failures <= 50; failures += 1) {
      source.take().fail(new Error('down'));
      await settle();
      expect(source.pending).toHaveLength(0);
      pausesMs.push(await untilAsked(5500));
    }
    expect(pausesMs.slice(0, 6)).toEqual([500, 1000, 2000, 4000, 5000, 5000]);
    source.take().answer(tokenOf(clock.nowMs(), hourMs));
    await settle();
    expect(keeper.current()).toBeDefined();
    expect(keeper.status()).toMatchObject({ rotations: 1, lastFailure: undefined });
  });

  it('asks again beside a request that hangs, and takes whichever answer comes', async () => {
    keeper.start();
    const hung = source.take();
    await clock.advance(4000);
    expect(source.requests).toBe(2);
    const token = tokenOf(clock.nowMs(), hourMs);
    hung.answer(token);
    await settle();
    expect(keeper.current()).toBe(token);
  });

  it('says at the deadline that nothing was answered yet', async () => {
    keeper.start();
    const outcome = expect(keeper.waitForToken(clock.nowMs() + 100)).rejects.toThrow('has not answered');
    await clock.advance(100);
    await outcome;
  });

  it('refuses to renew before it was started', async () => {
    expect(await keeper.renew()).toMatchObject({ kind: 'failed' });
    expect(source.requests).toBe(0);
  });
});

describe('holding a token', () => {
  it('renews by itself at half-life and tells who listens once', async () => {
    await startWith();
    const adopted: number[] = [];
    keeper.onRotation((token) => adopted.push(token.expiresAtMs));
    await clock.advance(hourMs / 2 - 1);
    expect(source.requests).toBe(1);
    await clock.advance(1);
    const next = tokenOf(clock.nowMs(), hourMs);
    source.take().answer(next);
    await settle();
    expect(adopted).toEqual([next.expiresAtMs]);
    expect(keeper.current()).toBe(next);
    expect(types()).toEqual(['tokenRotated', 'tokenRotated']);
  });

  it('asks at once a second time when a call past refreshAfter returned the old token', async () => {
    const first = tokenOf(clock.nowMs(), dayMs, clock.nowMs() + dayMs / 2);
    await startWith(first);
    await clock.advance(dayMs / 2 + 1000);
    source.take().answer(first);
    await settle();
    expect(source.requests).toBe(3);
    const second = tokenOf(clock.nowMs(), dayMs);
    source.take().answer(second);
    await settle();
    expect(keeper.current()).toBe(second);
    expect(types()).toEqual(['tokenRotated', 'tokenRotated']);
  });

  it('never adopts a token that does not advance, and asks ever denser towards expiry', async () => {
    const first = tokenOf(clock.nowMs(), hourMs);
    await startWith(first);
    await clock.advance(hourMs / 2);
    const askedAtMs: number[] = [];
    while (clock.nowMs() < first.expiresAtMs - 5 * 60_000) {
      if (source.pending.length > 0) {
        askedAtMs.push(clock.nowMs());
        source.take().answer(first);
      }
      await clock.advance(1000);
    }
    expect(keeper.status()).toMatchObject({ rotations: 1 });
    expect(askedAtMs.length).toBeGreaterThan(5);
    expect(askedAtMs.length).toBeLessThan(20);
    expect(types().filter((type) => type === 'tokenNotAdvancing')).toHaveLength(askedAtMs.length);
  });

  it('does not let the late answer of an abandoned request replace a newer token', async () => {
    await startWith();
    await clock.advance(hourMs / 2);
    const hung = source.take();
    await clock.advance(30_000);
    const newer = tokenOf(clock.nowMs(), hourMs);
    const older = tokenOf(clock.nowMs() - 60_000, hourMs);
    await clock.advance(60_000);
    source.take().answer(newer);
    await settle();
    expect(keeper.current()).toBe(newer);
    hung.answer(older);
    await settle();
    expect(keeper.current()).toBe(newer);
    expect(keeper.status().rotations).toBe(2);
  });

  it('never hands out an expired token, and says when it expired', async () => {
    const first = tokenOf(clock.nowMs(), hourMs);
    await startWith(first);
    while (clock.nowMs() < first.expiresAtMs) {
      while (source.pending.length > 0) source.take().fail(new Error('down'));
      await clock.advance(1000);
    }
    expect(keeper.current()).toBeUndefined();
    expect(types()).toContain('tokenExpired');
    const refused = expect(keeper.waitForToken(soon())).rejects.toMatchObject({ code: 'token-unavailable' });
    await clock.advance(1000);
    await refused;
  });

  it('never hands out an expired token after the process was frozen', async () => {
    await startWith();
    clock.freeze(2 * hourMs);
    expect(keeper.current()).toBeUndefined();
    await clock.advance(0);
    expect(source.pending).toHaveLength(1);
    source.take().answer(tokenOf(clock.nowMs(), hourMs));
    await settle();
    expect(keeper.current()).toBeDefined();
  });

  it('takes the same token again when the clock that called it expired is put right', async () => {
    clock.jumpWall(23.5 * hourMs);
    const { issuedAtMs, expiresAtMs } = tokenOf(clock.nowMs(), dayMs);
    const raw = rawToken({ issuedAtMs, expiresAtMs });
    await startWith(readToken(raw, clock, true));
    await clock.advance(hourMs / 2 + 1);
    expect(keeper.current()).toBeUndefined();
    clock.jumpWall(-23.5 * hourMs);
    while (source.pending.length > 1) source.take();
    const right = readToken(raw, clock, true);
    source.take().answer(right);
    await settle();
    expect(keeper.current()).toBe(right);
    expect(await untilAsked(dayMs / 2, 60_000)).toBeGreaterThan(11 * hourMs);
  });

  it('may be told to renew after a clock that was ahead is put right', async () => {
    await startWith(tokenOf(clock.nowMs(), dayMs));
    clock.jumpWall(6 * hourMs);
    await clock.advance(10_000);
    const ahead = keeper.renew();
    source.take().fail(new Error('down'));
    expect((await ahead).kind).toBe('failed');
    clock.jumpWall(-6 * hourMs);
    await clock.advance(10_000);
    void keeper.renew();
    expect(source.pending).toHaveLength(1);
  });

  it('starts afresh after a success: the failures before it do not count', async () => {
    await startWith();
    await clock.advance(hourMs / 2);
    for (let failures = 0; failures < 5; failures += 1) {
      source.take().fail(new Error('down'));
      await settle();
      await untilAsked(hourMs / 4);
    }
    source.take().answer(tokenOf(clock.nowMs(), hourMs));
    await settle();
    const requests = source.requests;
    await clock.advance(hourMs / 2 - 1000);
    expect(source.requests).toBe(requests);
    await clock.advance(1000);
    expect(source.requests).toBe(requests + 1);
  });
});

describe('asked to renew', () => {
  it('does nothing before a renewal is due', async () => {
    await startWith();
    await clock.advance(60_000);
    expect(await keeper.renewIfDue()).toEqual({ kind: 'not-due' });
    expect(source.requests).toBe(1);
  });

  it('never asks more often than the floor, however often it is told to', async () => {
    await startWith();
    await clock.advance(10_000);
    const first = keeper.renew();
    source.take().answer(tokenOf(clock.nowMs(), hourMs));
    expect(await first).toMatchObject({ kind: 'rotated' });
    const more = await Promise.all(Array.from({ length: 1000 }, () => keeper.renew()));
    expect(more.every((renewal) => renewal.kind === 'not-due')).toBe(true);
    expect(source.requests).toBe(2);
  });

  it('reports a failure without throwing', async () => {
    await startWith();
    await clock.advance(10_000);
    const renewal = keeper.renew();
    source.take().fail(new Error('the endpoint is down'));
    expect(await renewal).toEqual({ kind: 'failed', reason: 'the endpoint is down' });
  });
});

describe('stopping', () => {
  it('answers who waits, aborts the request in flight and leaves no timer', async () => {
    keeper.start();
    const waiting = keeper.waitForToken(soon());
    const renewing = keeper.renew();
    const inFlight = source.take();
    keeper.stop();
    await expect(waiting).rejects.toMatchObject({ code: 'stopped' });
    expect(await renewing).toMatchObject({ kind: 'failed' });
    expect(inFlight.signal.aborted).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  it('ignores what arrives afterwards', async () => {
    keeper.start();
    const inFlight = source.take();
    keeper.stop();
    inFlight.answer(tokenOf(clock.nowMs(), hourMs));
    await clock.advance(dayMs);
    expect(keeper.current()).toBeUndefined();
    expect(events).toEqual([]);
    expect(source.requests).toBe(1);
    await expect(keeper.waitForToken(soon())).rejects.toMatchObject({ code: 'stopped' });
  });

  it('may be told twice, and ends what was to be heard of rotations', async () => {
    await startWith();
    const stopListening = keeper.onRotation(() => expect.unreachable());
    keeper.stop();
    keeper.stop();
    stopListening();
    expect(keeper.status()).toMatchObject({ state: 'stopped', rotations: 1, requests: 1 });
    expect(await keeper.renew()).toEqual({ kind: 'failed', reason: 'token keeper is stopped' });
  });

  it('leaves no timer when it held a token', async () => {
    await startWith();
    keeper.stop();
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('a clock on the wall that jumps', () => {
  const jumps = [hourMs, -hourMs, 30 * hourMs, -30 * hourMs];

  it.each(jumps)('by %i ms ends no token that holds, and keeps none that does not', async (jumpMs) => {
    const token = tokenOf(clock.nowMs(), dayMs);
    await startWith(token);
    clock.jumpWall(jumpMs);
    await clock.advance(dayMs - 1);
    expect(keeper.current()).toBe(token);
    expect(keeper.status().timeLeftMs).toBe(1);
    await clock.advance(1);
    expect(keeper.current()).toBeUndefined();
    expect(types().filter((type) => type === 'tokenExpired')).toHaveLength(1);
  });

  it.each(jumps)('by %i ms delays no renewal', async (jumpMs) => {
    await startWith(tokenOf(clock.nowMs(), dayMs));
    clock.jumpWall(jumpMs);
    expect(await untilAsked(dayMs, 60_000)).toBeLessThanOrEqual(dayMs / 2);
  });

  it.each(jumps)('by %i ms in the middle of a back-off does not prolong it', async (jumpMs) => {
    await startWith(tokenOf(clock.nowMs(), dayMs));
    await clock.advance(dayMs / 2);
    source.take().fail(new Error('down'));
    await settle();
    clock.jumpWall(jumpMs);
    expect(await untilAsked(40_000)).toBeLessThanOrEqual(30_050);
  });

  it('forward may be a machine that slept: it is asked within a minute whether there is a later token', async () => {
    await startWith(tokenOf(clock.nowMs(), dayMs));
    await clock.advance(1000);
    clock.jumpWall(20 * hourMs);
    expect(await untilAsked(61_000)).toBeLessThanOrEqual(60_000);
    const token = tokenOf(clock.nowMs() + 20 * hourMs, dayMs);
    source.take().answer(token);
    await settle();
    expect(keeper.current()).toBe(token);
  });

  it('forward is asked about once, not every minute', async () => {
    const token = tokenOf(clock.nowMs(), dayMs);
    await startWith(token);
    clock.jumpWall(20 * hourMs);
    await untilAsked(61_000);
    source.take().answer(token);
    await settle();
    const { requests } = source;
    await clock.advance(29_000);
    expect(source.requests).toBe(requests);
  });

  it('that was slow when the token came does not make it last longer than it lives', async () => {
    clock.jumpWall(-5 * hourMs);
    const raw = rawToken({ issuedAtMs: clock.nowMs(), expiresAtMs: clock.nowMs() + hourMs });
    await startWith(readToken(raw, clock, true));
    expect(keeper.status().timeLeftMs).toBe(hourMs);
  });
});

describe('a request for a token', () => {
  it('is an operation of its own, whoever asks, and says what came of it', async () => {
    const heard = heardOperations();
    const results = (): unknown[] =>
      heard.all.map(({ operation }) => operation.type === 'tokenRequest' && operation.outcome);
    await startWith();
    expect(results()).toEqual(['rotated']);
    await clock.advance(hourMs / 2);
    await untilAsked(hourMs);
    source.take().fail(new AppError('token-unavailable', 'No answer.'));
    await settle();
    expect(results()).toEqual(['rotated', 'failed']);
    expect(heard.tree).toEqual(['tokenRequest in nothing', 'tokenRequest in nothing']);
    expect(heard.all.every(({ isEnded }) => isEnded)).toBe(true);
  });
});
