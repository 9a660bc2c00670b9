// A token that is requested when it is needed, and used while it is valid. Not the SDK's own cache: there a request
// that is never answered blocks every later one, and one that fails in the background is an unhandled rejection
// (core-rest-pipeline, tokenCycler.ts).

import { operation } from '../telemetry/operations.ts';
import type { Clock } from '../util/clock.ts';
import { AppError } from '../util/errors.ts';
import { SingleFlight } from '../util/single-flight.ts';
import { dueAtMs, minIntervalMs } from './refresh-policy.ts';
import type { TokenSource } from './token-source.ts';
import type { Token } from './token.ts';

/** Left on a token that is sent: the request has to arrive, and clocks differ. */
const minLeftMs = 5000;

export class TokenOnDemand {
  readonly #source: TokenSource;
  readonly #clock: Clock;
  readonly #requests = new SingleFlight<Token>();
  #token: Token | undefined;
  #last: { readonly endedAtMs: number; readonly failure: AppError | undefined } | undefined;

  constructor(source: TokenSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  /**
   * The current token; once a renewal is due, the next one is requested in the background. While requests fail they
   * are made no more often than the policy allows, and the last failure is thrown in between.
   * @throws AppError `token-unavailable` or `token-refused` when there is no valid token.
   */
  async get(): Promise<Token> {
    const token = this.#token;
    const mayRequest = this.#mayRequest();
    if (token === undefined || token.leftMs(this.#clock) <= minLeftMs) {
      if (!mayRequest && this.#last?.failure !== undefined) throw this.#last.failure;
      return this.#request();
    }
    // While a machine sleeps the monotonic clock stands still, and the wall clock goes on.
    const nowMs = Math.max(token.nowMs(this.#clock), this.#clock.wallMs());
    if (mayRequest && nowMs >= dueAtMs(token)) void this.#request();
    return token;
  }

  #mayRequest(): boolean {
    return (
      this.#last === undefined || this.#clock.nowMs() - this.#last.endedAtMs >= minIntervalMs(this.#token)
    );
  }

  #request(): Promise<Token> {
    return this.#requests.do('token', async () => {
      let failure: AppError | undefined;
      try {
        return (this.#token = await this.#ask());
      } catch (error) {
        if (error instanceof AppError) failure = error;
        throw error;
      } finally {
        this.#last = { endedAtMs: this.#clock.nowMs(), failure };
      }
    }).result;
  }

  #ask(): Promise<Token> {
    return operation(
      'tokenRequest',
      () => ({ outcome: 'failed' }),
      async (own) => {
        const token = await this.#source.request(new AbortController().signal);
        if (own !== undefined) own.outcome = 'rotated';
        return token;
      },
    );
  }
}
