// Holds the current token and renews it by itself: a state machine whose transitions are in keeper-transitions.ts.

import type { Emit } from '../telemetry/events.ts';
import { operation, type Operation } from '../telemetry/operations.ts';
import type { Clock } from '../util/clock.ts';
import { DeadlineQueue } from '../util/deadline-queue.ts';
import { deferred } from '../util/deferred.ts';
import { AppError, describe } from '../util/errors.ts';
import { outsideCalls } from '../util/outside-calls.ts';
import {
  idle,
  isRunning,
  minIntervalLeftMs,
  timerMs,
  type KeeperState,
  type TokenRequest,
} from './keeper-state.ts';
import {
  onAnswer,
  onFailure,
  onTime,
  request,
  start,
  stop,
  type KeeperEffect,
  type Moment,
  type Renewal,
  type Transition,
} from './keeper-transitions.ts';
import { dueAtMs } from './refresh-policy.ts';
import type { TokenSource } from './token-source.ts';
import type { Token } from './token.ts';

export interface KeeperStatus {
  readonly state: 'idle' | 'seeking' | 'holding' | 'stopped';
  readonly expiresAtMs: number | undefined;
  /** By the monotonic clock, whatever the wall clock shows. */
  readonly timeLeftMs: number | undefined;
  readonly lastRotationAtMs: number | undefined;
  readonly rotations: number;
  readonly requests: number;
  readonly lastFailure: string | undefined;
}

export interface TokenKeeperOptions {
  readonly source: TokenSource;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly emit: Emit;
}

export class TokenKeeper {
  readonly #options: TokenKeeperOptions;
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  readonly #tokenWaiters: DeadlineQueue<Token>;
  readonly #rotationListeners = new Set<(token: Token) => void>();
  #renewal = deferred<Renewal>();
  #state: KeeperState = idle;
  #cancelTimer = (): void => {};

  constructor(options: TokenKeeperOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#tokenWaiters = new DeadlineQueue(options.clock);
  }

  /** Asks for the first token at once and keeps renewing from then on. Calling it again changes nothing. */
  start(): void {
    this.#apply(start(this.#state, this.#moment()));
  }

  /** Stops for good: gives up what is in flight and answers everybody who waits. */
  stop(): void {
    if (this.#state.kind === 'stopped') return;
    this.#apply(stop(this.#state));
    this.#stopping.abort(stoppedError());
    this.#tokenWaiters.rejectAll(stoppedError());
    this.#rotationListeners.clear();
  }

  /** The token in use. Never an expired one, also when the process was frozen past its expiry. */
  current(): Token | undefined {
    if (this.#state.kind !== 'holding') return undefined;
    const { token } = this.#state;
    if (token.leftMs(this.#clock) > 0) return token;
    this.#apply(onTime(this.#state, this.#moment()));
    return undefined;
  }

  /**
   * The current token, or the next one if it comes in time. Everybody who waits shares one request.
   * @throws AppError `token-unavailable` at the deadline, `stopped` when the keeper stops.
   */
  waitForToken(deadlineAtMs: number): Promise<Token> {
    const token = this.current();
    if (token !== undefined) return Promise.resolve(token);
    if (this.#state.kind === 'stopped') return Promise.reject(stoppedError());
    return this.#tokenWaiters.wait(deadlineAtMs, () => {
      const cause = this.#state.history.lastFailure;
      const reason = cause?.message ?? 'The credential has not answered.';
      return new AppError('token-unavailable', `No valid token yet. ${reason}`, { cause });
    });
  }

  /** Renews if the policy says it is due; asked for too early or too often it does nothing. */
  renewIfDue(): Promise<Renewal> {
    const token = this.current();
    return token !== undefined && token.nowMs(this.#clock) < dueAtMs(token)
      ? Promise.resolve({ kind: 'not-due' })
      : this.renew();
  }

  /** Renews now, sharing the request that is under way, and never more often than the policy allows. */
  renew(): Promise<Renewal> {
    const state = this.#state;
    if (!isRunning(state)) {
      return Promise.resolve({ kind: 'failed', reason: `token keeper is ${state.kind}` });
    }
    if (state.next.kind === 'pausing') {
      if (minIntervalLeftMs(state, this.#clock) > 0) return Promise.resolve({ kind: 'not-due' });
      this.#apply(request(state, this.#moment()));
    }
    return this.#renewal.promise;
  }

  /** Calls `listener` with each token adopted from now on; returns how to stop. */
  onRotation(listener: (token: Token) => void): () => void {
    this.#rotationListeners.add(listener);
    return () => this.#rotationListeners.delete(listener);
  }

  status(): KeeperStatus {
    const token = this.current();
    const { lastFailure, ...history } = this.#state.history;
    return {
      ...history,
      state: this.#state.kind,
      expiresAtMs: token?.expiresAtMs,
      timeLeftMs: token?.leftMs(this.#clock),
      lastFailure: lastFailure?.message,
    };
  }

  #moment(): Moment {
    return { clock: this.#clock, random: this.#options.random() };
  }

  #apply({ state, effects }: Transition): void {
    this.#state = state;
    this.#cancelTimer();
    const delayMs = timerMs(state, this.#clock);
    if (delayMs !== undefined) {
      this.#cancelTimer = this.#clock.after(delayMs, () => this.#apply(onTime(this.#state, this.#moment())));
    }
    for (const effect of effects) this.#run(effect);
  }

  #ask(asked: TokenRequest, own: Operation<'tokenRequest'> | undefined): Promise<void> {
    const { rotations } = this.#state.history;
    return this.#options.source.request(this.#stopping.signal).then(
      (token) => {
        this.#apply(onAnswer(this.#state, asked, token, this.#moment()));
        if (own === undefined) return;
        own.outcome = this.#state.history.rotations > rotations ? 'rotated' : 'not-advancing';
      },
      (error: unknown) => {
        if (own !== undefined) own.outcome = 'failed';
        this.#apply(onFailure(this.#state, asked, asAppError(error), this.#moment()));
      },
    );
  }

  #run(effect: KeeperEffect): void {
    switch (effect.kind) {
      case 'request':
        void outsideCalls(() =>
          operation(
            'tokenRequest',
            () => ({}),
            (own) => this.#ask(effect.request, own),
          ),
        );
        return;
      case 'emit':
        return this.#options.emit(effect.event);
      case 'hand-out':
        this.#tokenWaiters.resolveAll(effect.token);
        for (const listener of this.#rotationListeners) listener(effect.token);
        return;
      case 'end-renewal':
        this.#renewal.resolve(effect.renewal);
        this.#renewal = deferred();
        return;
    }
  }
}

function asAppError(error: unknown): AppError {
  return error instanceof AppError
    ? error
    : new AppError('token-unavailable', describe(error), { cause: error });
}

function stoppedError(): AppError {
  return new AppError('stopped', 'The token keeper has been stopped.');
}
