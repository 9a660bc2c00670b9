// Asks the source for tokens and waits for one request at a time, so long and no longer.

import type { Clock } from '../util/clock.ts';
import { AppError } from '../util/errors.ts';
import type { TokenSource } from './token-source.ts';
import type { Token } from './token.ts';

export interface TokenRequest {
  readonly startedAtMs: number;
  /** Whether it repeats a request that returned the old token although a new one was to be had. */
  readonly again: boolean;
}

export interface TokenRequestsOptions {
  readonly source: TokenSource;
  readonly clock: Clock;
  /** Hears of every answer, also of a request that is waited for no longer. */
  readonly onAnswer: (request: TokenRequest, token: Token) => void;
  /** Hears of a failure, and of no answer in time, while the request is waited for. */
  readonly onFailure: (request: TokenRequest, error: unknown) => void;
}

export class TokenRequests {
  readonly #options: TokenRequestsOptions;
  readonly #stopping = new AbortController();
  /** A request that hangs is let go, and another may start beside it. */
  #awaited: TokenRequest | undefined;
  #cancelLate = (): void => {};
  #lastAtMs = Number.NEGATIVE_INFINITY;
  #count = 0;

  constructor(options: TokenRequestsOptions) {
    this.#options = options;
  }

  get awaited(): TokenRequest | undefined {
    return this.#awaited;
  }

  /** When the last one began. */
  get lastAtMs(): number {
    return this.#lastAtMs;
  }

  get count(): number {
    return this.#count;
  }

  begin(again: boolean, limitMs: number): void {
    const { source, clock, onAnswer } = this.#options;
    const startedAtMs = clock.nowMs();
    const request: TokenRequest = { startedAtMs, again };
    this.letGo();
    this.#awaited = request;
    this.#lastAtMs = startedAtMs;
    this.#count += 1;
    this.#cancelLate = clock.after(limitMs, () => {
      const message = `The credential has not answered for ${Math.round(limitMs)} ms.`;
      this.#failed(request, new AppError('token-unavailable', message));
    });
    source.request(this.#stopping.signal).then(
      (token) => {
        if (!this.#stopping.signal.aborted) onAnswer(request, token);
      },
      (error: unknown) => this.#failed(request, error),
    );
  }

  /** The request is waited for no longer; what it brings is told all the same. */
  letGo(): void {
    this.#awaited = undefined;
    this.#cancelLate();
  }

  /** For good: gives up what is in flight. */
  stop(): void {
    this.letGo();
    this.#stopping.abort();
  }

  #failed(request: TokenRequest, error: unknown): void {
    if (this.#awaited !== request) return;
    this.letGo();
    this.#options.onFailure(request, error);
  }
}
