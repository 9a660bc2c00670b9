// What an event makes of a state of the token keeper, and what is to be done for it: pure functions.

import type { AppEvent } from '../telemetry/events.ts';
import type { ClockReading } from '../util/clock.ts';
import { AppError, describe } from '../util/errors.ts';
import {
  minIntervalLeftMs,
  isRunning,
  lastToken,
  nextLeftMs,
  situationOf,
  type KeeperState,
  type RunningState,
  type TokenRequest,
} from './keeper-state.ts';
import { nextCallBringsNewToken, nextRequestAtMs, requestTimeoutMs } from './refresh-policy.ts';
import type { Token } from './token.ts';

/** How a renewal that somebody asked for ended. */
export type Renewal =
  | { readonly kind: 'rotated'; readonly expiresAtMs: number }
  | { readonly kind: 'not-due' }
  | { readonly kind: 'not-advancing' }
  | { readonly kind: 'failed'; readonly reason: string };

export type KeeperEffect =
  | { readonly kind: 'request'; readonly request: TokenRequest }
  | { readonly kind: 'emit'; readonly event: AppEvent }
  | { readonly kind: 'hand-out'; readonly token: Token }
  | { readonly kind: 'end-renewal'; readonly renewal: Renewal };

export interface Transition {
  readonly state: KeeperState;
  readonly effects: readonly KeeperEffect[];
}

export interface Moment {
  readonly clock: ClockReading;
  /** A number in [0, 1). */
  readonly random: number;
}

export function start(state: KeeperState, at: Moment): Transition {
  if (state.kind !== 'idle') return { state, effects: [] };
  const pausing = { kind: 'pausing', untilMs: at.clock.nowMs(), untilWallMs: at.clock.wallMs() } as const;
  const lastRequestAtMs = Number.NEGATIVE_INFINITY;
  const { history } = state;
  return request(
    { kind: 'seeking', expired: undefined, next: pausing, failedAttempts: 0, lastRequestAtMs, history },
    at,
  );
}

export function stop({ history }: KeeperState): Transition {
  return {
    state: { kind: 'stopped', history },
    effects: [{ kind: 'end-renewal', renewal: { kind: 'failed', reason: 'stopping' } }],
  };
}

/** Asks for a token now; an answer to an earlier request is used as well, if it brings a later expiry. */
export function request(state: RunningState, { clock }: Moment, isRepeat = false): Transition {
  const timeoutMs = requestTimeoutMs(situationOf(state, clock));
  const started: TokenRequest = { startedAtMs: clock.nowMs(), timeoutMs, isRepeat };
  return {
    state: {
      ...state,
      next: { kind: 'awaiting-answer', request: started },
      lastRequestAtMs: started.startedAtMs,
      history: { ...state.history, requests: state.history.requests + 1 },
    },
    effects: [{ kind: 'request', request: started }],
  };
}

export function onAnswer(state: KeeperState, answered: TokenRequest, token: Token, at: Moment): Transition {
  if (!isRunning(state)) return { state, effects: [] };
  const { clock } = at;
  const requestMs = clock.nowMs() - answered.startedAtMs;
  const last = lastToken(state);
  // Whichever request brought it, and however late: only a later expiry counts. While no token is held, one that
  // is still valid will do: a wall clock that has been corrected since may have made the last one look expired.
  const isValidAgain = state.kind === 'seeking' && token.leftMs(clock) > 0;
  if (last === undefined || token.expiresAtMs > last.expiresAtMs || isValidAgain) {
    return adopt(state, token, requestMs, at);
  }
  if (!isAwaited(state, answered)) return { state, effects: [] };
  if (!answered.isRepeat && nextCallBringsNewToken(last, last.nowMs(clock))) {
    return request(state, at, true);
  }
  const failedAttempts = state.failedAttempts + 1;
  const timeLeftMs = last.leftMs(clock);
  return {
    state: pause({ ...state, failedAttempts }, at),
    effects: [
      { kind: 'emit', event: { type: 'tokenNotAdvancing', requestMs, failedAttempts, timeLeftMs } },
      { kind: 'end-renewal', renewal: { kind: 'not-advancing' } },
    ],
  };
}

/** Without effect for a request that is no longer waited for. */
export function onFailure(state: KeeperState, failed: TokenRequest, error: AppError, at: Moment): Transition {
  if (!isRunning(state) || !isAwaited(state, failed)) return { state, effects: [] };
  const failedAttempts = state.failedAttempts + 1;
  const reason = describe(error);
  const requestMs = at.clock.nowMs() - failed.startedAtMs;
  const timeLeftMs = Math.max(lastToken(state)?.leftMs(at.clock) ?? 0, 0);
  const history = { ...state.history, lastFailure: error };
  return {
    state: pause({ ...state, failedAttempts, history }, at),
    effects: [
      {
        kind: 'emit',
        event: { type: 'tokenRenewalFailed', reason, requestMs, failedAttempts, timeLeftMs },
      },
      { kind: 'end-renewal', renewal: { kind: 'failed', reason } },
    ],
  };
}

/** What is due is done: a request times out, the pause before the next one ends, the token expires. */
export function onTime(state: KeeperState, at: Moment): Transition {
  if (!isRunning(state)) return { state, effects: [] };
  const first = nextLeftMs(state, at.clock) > 0 ? { state, effects: [] } : endOfNext(state, at);
  const second = expire(first.state, at);
  return { state: second.state, effects: [...first.effects, ...second.effects] };
}

function endOfNext(state: RunningState, at: Moment): Transition {
  if (state.next.kind === 'pausing') return request(state, at);
  const { request: awaited } = state.next;
  const message = `The credential has not answered for ${Math.round(awaited.timeoutMs)} ms.`;
  return onFailure(state, awaited, new AppError('token-unavailable', message), at);
}

function expire(state: KeeperState, at: Moment): Transition {
  if (state.kind !== 'holding' || state.token.leftMs(at.clock) > 0) return { state, effects: [] };
  const { token, ...rest } = state;
  const { failedAttempts } = state;
  const seeking: RunningState = { ...rest, kind: 'seeking', expired: token };
  return {
    state: state.next.kind === 'pausing' ? pause(seeking, at) : seeking,
    effects: [
      { kind: 'emit', event: { type: 'tokenExpired', expiredAtMs: token.expiresAtMs, failedAttempts } },
    ],
  };
}

function adopt(state: RunningState, token: Token, requestMs: number, at: Moment): Transition {
  const { clock } = at;
  const { requests, rotations } = state.history;
  const history = { requests, rotations: rotations + 1, lastRotationAtMs: clock.wallMs() };
  const { next, lastRequestAtMs } = state;
  const holding: RunningState = {
    kind: 'holding',
    token,
    next,
    failedAttempts: 0,
    lastRequestAtMs,
    history: { ...history, lastFailure: undefined },
  };
  const { expiresAtMs } = token;
  const [timeLeftMs, previousTimeLeftMs] = [token.leftMs(clock), lastToken(state)?.leftMs(clock)];
  return {
    state: pause(holding, at),
    effects: [
      {
        kind: 'emit',
        event: { type: 'tokenRotated', expiresAtMs, timeLeftMs, previousTimeLeftMs, requestMs },
      },
      { kind: 'hand-out', token },
      { kind: 'end-renewal', renewal: { kind: 'rotated', expiresAtMs } },
    ],
  };
}

/** Sets the time of the next request by the policy; no request is waited for any longer. */
function pause(state: RunningState, { clock, random }: Moment): RunningState {
  const situation = situationOf(state, clock);
  const preferredMs = nextRequestAtMs(situation, random) - situation.nowMs;
  const pauseMs = Math.max(preferredMs, minIntervalLeftMs(state, clock), 0);
  const next = {
    kind: 'pausing',
    untilMs: clock.nowMs() + pauseMs,
    untilWallMs: clock.wallMs() + pauseMs,
  } as const;
  return { ...state, next };
}

function isAwaited({ next }: RunningState, one: TokenRequest): boolean {
  return next.kind === 'awaiting-answer' && next.request === one;
}
