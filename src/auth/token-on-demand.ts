// A token that is asked for when something needs it, and kept while it holds. Used by origin/blob.ts.
// Knows no service. Not the SDK's own: a request for a token that hangs would block every later one there, and
// one that fails in the background is an unhandled rejection (core-rest-pipeline, tokenCycler.ts).

import type { Clock } from '../clock.ts';
import { AppError } from '../errors.ts';
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
    const nowMs = this.#clock.wallMs();
    const mayAsk = this.#mayAsk();
    if (held?.isValidAt(nowMs + leastLeftMs) !== true) {
      if (!mayAsk && this.#last?.failure !== undefined) throw this.#last.failure;
      return this.#ask();
    }
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
