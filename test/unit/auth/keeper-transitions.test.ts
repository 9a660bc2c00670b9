import { beforeEach, describe, expect, it } from 'vitest';
import {
  idle,
  isRunning,
  timerMs,
  type RunningState,
  type TokenRequest,
} from '../../../src/auth/keeper-state.ts';
import {
  onAnswer,
  onFailure,
  onTime,
  request,
  start,
  stop,
  type Moment,
  type Transition,
} from '../../../src/auth/keeper-transitions.ts';
import { Token } from '../../../src/auth/token.ts';
import { AppError } from '../../../src/util/errors.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { tokenOf } from '../../support/tokens.ts';

const hourMs = 3_600_000;
const down = new AppError('token-unavailable', 'down');

let clock: FakeClock;
let at: Moment;

beforeEach(() => {
  clock = new FakeClock();
  at = { clock, random: 0 };
});

const effectsOf = ({ effects }: Transition): unknown[] =>
  effects.map((effect) => (effect.kind === 'emit' ? effect.event.type : effect.kind));

function running({ state }: Transition): RunningState {
  return isRunning(state) ? state : expect.unreachable(`is ${state.kind}`);
}

function requestOf({ next }: RunningState): TokenRequest {
  return next.kind === 'awaiting-answer' ? next.request : expect.unreachable('awaits no answer');
}

function holding(lifetimeMs = hourMs): RunningState {
  const seeking = running(start(idle, at));
  return running(onAnswer(seeking, requestOf(seeking), tokenOf(clock.nowMs(), lifetimeMs), at));
}

describe('starting', () => {
  it('makes the first request', () => {
    const started = start(idle, at);
    expect(started.state).toMatchObject({ kind: 'seeking', history: { requests: 1 } });
    expect(effectsOf(started)).toEqual(['request']);
  });

  it('changes nothing twice, or after a stop', () => {
    for (const state of [running(start(idle, at)), stop(idle).state]) {
      expect(start(state, at)).toEqual({ state, effects: [] });
    }
  });
});

describe('an answer', () => {
  it('with a first token is adopted, and sets the time of the next request', () => {
    const state = holding();
    expect(state).toMatchObject({ kind: 'holding', next: { kind: 'pausing' }, history: { rotations: 1 } });
    expect(timerMs(state, clock)).toBe(60_000);
  });

  it('with a later expiry is adopted after its request was given up, too', () => {
    const first = running(start(idle, at));
    clock.freeze(3000);
    const failed = running(onTime(first, at));
    const adopted = onAnswer(failed, requestOf(first), tokenOf(clock.nowMs(), hourMs), at);
    expect(adopted.state).toMatchObject({ kind: 'holding', failedAttempts: 0 });
    expect(effectsOf(adopted)).toEqual(['tokenRotated', 'hand-out', 'end-renewal']);
  });

  it('without a later expiry is ignored where its request was given up', () => {
    const state = holding();
    const early = requestOf(running(request(state, at)));
    const other = running(request(state, at));
    const token = state.kind === 'holding' ? state.token : expect.unreachable();
    expect(onAnswer(other, early, token, at)).toEqual({ state: other, effects: [] });
  });

  it('with the token at hand is a failed attempt', () => {
    const before = holding();
    const asked = running(request(before, at));
    const token = asked.kind === 'holding' ? asked.token : expect.unreachable();
    const after = onAnswer(asked, requestOf(asked), token, at);
    expect(after.state).toMatchObject({ kind: 'holding', failedAttempts: 1, next: { kind: 'pausing' } });
    expect(effectsOf(after)).toEqual(['tokenNotAdvancing', 'end-renewal']);
  });

  it('with the token at hand, reported with another expiry, is no rotation', () => {
    const asked = running(request(holding(), at));
    const { oid, ...times } = asked.kind === 'holding' ? asked.token : expect.unreachable();
    const text = asked.kind === 'holding' ? asked.token.reveal() : '';
    const again = new Token(text, oid, { ...times, expiresAtMs: times.expiresAtMs + 2000 });
    expect(effectsOf(onAnswer(asked, requestOf(asked), again, at))).toEqual([
      'tokenNotAdvancing',
      'end-renewal',
    ]);
  });

  it('with the token at hand past refreshAfter is asked for once more, and then a failed attempt', () => {
    const token = tokenOf(clock.nowMs(), hourMs, clock.nowMs());
    const seeking = running(start(idle, at));
    const asked = running(request(running(onAnswer(seeking, requestOf(seeking), token, at)), at));
    const repeated = onAnswer(asked, requestOf(asked), token, at);
    expect(effectsOf(repeated)).toEqual(['request']);
    const state = running(repeated);
    expect(requestOf(state).isRepeat).toBe(true);
    expect(onAnswer(state, requestOf(state), token, at).state).toMatchObject({ failedAttempts: 1 });
  });

  it('changes nothing after a stop', () => {
    const state = running(start(idle, at));
    const stopped = stop(state).state;
    const answered = onAnswer(stopped, requestOf(state), tokenOf(clock.nowMs(), hourMs), at);
    expect(answered).toEqual({ state: stopped, effects: [] });
    expect(onFailure(stopped, requestOf(state), down, at).effects).toEqual([]);
  });
});

describe('a failure', () => {
  it('is counted, kept as the reason, and followed by a pause', () => {
    const state = running(start(idle, at));
    const failed = onFailure(state, requestOf(state), down, at);
    expect(failed.state).toMatchObject({
      kind: 'seeking',
      failedAttempts: 1,
      next: { kind: 'pausing' },
      history: { lastFailure: down },
    });
    expect(effectsOf(failed)).toEqual(['tokenRenewalFailed', 'end-renewal']);
  });

  it('of a request that was given up is ignored', () => {
    const first = running(start(idle, at));
    const second = running(request(first, at));
    expect(onFailure(second, requestOf(first), down, at)).toEqual({ state: second, effects: [] });
  });

  it('holds no token text in its reason', () => {
    const state = running(start(idle, at));
    const leaking = new AppError('token-unavailable', 'got eyJhbGciOiJSUzI1NiJ9.eyJvaWQiOiIxIn0.sig');
    const failed = onFailure(state, requestOf(state), leaking, at);
    expect(JSON.stringify(failed.effects)).not.toContain('eyJ');
  });
});

describe('time', () => {
  it('changes nothing before something is due, before the start, or after a stop', () => {
    for (const state of [running(start(idle, at)), holding(), idle, stop(idle).state]) {
      expect(onTime(state, at)).toEqual({ state, effects: [] });
    }
    expect([timerMs(idle, clock), timerMs(stop(idle).state, clock)]).toEqual([undefined, undefined]);
  });

  it('ends a request that is not answered', () => {
    const state = running(start(idle, at));
    expect(timerMs(state, clock)).toBe(3000);
    clock.freeze(3000);
    expect(effectsOf(onTime(state, at))).toEqual(['tokenRenewalFailed', 'end-renewal']);
  });

  it('ends a pause by the monotonic clock or the wall clock', () => {
    const state = holding();
    clock.jumpWall(hourMs / 2);
    expect(effectsOf(onTime(state, at))).toEqual(['request']);
    clock.jumpWall(-hourMs);
    expect(effectsOf(onTime(state, at))).toEqual([]);
    clock.freeze(hourMs / 2);
    expect(effectsOf(onTime(state, at))).toEqual(['request']);
  });

  it('ends a token, and a request in flight goes on', () => {
    const state = holding(10_000);
    clock.freeze(9999);
    const asked = running(request(state, at));
    clock.freeze(1);
    const expired = onTime(asked, at);
    expect(expired.state).toMatchObject({ kind: 'seeking', next: asked.next });
    expect(effectsOf(expired)).toEqual(['tokenExpired']);
  });

  it('does everything that became due while the process was frozen', () => {
    const state = holding();
    clock.freeze(2 * hourMs);
    const resumed = onTime(state, at);
    expect(resumed.state).toMatchObject({ kind: 'seeking', next: { kind: 'awaiting-answer' } });
    expect(effectsOf(resumed)).toEqual(['request', 'tokenExpired']);
  });
});

it('stopping ends the renewal that is waited for', () => {
  expect(stop(holding())).toMatchObject({
    state: { kind: 'stopped', history: { rotations: 1 } },
    effects: [{ kind: 'end-renewal', renewal: { kind: 'failed', reason: 'stopping' } }],
  });
});
