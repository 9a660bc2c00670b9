// A token that is asked for when something needs it, and kept while it holds. Not the SDK's
// own: a request for a token that hangs would block every later one there, and
// one that fails in the background is an unhandled rejection (core-rest-pipeline, tokenCycler.ts).

import type { Clock } from '../util/clock.ts';
import { AppError } from '../util/errors.ts';
import { dueAtMs, floorMs } from './refresh-policy.ts';
import type { TokenSource } from './token-source.ts';
import type { Token } from './token.ts';

/** Left on a token that is sent: the request has to arrive, and clocks differ. */
const leastLeftMs = 5000;

export class TokenOnDemand {
  readonly #source: TokenSource;
  readonly #clock: Clock;
  #held: Token | undefined;
  #asking: Promise<Token> | undefined;
  #last: { readonly atMs: number; readonly failure: AppError | undefined } | undefined;

  constructor(source: TokenSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  /**
   * The token at hand; where it is due, the next one is asked for beside. While the endpoint fails it is asked
   * no more often than the policy's floor: who comes in between is told of the last failure.
   * @throws AppError `token-unavailable` or `token-refused` when there is none that holds.
   */
  async get(): Promise<Token> {
    const held = this.#held;
    const mayAsk = this.#mayAsk();
    if (held === undefined || held.leftMs(this.#clock) <= leastLeftMs) {
      if (!mayAsk && this.#last?.failure !== undefined) throw this.#last.failure;
      return this.#ask();
    }
    // The clock on the wall may know of a sleep of the machine, in which the other one stood still.
    const nowMs = Math.max(held.reckonedNowMs(this.#clock), this.#clock.wallMs());
    if (mayAsk && nowMs >= dueAtMs(held)) this.#ask().catch(() => {});
    return held;
  }

  #mayAsk(): boolean {
    return this.#last === undefined || this.#clock.nowMs() - this.#last.atMs >= floorMs(this.#held);
  }

  async #ask(): Promise<Token> {
    this.#asking ??= this.#source.request(new AbortController().signal).then(
      (token) => {
        this.#ended(undefined);
        return (this.#held = token);
      },
      (error: unknown) => {
        this.#ended(error instanceof AppError ? error : undefined);
        throw error;
      },
    );
    return this.#asking;
  }

  #ended(failure: AppError | undefined): void {
    this.#asking = undefined;
    this.#last = { atMs: this.#clock.nowMs(), failure };
  }
}
