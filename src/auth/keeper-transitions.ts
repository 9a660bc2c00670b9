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
  type History,
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

const unchanged = (state: KeeperState): Transition => ({ state, effects: [] });
const emit = (event: AppEvent): KeeperEffect => ({ kind: 'emit', event });
const endRenewal = (renewal: Renewal): KeeperEffect => ({ kind: 'end-renewal', renewal });

export function start(state: KeeperState, at: Moment): Transition {
  if (state.kind !== 'idle') return unchanged(state);
  const pausing = { kind: 'pausing', untilMs: 0, untilWallMs: 0 } as const;
  const lastRequestAtMs = Number.NEGATIVE_INFINITY;
  const { history } = state;
  return request(
    { kind: 'seeking', expired: undefined, next: pausing, failedAttempts: 0, lastRequestAtMs, history },
    at,
  );
}

export function stop({ history }: KeeperState): Transition {
  const effects = [endRenewal({ kind: 'failed', reason: 'stopping' })];
  return { state: { kind: 'stopped', history }, effects };
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
  if (!isRunning(state)) return unchanged(state);
  const { clock } = at;
  const requestMs = clock.nowMs() - answered.startedAtMs;
  const last = lastToken(state);
  // Whichever request brought it, and however late: only a later expiry counts. While no token is held, one that
  // is still valid will do: a wall clock that has been corrected since may have made the last one look expired.
  const isValidAgain = state.kind === 'seeking' && token.leftMs(clock) > 0;
  const isLater = last === undefined || (token.expiresAtMs > last.expiresAtMs && !token.isSameAs(last));
  if (isLater || isValidAgain) {
    return adopt(state, token, requestMs, at);
  }
  if (!isAwaited(state, answered)) return unchanged(state);
  if (!answered.isRepeat && nextCallBringsNewToken(last, last.nowMs(clock))) {
    return request(state, at, true);
  }
  const failedAttempts = state.failedAttempts + 1;
  const timeLeftMs = last.leftMs(clock);
  return {
    state: pause({ ...state, failedAttempts }, at),
    effects: [
      emit({ type: 'tokenNotAdvancing', requestMs, failedAttempts, timeLeftMs }),
      endRenewal({ kind: 'not-advancing' }),
    ],
  };
}

/** Without effect for a request that is no longer waited for. */
export function onFailure(state: KeeperState, failed: TokenRequest, error: AppError, at: Moment): Transition {
  if (!isRunning(state) || !isAwaited(state, failed)) return unchanged(state);
  const failedAttempts = state.failedAttempts + 1;
  const reason = describe(error);
  const requestMs = at.clock.nowMs() - failed.startedAtMs;
  const timeLeftMs = Math.max(lastToken(state)?.leftMs(at.clock) ?? 0, 0);
  const history = { ...state.history, lastFailure: error };
  return {
    state: pause({ ...state, failedAttempts, history }, at),
    effects: [
      emit({ type: 'tokenRenewalFailed', reason, requestMs, failedAttempts, timeLeftMs }),
      endRenewal({ kind: 'failed', reason }),
    ],
  };
}

/** What is due is done: a request times out, the pause before the next one ends, the token expires. */
export function onTime(state: KeeperState, at: Moment): Transition {
  if (!isRunning(state)) return unchanged(state);
  const first = nextLeftMs(state, at.clock) > 0 ? unchanged(state) : endOfNext(state, at);
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
  if (state.kind !== 'holding' || state.token.leftMs(at.clock) > 0) return unchanged(state);
  const { token, ...rest } = state;
  const { failedAttempts } = state;
  const seeking: RunningState = { ...rest, kind: 'seeking', expired: token };
  return {
    state: state.next.kind === 'pausing' ? pause(seeking, at) : seeking,
    effects: [emit({ type: 'tokenExpired', expiredAtMs: token.expiresAtMs, failedAttempts })],
  };
}

function adopt(state: RunningState, token: Token, requestMs: number, at: Moment): Transition {
  const { clock } = at;
  const { next, lastRequestAtMs, history: before } = state;
  const history: History = {
    ...before,
    rotations: before.rotations + 1,
    lastRotationAtMs: clock.wallMs(),
    lastFailure: undefined,
  };
  const { expiresAtMs } = token;
  const [timeLeftMs, previousTimeLeftMs] = [token.leftMs(clock), lastToken(state)?.leftMs(clock)];
  return {
    state: pause({ kind: 'holding', token, next, failedAttempts: 0, lastRequestAtMs, history }, at),
    effects: [
      emit({ type: 'tokenRotated', expiresAtMs, timeLeftMs, previousTimeLeftMs, requestMs }),
      { kind: 'hand-out', token },
      endRenewal({ kind: 'rotated', expiresAtMs }),
    ],
  };
}

/** Sets the time of the next request by the policy; no request is waited for any longer. */
function pause(state: RunningState, { clock, random }: Moment): RunningState {
  const situation = situationOf(state, clock);
  const preferredMs = nextRequestAtMs(situation, random) - situation.nowMs;
  const pauseMs = Math.max(preferredMs, minIntervalLeftMs(state, clock), 0);
  const [untilMs, untilWallMs] = [clock.nowMs() + pauseMs, clock.wallMs() + pauseMs];
  return { ...state, next: { kind: 'pausing', untilMs, untilWallMs } };
}

function isAwaited({ next }: RunningState, one: TokenRequest): boolean {
  return next.kind === 'awaiting-answer' && next.request === one;
}
