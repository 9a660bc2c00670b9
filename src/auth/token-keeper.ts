// Holds the current token and renews it by itself, as a state machine. Used by redis/ (handshakes and
// rotations), fleet/, the reauthenticate timer and the probes. Knows no Redis and no credential, only a TokenSource.

import type { Clock } from '../clock.ts';
import { AppError, describe } from '../errors.ts';
import type { Emit } from '../telemetry/events.ts';
import { Waiters } from '../waiters.ts';
import { dueAtMs, floorMs, nextRequestAtMs, patienceMs } from './refresh-policy.ts';
import type { TokenSource } from './token-source.ts';
import type { Token } from './token.ts';

/** A token exists only in the state that may hand it out. */
type KeeperState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'seeking'; readonly expired: Token | undefined }
  | { readonly kind: 'holding'; readonly token: Token; readonly cancelExpiry: () => void }
  | { readonly kind: 'stopped' };

/** How a renewal that somebody asked for ended. */
export type Renewal =
  | { readonly kind: 'rotated'; readonly expiresAtMs: number }
  | { readonly kind: 'not-due' }
  | { readonly kind: 'not-advancing' }
  | { readonly kind: 'failed'; readonly reason: string };

export interface KeeperStatus {
  readonly state: KeeperState['kind'];
  readonly expiresAtMs: number | undefined;
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

interface Request {
  readonly startedAtMs: number;
  /** Whether it repeats a request that returned the old token although a new one was to be had. */
  readonly again: boolean;
}

export class TokenKeeper {
  readonly #source: TokenSource;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #emit: Emit;
  readonly #stopping = new AbortController();
  readonly #tokenWaiters: Waiters<Token>;
  readonly #rotationListeners = new Set<(token: Token) => void>();
  #state: KeeperState = { kind: 'idle' };
  /** The one request that is waited for; a request that hangs is let go, and another may start beside it. */
  #awaited: Request | undefined;
  #renewalWaiters: ((renewal: Renewal) => void)[] = [];
  #cancelTimer = (): void => {};
  #setbacks = 0;
  #lastRequestAtMs = Number.NEGATIVE_INFINITY;
  #lastRotationAtMs: number | undefined;
  #lastFailure: AppError | undefined;
  #rotations = 0;
  #requests = 0;

  constructor(options: TokenKeeperOptions) {
    this.#source = options.source;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#emit = options.emit;
    this.#tokenWaiters = new Waiters(options.clock);
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
    this.#awaited = undefined;
    this.#stopping.abort();
    this.#tokenWaiters.rejectAll(stoppedError());
    this.#settleRenewal({ kind: 'failed', reason: 'stopping' });
    this.#rotationListeners.clear();
  }

  /** The token in use. Never an expired one, also when the process was frozen past its expiry. */
  current(): Token | undefined {
    if (this.#state.kind !== 'holding') return undefined;
    if (!this.#state.token.isValidAt(this.#clock.wallMs())) {
      this.#expire(this.#state.token);
      return undefined;
    }
    return this.#state.token;
  }

  /**
   * The current token, or the next one if it comes in time. Everybody who waits shares one request.
   * @throws AppError `token-unavailable` at the deadline, `stopped` when the keeper stops.
   */
  waitForToken(deadlineAtMs: number): Promise<Token> {
    const token = this.current();
    if (token !== undefined) return Promise.resolve(token);
    if (this.#state.kind === 'stopped') return Promise.reject(stoppedError());
    return this.#tokenWaiters.wait(
      deadlineAtMs,
      () =>
        new AppError(
          'token-unavailable',
          `No valid token yet. ${this.#lastFailure?.message ?? 'The credential has not answered.'}`,
          { cause: this.#lastFailure },
        ),
    );
  }

  /** Renews if the policy says it is due; asked for too early or too often it does nothing. */
  renewIfDue(): Promise<Renewal> {
    const token = this.current();
    return token !== undefined && this.#clock.wallMs() < dueAtMs(token)
      ? Promise.resolve({ kind: 'not-due' })
      : this.renew();
  }

  /** Renews now, sharing the request that is under way, and never more often than the policy's floor. */
  renew(): Promise<Renewal> {
    if (this.#state.kind === 'stopped' || this.#state.kind === 'idle') {
      return Promise.resolve({ kind: 'failed', reason: `token keeper is ${this.#state.kind}` });
    }
    if (this.#awaited === undefined) {
      if (this.#floorLeftMs() > 0) return Promise.resolve({ kind: 'not-due' });
      this.#ask(false);
    }
    return new Promise((resolve) => this.#renewalWaiters.push(resolve));
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
      lastRotationAtMs: this.#lastRotationAtMs,
      rotations: this.#rotations,
      requests: this.#requests,
      lastFailure: this.#lastFailure?.message,
    };
  }

  #ask(again: boolean): void {
    const startedAtMs = this.#clock.nowMs();
    const request: Request = { startedAtMs, again };
    this.#awaited = request;
    this.#lastRequestAtMs = startedAtMs;
    this.#requests += 1;
    const limitMs = patienceMs({ nowMs: this.#clock.wallMs(), token: this.#lastToken() });
    this.#cancelTimer();
    this.#cancelTimer = this.#clock.after(limitMs, () => {
      const late = new AppError(
        'token-unavailable',
        `The credential has not answered for ${Math.round(limitMs)} ms.`,
      );
      this.#onFailure(request, late);
    });
    this.#source.request(this.#stopping.signal).then(
      (token) => this.#onAnswer(request, token),
      (error: unknown) => this.#onFailure(request, error),
    );
  }

  #onAnswer(request: Request, token: Token): void {
    if (this.#state.kind === 'stopped') return;
    const requestMs = this.#clock.nowMs() - request.startedAtMs;
    const last = this.#lastToken();
    const nowMs = this.#clock.wallMs();
    // Whoever brought it and however late: a later expiry is the one thing that counts. While none is held one
    // that holds will do: the last one may have been called expired by a clock that has been put right.
    const holdsAgain = this.#state.kind === 'seeking' && token.isValidAt(nowMs);
    if (last === undefined || token.expiresAtMs > last.expiresAtMs || holdsAgain)
      return this.#adopt(token, requestMs);
    if (this.#awaited !== request) return;
    // Past `refreshAfter` MSAL fetches the new token but still returns the old one; the next call has it.
    if (!request.again && last.refreshAfterMs !== undefined && nowMs >= last.refreshAfterMs)
      return this.#ask(true);
    this.#awaited = undefined;
    this.#setbacks += 1;
    const timeLeftMs = last.expiresAtMs - nowMs;
    this.#emit({ type: 'tokenNotAdvancing', requestMs, setbacks: this.#setbacks, timeLeftMs });
    this.#schedule();
    this.#settleRenewal({ kind: 'not-advancing' });
  }

  #onFailure(request: Request, error: unknown): void {
    if (this.#state.kind === 'stopped' || this.#awaited !== request) return;
    this.#awaited = undefined;
    this.#setbacks += 1;
    const reason = describe(error);
    this.#lastFailure =
      error instanceof AppError ? error : new AppError('token-unavailable', reason, { cause: error });
    const nowMs = this.#clock.wallMs();
    this.#emit({
      type: 'tokenRenewalFailed',
      reason,
      requestMs: this.#clock.nowMs() - request.startedAtMs,
      setbacks: this.#setbacks,
      timeLeftMs: Math.max((this.#lastToken()?.expiresAtMs ?? nowMs) - nowMs, 0),
    });
    this.#schedule();
    this.#settleRenewal({ kind: 'failed', reason });
  }

  #adopt(token: Token, requestMs: number): void {
    const nowMs = this.#clock.wallMs();
    const previous = this.#lastToken();
    if (this.#state.kind === 'holding') this.#state.cancelExpiry();
    const cancelExpiry = this.#clock.after(token.expiresAtMs - nowMs, () => this.#expire(token));
    this.#state = { kind: 'holding', token, cancelExpiry };
    this.#awaited = undefined;
    this.#setbacks = 0;
    this.#lastFailure = undefined;
    this.#lastRotationAtMs = nowMs;
    this.#rotations += 1;
    this.#schedule();
    this.#emit({
      type: 'tokenRotated',
      expiresAtMs: token.expiresAtMs,
      timeLeftMs: token.expiresAtMs - nowMs,
      previousTimeLeftMs: previous === undefined ? undefined : previous.expiresAtMs - nowMs,
      requestMs,
    });
    this.#tokenWaiters.resolveAll(token);
    for (const listener of this.#rotationListeners) listener(token);
    this.#settleRenewal({ kind: 'rotated', expiresAtMs: token.expiresAtMs });
  }

  #expire(token: Token): void {
    // A timer may fire a little early, and a token that is no longer held has nothing to say.
    if (this.#state.kind !== 'holding' || this.#state.token !== token) return;
    this.#state.cancelExpiry();
    this.#state = { kind: 'seeking', expired: token };
    this.#emit({ type: 'tokenExpired', expiredAtMs: token.expiresAtMs, setbacks: this.#setbacks });
    if (this.#awaited === undefined) this.#schedule();
  }

  #schedule(): void {
    const nowMs = this.#clock.wallMs();
    const token = this.#lastToken();
    const wishedMs = nextRequestAtMs({ nowMs, token, setbacks: this.#setbacks }, this.#random());
    this.#cancelTimer();
    this.#cancelTimer = this.#clock.after(Math.max(wishedMs - nowMs, this.#floorLeftMs()), () =>
      this.#ask(false),
    );
  }

  /** How long the policy's floor still forbids a request; not above zero when it does not. */
  #floorLeftMs(): number {
    return this.#lastRequestAtMs + floorMs(this.#lastToken()) - this.#clock.nowMs();
  }

  #lastToken(): Token | undefined {
    if (this.#state.kind === 'holding') return this.#state.token;
    return this.#state.kind === 'seeking' ? this.#state.expired : undefined;
  }

  #settleRenewal(renewal: Renewal): void {
    const waiting = this.#renewalWaiters;
    this.#renewalWaiters = [];
    for (const resolve of waiting) resolve(renewal);
  }
}

function stoppedError(): AppError {
  return new AppError('stopped', 'The token keeper has been stopped.');
}
