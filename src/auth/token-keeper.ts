// Holds the current token and renews it by itself, as a state machine.

import type { Clock } from '../util/clock.ts';
import { AppError, describe } from '../util/errors.ts';
import type { Emit } from '../telemetry/events.ts';
import { DeadlineQueue } from '../util/deadline-queue.ts';
import { afterByEither } from './either-clock.ts';
import {
  dueAtMs,
  floorMs,
  nextCallHasAnother,
  nextRequestAtMs,
  patienceMs,
  type RefreshSituation,
} from './refresh-policy.ts';
import { RenewalWaiters, type Renewal } from './renewal.ts';
import { TokenRequests, type TokenRequest, type TokenRequestsOptions } from './token-requests.ts';
import type { Token } from './token.ts';

/** A token exists only in the state that may hand it out. */
type KeeperState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'seeking'; readonly expired: Token | undefined }
  | { readonly kind: 'holding'; readonly token: Token; readonly cancelExpiry: () => void }
  | { readonly kind: 'stopped' };

export interface KeeperStatus {
  readonly state: KeeperState['kind'];
  readonly expiresAtMs: number | undefined;
  /** By the monotonic clock, whatever the one on the wall shows. */
  readonly timeLeftMs: number | undefined;
  readonly lastRotationAtMs: number | undefined;
  readonly rotations: number;
  readonly requests: number;
  readonly lastFailure: string | undefined;
}

export interface TokenKeeperOptions extends Pick<TokenRequestsOptions, 'source' | 'clock'> {
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly emit: Emit;
}

export class TokenKeeper {
  readonly #clock: Clock;
  readonly #options: TokenKeeperOptions;
  readonly #requests: TokenRequests;
  readonly #renewals = new RenewalWaiters();
  readonly #tokenWaiters: DeadlineQueue<Token>;
  readonly #rotationListeners = new Set<(token: Token) => void>();
  #state: KeeperState = { kind: 'idle' };
  #cancelTimer = (): void => {};
  #setbacks = 0;
  #lastRotationAtMs: number | undefined;
  #lastFailure: AppError | undefined;
  #rotations = 0;

  constructor(options: TokenKeeperOptions) {
    this.#clock = options.clock;
    this.#options = options;
    this.#tokenWaiters = new DeadlineQueue(options.clock);
    this.#requests = new TokenRequests({
      ...options,
      onAnswer: (request, token) => this.#onAnswer(request, token),
      onFailure: (request, error) => this.#onFailure(request, error),
    });
  }

  /** Asks for the first token at once and keeps renewing from then on. Calling it again changes nothing. */
  start(): void {
    if (this.#state.kind !== 'idle') return;
    this.#state = { kind: 'seeking', expired: undefined };
    this.#ask(false);
  }

  /** Stops for good: gives up what is in flight and answers everybody who waits. */
  stop(): void {
    if (this.#state.kind === 'stopped') return;
    if (this.#state.kind === 'holding') this.#state.cancelExpiry();
    this.#state = { kind: 'stopped' };
    this.#cancelTimer();
    this.#requests.stop();
    this.#tokenWaiters.rejectAll(stoppedError());
    this.#renewals.settle({ kind: 'failed', reason: 'stopping' });
    this.#rotationListeners.clear();
  }

  /** The token in use. Never an expired one, also when the process was frozen past its expiry. */
  current(): Token | undefined {
    if (this.#state.kind !== 'holding') return undefined;
    const { token } = this.#state;
    if (token.leftMs(this.#clock) > 0) return token;
    this.#expire(token);
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
      const cause = this.#lastFailure;
      const reason = cause?.message ?? 'The credential has not answered.';
      return new AppError('token-unavailable', `No valid token yet. ${reason}`, { cause });
    });
  }

  /** Renews if the policy says it is due; asked for too early or too often it does nothing. */
  renewIfDue(): Promise<Renewal> {
    const token = this.current();
    return token !== undefined && token.reckonedNowMs(this.#clock) < dueAtMs(token)
      ? Promise.resolve({ kind: 'not-due' })
      : this.renew();
  }

  /** Renews now, sharing the request that is under way, and never more often than the policy's floor. */
  renew(): Promise<Renewal> {
    if (this.#state.kind === 'stopped' || this.#state.kind === 'idle') {
      return Promise.resolve({ kind: 'failed', reason: `token keeper is ${this.#state.kind}` });
    }
    if (this.#requests.awaited === undefined) {
      if (this.#floorLeftMs() > 0) return Promise.resolve({ kind: 'not-due' });
      this.#ask(false);
    }
    return this.#renewals.wait();
  }

  /** Calls `listener` with each token adopted from now on; returns how to stop. */
  onRotation(listener: (token: Token) => void): () => void {
    this.#rotationListeners.add(listener);
    return () => this.#rotationListeners.delete(listener);
  }

  status(): KeeperStatus {
    return {
      state: this.#state.kind,
      expiresAtMs: this.current()?.expiresAtMs,
      timeLeftMs: this.current()?.leftMs(this.#clock),
      lastRotationAtMs: this.#lastRotationAtMs,
      rotations: this.#rotations,
      requests: this.#requests.count,
      lastFailure: this.#lastFailure?.message,
    };
  }

  #ask(again: boolean): void {
    this.#cancelTimer();
    this.#requests.begin(again, patienceMs(this.#situation()));
  }

  #onAnswer(request: TokenRequest, token: Token): void {
    const requestMs = this.#clock.nowMs() - request.startedAtMs;
    const last = this.#lastToken();
    // Whoever brought it and however late: a later expiry is the one thing that counts. While none is held one
    // that holds will do: the last one may have been called expired by a clock that has been put right.
    const holdsAgain = this.#state.kind === 'seeking' && token.leftMs(this.#clock) > 0;
    if (last === undefined || token.expiresAtMs > last.expiresAtMs || holdsAgain)
      return this.#adopt(token, requestMs);
    if (this.#requests.awaited !== request) return;
    if (!request.again && nextCallHasAnother(last, last.reckonedNowMs(this.#clock))) return this.#ask(true);
    this.#requests.letGo();
    this.#setbacks += 1;
    const timeLeftMs = last.leftMs(this.#clock);
    this.#options.emit({ type: 'tokenNotAdvancing', requestMs, setbacks: this.#setbacks, timeLeftMs });
    this.#schedule();
    this.#renewals.settle({ kind: 'not-advancing' });
  }

  #onFailure(request: TokenRequest, error: unknown): void {
    this.#setbacks += 1;
    const reason = describe(error);
    this.#lastFailure =
      error instanceof AppError ? error : new AppError('token-unavailable', reason, { cause: error });
    this.#options.emit({
      type: 'tokenRenewalFailed',
      reason,
      requestMs: this.#clock.nowMs() - request.startedAtMs,
      setbacks: this.#setbacks,
      timeLeftMs: Math.max(this.#lastToken()?.leftMs(this.#clock) ?? 0, 0),
    });
    this.#schedule();
    this.#renewals.settle({ kind: 'failed', reason });
  }

  #adopt(token: Token, requestMs: number): void {
    const timeLeftMs = token.leftMs(this.#clock);
    const previous = this.#lastToken();
    if (this.#state.kind === 'holding') this.#state.cancelExpiry();
    const cancelExpiry = this.#clock.after(timeLeftMs, () => this.#expire(token));
    this.#state = { kind: 'holding', token, cancelExpiry };
    this.#requests.letGo();
    this.#setbacks = 0;
    this.#lastFailure = undefined;
    this.#lastRotationAtMs = this.#clock.wallMs();
    this.#rotations += 1;
    this.#schedule();
    this.#options.emit({
      type: 'tokenRotated',
      expiresAtMs: token.expiresAtMs,
      timeLeftMs,
      previousTimeLeftMs: previous?.leftMs(this.#clock),
      requestMs,
    });
    this.#tokenWaiters.resolveAll(token);
    for (const listener of this.#rotationListeners) listener(token);
    this.#renewals.settle({ kind: 'rotated', expiresAtMs: token.expiresAtMs });
  }

  #expire(token: Token): void {
    // A timer may fire a little early, and a token that is no longer held has nothing to say.
    if (this.#state.kind !== 'holding' || this.#state.token !== token) return;
    this.#state.cancelExpiry();
    this.#state = { kind: 'seeking', expired: token };
    this.#options.emit({ type: 'tokenExpired', expiredAtMs: token.expiresAtMs, setbacks: this.#setbacks });
    if (this.#requests.awaited === undefined) this.#schedule();
  }

  #schedule(): void {
    const situation = this.#situation();
    const wishedMs = nextRequestAtMs(situation, this.#options.random()) - situation.nowMs;
    this.#cancelTimer();
    this.#cancelTimer = afterByEither(this.#clock, Math.max(wishedMs, this.#floorLeftMs()), () =>
      this.#ask(false),
    );
  }

  #situation(): RefreshSituation {
    const token = this.#lastToken();
    const nowMs = token?.reckonedNowMs(this.#clock) ?? this.#clock.wallMs();
    return { nowMs, token, setbacks: this.#setbacks };
  }

  /** How long the policy's floor still forbids a request; not above zero when it does not. */
  #floorLeftMs(): number {
    return this.#requests.lastAtMs + floorMs(this.#lastToken()) - this.#clock.nowMs();
  }

  #lastToken(): Token | undefined {
    if (this.#state.kind === 'holding') return this.#state.token;
    return this.#state.kind === 'seeking' ? this.#state.expired : undefined;
  }
}

function stoppedError(): AppError {
  return new AppError('stopped', 'The token keeper has been stopped.');
}
