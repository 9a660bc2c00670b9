import { describe, expect, it } from 'vitest';
import { delay } from '../../../src/util/clock.ts';
import { fulfilledWithin, withDeadline } from '../../../src/util/deadline.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const late = (): Error => new Error('late');

function setUp() {
  const clock = new FakeClock();
  const caller = new AbortController();
  const work = Promise.withResolvers<string>();
  const result = withDeadline(clock, clock.nowMs() + 100, work.promise, late, caller.signal);
  return { clock, caller, work, result };
}

describe('a promise with a deadline', () => {
  it('is what it becomes in time, and leaves no timer', async () => {
    const { clock, work, result } = setUp();
    await clock.advance(99);
    work.resolve('done');
    expect(await result).toBe('done');
    expect(clock.pendingTimers).toBe(0);
  });

  it('fails as it fails in time', async () => {
    const { clock, work, result } = setUp();
    work.reject(new Error('broken'));
    await expect(result).rejects.toThrow('broken');
    expect(clock.pendingTimers).toBe(0);
  });

  it('fails at the deadline; that the work fails later is no unhandled rejection', async () => {
    const { clock, work, result } = setUp();
    const outcome = expect(result).rejects.toThrow('late');
    await clock.advance(100);
    await outcome;
    work.reject(new Error('broken'));
    await clock.advance(1);
  });

  it('fails at once when the caller gives up, and leaves no timer', async () => {
    const { clock, caller, work, result } = setUp();
    caller.abort(new Error('given up'));
    await expect(result).rejects.toThrow('given up');
    expect(clock.pendingTimers).toBe(0);
    work.reject(new Error('broken'));
    await clock.advance(1);
  });

  it('fails where the caller had given up before, even if the work fails as well', async () => {
    const clock = new FakeClock();
    const failing = Promise.withResolvers<never>();
    const gone = AbortSignal.abort(new Error('given up'));
    const result = withDeadline(clock, clock.nowMs() + 100, failing.promise, late, gone);
    await expect(result).rejects.toThrow('given up');
    failing.reject(new Error('broken'));
    await clock.advance(1);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('a wait with a limit', () => {
  it('says whether it was fulfilled in time, and leaves no timer', async () => {
    const clock = new FakeClock();
    expect(await fulfilledWithin(clock, 100, Promise.resolve('done'))).toBe(true);
    expect(clock.pendingTimers).toBe(0);
    const work = Promise.withResolvers<void>();
    const waiting = fulfilledWithin(clock, 100, work.promise);
    await clock.advance(100);
    expect(await waiting).toBe(false);
    expect(clock.pendingTimers).toBe(0);
    work.reject(new Error('nobody waits any more'));
  });

  it('fails as it fails in time, and leaves no timer', async () => {
    const clock = new FakeClock();
    await expect(fulfilledWithin(clock, 100, Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('a delay', () => {
  it('ends after its time and listens to its signal no longer', async () => {
    const clock = new FakeClock();
    const caller = new AbortController();
    let ended = false;
    const waiting = delay(clock, 100, caller.signal).then(() => (ended = true));
    await clock.advance(99);
    expect(ended).toBe(false);
    await clock.advance(1);
    await waiting;
    caller.abort();
  });

  it('fails at once when it is aborted, and leaves no timer', async () => {
    const clock = new FakeClock();
    const caller = new AbortController();
    const waiting = delay(clock, 100, caller.signal);
    caller.abort(new Error('given up'));
    await expect(waiting).rejects.toThrow('given up');
    expect(clock.pendingTimers).toBe(0);
  });

  it('does not begin where it was aborted before', async () => {
    const clock = new FakeClock();
    await expect(delay(clock, 100, AbortSignal.abort(new Error('given up')))).rejects.toThrow('given up');
    expect(clock.pendingTimers).toBe(0);
  });
});
