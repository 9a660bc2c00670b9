import { describe, expect, it } from 'vitest';
import { originFailed, unusable, withOriginTimeout } from '../../../src/origin/origin-timeout.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function setUp(caller = new AbortController()) {
  const clock = new FakeClock();
  const work = Promise.withResolvers<string>();
  let given: AbortSignal | undefined;
  const result = withOriginTimeout(
    { clock, timeLimitMs: 100, signal: caller.signal, where: 'https://origin.example' },
    (signal) => {
      given = signal;
      return work.promise;
    },
  );
  return { clock, caller, work, result, given: () => given };
}

describe('a question to an origin', () => {
  it('ends with its answer, and lets go of the connection', async () => {
    const { clock, work, result, given } = setUp();
    expect(given()?.aborted).toBe(false);
    work.resolve('answer');
    expect(await result).toBe('answer');
    expect(given()?.aborted).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  it('fails when its time is up', async () => {
    const { clock, result, given } = setUp();
    const outcome = expect(result).rejects.toMatchObject({
      code: 'origin-failed',
      message: 'The origin https://origin.example did not answer in full within 100 ms.',
    });
    await clock.advance(100);
    await outcome;
    expect(given()?.aborted).toBe(true);
  });

  it('fails when its caller gives up while it is in flight', async () => {
    const { clock, caller, work, result, given } = setUp();
    caller.abort();
    await expect(result).rejects.toThrow('was given up by its caller');
    expect(given()?.aborted).toBe(true);
    expect(clock.pendingTimers).toBe(0);
    work.reject(new Error('too late'));
    await clock.advance(1);
  });

  it('is not asked where its caller has given up before', async () => {
    const caller = new AbortController();
    caller.abort();
    const { result, given } = setUp(caller);
    await expect(result).rejects.toMatchObject({ code: 'origin-failed' });
    expect(given()).toBeUndefined();
  });

  it('fails with one form of error, whatever was thrown', async () => {
    const first = setUp();
    first.work.reject(new Error('connect ECONNREFUSED.'));
    await expect(first.result).rejects.toMatchObject({
      code: 'origin-failed',
      isOfOneEntry: false,
      message: 'The origin https://origin.example could not be asked: connect ECONNREFUSED.',
      cause: expect.any(Error),
    });
    const second = setUp();
    const failure = unusable('https://origin.example', 'sent nonsense');
    second.work.reject(failure);
    await expect(second.result).rejects.toBe(failure);
    expect(failure.isOfOneEntry).toBe(true);
  });
});

it('a failure says when to ask again where the origin did', () => {
  expect(originFailed('x', 'is busy', { retryAfterSeconds: 5 })).toMatchObject({ retryAfterSeconds: 5 });
});
