// The states of the token keeper, and what follows from a state alone.

import type { ClockReading } from '../util/clock.ts';
import type { AppError } from '../util/errors.ts';
import { minIntervalMs, type RefreshSituation } from './refresh-policy.ts';
import type { Token } from './token.ts';

/** A token exists only in the state that may hand it out. */
export type KeeperState =
  | { readonly kind: 'idle'; readonly history: History }
  | RunningState
  | { readonly kind: 'stopped'; readonly history: History };

export type RunningState = Running &
  (
    | { readonly kind: 'seeking'; readonly expired: Token | undefined }
    | { readonly kind: 'holding'; readonly token: Token }
  );

interface Running {
  readonly next: Next;
  /** Requests since the last adopted token that failed, were not answered, or brought no later expiry. */
  readonly failedAttempts: number;
  /** By the monotonic clock. */
  readonly lastRequestAtMs: number;
  readonly history: History;
}

/** Either a request is waited for or the time of the next one is set. */
export type Next =
  | { readonly kind: 'awaiting-answer'; readonly request: TokenRequest }
  /**
   * Ends by whichever clock is ahead: the monotonic one stands still while a machine sleeps or is moved, and the
   * wall clock may be put back.
   */
  | { readonly kind: 'pausing'; readonly untilMs: number; readonly untilWallMs: number };

export interface TokenRequest {
  readonly startedAtMs: number;
  readonly timeoutMs: number;
  /** Whether it repeats a request that returned the old token although a new one was to be had. */
  readonly isRepeat: boolean;
}

export interface History {
  readonly requests: number;
  readonly rotations: number;
  readonly lastRotationAtMs: number | undefined;
  /** Since the last rotation. */
  readonly lastFailure: AppError | undefined;
}

const history: History = { requests: 0, rotations: 0, lastRotationAtMs: undefined, lastFailure: undefined };
export const idle: KeeperState = { kind: 'idle', history };

export function isRunning(state: KeeperState): state is RunningState {
  return state.kind === 'seeking' || state.kind === 'holding';
}

/** The token in use, or the one that expired last. */
export function lastToken(state: RunningState): Token | undefined {
  return state.kind === 'holding' ? state.token : state.expired;
}

export function situationOf(state: RunningState, clock: ClockReading): RefreshSituation {
  const token = lastToken(state);
  const nowMs = token?.nowMs(clock) ?? clock.wallMs();
  return { nowMs, token, failedAttempts: state.failedAttempts };
}

/** How long the policy still forbids a request; not above zero when it does not. */
export function minIntervalLeftMs(state: RunningState, clock: ClockReading): number {
  return state.lastRequestAtMs + minIntervalMs(lastToken(state)) - clock.nowMs();
}

/** Until the request that is waited for times out, or the pause ends; not above zero when that is so. */
export function nextLeftMs({ next }: RunningState, clock: ClockReading): number {
  return next.kind === 'awaiting-answer'
    ? next.request.startedAtMs + next.request.timeoutMs - clock.nowMs()
    : Math.min(next.untilMs - clock.nowMs(), next.untilWallMs - clock.wallMs());
}

// A timer goes by the monotonic clock only: this often it is looked whether the wall clock has moved on without it.
const maxTimerMs = 60_000;

/** After how long time alone may change the state; undefined for never. */
export function timerMs(state: KeeperState, clock: ClockReading): number | undefined {
  if (!isRunning(state)) return undefined;
  const expiryMs = state.kind === 'holding' ? state.token.leftMs(clock) : Number.POSITIVE_INFINITY;
  return Math.min(nextLeftMs(state, clock), expiryMs, maxTimerMs);
}
