import { describe, expect, it } from 'vitest';
import { TokenOnDemand } from '../../../src/auth/token-on-demand.ts';
import { createTokenSource } from '../../../src/auth/token-source.ts';
import { AppError } from '../../../src/util/errors.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { rawToken, ScriptedSource, tokenOf } from '../../support/tokens.ts';

const hourMs = 3_600_000;

function setUp() {
  const clock = new FakeClock();
  const source = new ScriptedSource();
  const tokens = new TokenOnDemand(source, clock);
  /** Lets one request bring a token of an hour. */
  const bring = async () => {
    const token = tokenOf(clock.nowMs(), hourMs);
    source.take().answer(token);
    await settle();
    return token;
  };
  return { clock, source, tokens, bring };
}

describe('a token on demand', () => {
  it('is asked for once by all who need it, and kept', async () => {
    const { clock, source, tokens, bring } = setUp();
    const waiting = Promise.all([tokens.get(), tokens.get(), tokens.get()]);
    const token = await bring();
    expect(await waiting).toEqual([token, token, token]);
    await clock.advance(hourMs / 4);
    expect(await tokens.get()).toBe(token);
    expect(source.requests).toBe(1);
    expect(clock.pendingTimers).toBe(0);
  });

  it('is renewed beside whoever needs it once it is due', async () => {
    const { clock, source, tokens, bring } = setUp();
    const first = tokens.get();
    const old = await bring();
    await first;
    await clock.advance(0.6 * hourMs);
    expect(await tokens.get()).toBe(old);
    expect(await tokens.get()).toBe(old);
    expect(source.requests).toBe(2);
    const renewed = await bring();
    expect(await tokens.get()).toBe(renewed);
    expect(source.requests).toBe(2);
  });

  it('is used until it ends while renewals fail, which are few and nobody else is told of', async () => {
    const { clock, source, tokens, bring } = setUp();
    const first = tokens.get();
    const old = await bring();
    await first;
    await clock.advance(0.9 * hourMs);
    for (let gets = 0; gets < 100; gets += 1) {
      expect(await tokens.get()).toBe(old);
      if (source.pending.length > 0) source.take().fail(new AppError('token-unavailable', 'No.'));
      await clock.advance(100);
    }
    // One each five seconds; a rejection that nobody handles would fail this run.
    expect(source.requests).toBe(3);
    await clock.advance(0.1 * hourMs);
    const last = expect(tokens.get()).rejects.toMatchObject({ code: 'token-unavailable' });
    source.take().fail(new AppError('token-unavailable', 'No.'));
    await last;
  });

  it('that never comes keeps nobody from the next one', async () => {
    const clock = new FakeClock();
    let asked = 0;
    const credential = {
      getToken: () =>
        (asked += 1) === 1
          ? new Promise<never>(() => {})
          : Promise.resolve(rawToken({ issuedAtMs: clock.nowMs(), expiresAtMs: clock.nowMs() + hourMs })),
    };
    const source = createTokenSource({
      credential,
      scope: 's',
      oidRequired: false,
      clock,
      timeLimitMs: 5000,
    });
    const tokens = new TokenOnDemand(source, clock);
    const first = expect(tokens.get()).rejects.toMatchObject({ code: 'token-unavailable' });
    await clock.advance(5000);
    await first;
    await clock.advance(500);
    expect((await tokens.get()).expiresAtMs).toBe(clock.nowMs() + hourMs);
  });

  it('is not asked for anew by each who needs it while the endpoint fails', async () => {
    const { clock, source, tokens, bring } = setUp();
    for (let gets = 0; gets < 100; gets += 1) {
      const refused = expect(tokens.get()).rejects.toMatchObject({ code: 'token-unavailable' });
      if (source.pending.length > 0) source.take().fail(new AppError('token-unavailable', 'No.'));
      await refused;
      await clock.advance(10);
    }
    expect(source.requests).toBe(2);
    const waiting = tokens.get();
    const token = await bring();
    expect(await waiting).toBe(token);
  });

  it('is asked for at once when the clock that was ahead at the failure is put right', async () => {
    const { clock, source, tokens, bring } = setUp();
    clock.jumpWall(hourMs);
    const refused = expect(tokens.get()).rejects.toMatchObject({ code: 'token-unavailable' });
    source.take().fail(new AppError('token-unavailable', 'No.'));
    await refused;
    clock.jumpWall(-hourMs);
    await clock.advance(10_000);
    const waiting = tokens.get();
    const token = await bring();
    expect(await waiting).toBe(token);
  });

  it('is kept while it holds when the wall jumps, and a later one is asked for beside', async () => {
    const { clock, source, tokens, bring } = setUp();
    const waiting = tokens.get();
    const token = await bring();
    await waiting;
    await clock.advance(10_000);
    clock.jumpWall(20 * hourMs);
    expect(await tokens.get()).toBe(token);
    expect(source.pending).toHaveLength(1);
  });
});
