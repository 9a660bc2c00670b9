import { describe, expect, it } from 'vitest';
import { createTokenSource, type TokenCredentialLike } from '../../../src/auth/token-source.ts';
import { AppError } from '../../../src/util/errors.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { rawToken, testOid } from '../../support/tokens.ts';

const scope = 'https://redis.azure.com/.default';

function sourceOver(credential: TokenCredentialLike, clock = new FakeClock()) {
  return createTokenSource({ credential, scope, oidRequired: true, clock, timeLimitMs: 1000 });
}

const never = (): AbortSignal => new AbortController().signal;

describe('a token source', () => {
  it('asks any credential for its scope', async () => {
    const clock = new FakeClock();
    const asked: unknown[] = [];
    const raw = rawToken({ issuedAtMs: clock.nowMs(), expiresAtMs: clock.nowMs() + 60_000 });
    const source = sourceOver(
      {
        getToken: (scopes) => {
          asked.push(scopes);
          return Promise.resolve(raw);
        },
      },
      clock,
    );
    expect((await source.request(never())).oid).toBe(testOid);
    expect(asked).toEqual([scope]);
  });

  it('gives up a credential that never answers and tells it so', async () => {
    const clock = new FakeClock();
    let told: AbortSignal | undefined;
    const source = sourceOver(
      {
        getToken: (_scopes, options) => {
          told = options?.abortSignal;
          return new Promise(() => {});
        },
      },
      clock,
    );
    const outcome = expect(source.request(never())).rejects.toMatchObject({ code: 'token-unavailable' });
    await clock.advance(1000);
    await outcome;
    expect(told?.aborted).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  it('gives up when it is told to stop', async () => {
    const stopping = new AbortController();
    const clock = new FakeClock();
    const request = sourceOver({ getToken: () => new Promise(() => {}) }, clock).request(stopping.signal);
    stopping.abort(new AppError('stopped', 'Stopping.'));
    await expect(request).rejects.toMatchObject({ code: 'stopped' });
    expect(clock.pendingTimers).toBe(0);
  });

  it('does not ask when it was told to stop before', async () => {
    const getToken = () => expect.unreachable();
    const stopped = AbortSignal.abort(new AppError('stopped', 'Stopping.'));
    await expect(sourceOver({ getToken }).request(stopped)).rejects.toMatchObject({ code: 'stopped' });
  });

  it('ignores a credential that fails after it was given up', async () => {
    const clock = new FakeClock();
    const answer = Promise.withResolvers<never>();
    const request = sourceOver({ getToken: () => answer.promise }, clock).request(never());
    const outcome = expect(request).rejects.toThrow('did not answer within 1000 ms');
    await clock.advance(1000);
    await outcome;
    answer.reject(new Error('too late'));
    await clock.advance(1);
  });

  it('refuses a token that has expired', async () => {
    const clock = new FakeClock();
    const raw = rawToken({ issuedAtMs: clock.nowMs() - 2000, expiresAtMs: clock.nowMs() - 1000 });
    const request = sourceOver({ getToken: () => Promise.resolve(raw) }, clock).request(never());
    await expect(request).rejects.toMatchObject({ code: 'token-refused' });
    expect(clock.pendingTimers).toBe(0);
  });

  it.each([
    ['rejects', () => Promise.reject(new Error('AADSTS700016: no such application'))],
    [
      'throws',
      () => {
        throw new Error('AADSTS700016: no such application');
      },
    ],
  ])('passes on why, when the credential %s', async (_how, getToken) => {
    const request = sourceOver({ getToken }).request(never());
    await expect(request).rejects.toMatchObject({
      code: 'token-unavailable',
      message: expect.stringContaining('AADSTS700016'),
      cause: expect.any(Error),
    });
  });

  it('says so when the credential returns nothing', async () => {
    const request = sourceOver({ getToken: () => Promise.resolve(null) }).request(never());
    await expect(request).rejects.toThrow('returned no token');
  });
});
