// A token that is asked for when something needs it, and kept while it holds. Used by origin/blob.ts.
// Knows no service. Not the SDK's own: a request for a token that hangs would block every later one there, and
// one that fails in the background is an unhandled rejection (core-rest-pipeline, tokenCycler.ts).

import type { Clock } from '../clock.ts';
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
  #notBeforeMs = 0;

  constructor(source: TokenSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  /**
   * The token at hand; where it is due, the next one is asked for beside.
   * @throws AppError `token-unavailable` or `token-refused` when there is none that holds.
   */
  async get(): Promise<Token> {
    const held = this.#held;
    const nowMs = this.#clock.nowMs();
    if (held?.isValidAt(nowMs + leastLeftMs) !== true) return this.#ask();
    if (nowMs >= Math.max(dueAtMs(held), this.#notBeforeMs)) this.#ask().catch(() => {});
    return held;
  }

  async #ask(): Promise<Token> {
    this.#asking ??= this.#source
      .request(new AbortController().signal)
      .then((token) => (this.#held = token))
      .finally(() => {
        this.#asking = undefined;
        this.#notBeforeMs = this.#clock.nowMs() + floorMs(this.#held);
      });
    return this.#asking;
  }
}
