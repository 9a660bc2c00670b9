// Which token to authenticate with, out of the newest and those that Redis has let in, as a state machine.
//
// A server may refuse a token that is good: it does not know its signing key yet, say. Until its own end the token that
// was let in before is worth more than that, and the newer one is offered again from time to time.

import type { TokenKeeper } from '../auth/token-keeper.ts';
import type { Token } from '../auth/token.ts';
import type { Clock } from '../util/clock.ts';
import { rejectedDelayMs } from './reconnect-policy.ts';

type State =
  /** The newest token is offered, whatever it is. */
  | { readonly kind: 'trusting' }
  /** This one was refused while another that was let in still holds. */
  | {
      readonly kind: 'doubting';
      readonly refused: Token;
      readonly refusals: number;
      readonly retryAtMs: number;
    };

export interface AdmissionOptions {
  readonly keeper: TokenKeeper;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
}

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #listeners = new Set<() => void>();
  #state: State = { kind: 'trusting' };
  /** The last that was let in, and the one before it: the nodes of a cluster need not agree. */
  #admitted: readonly Token[] = [];

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** What a connection authenticates with now; undefined while no token is valid. */
  offer(): Token | undefined {
    const newest = this.#options.keeper.current();
    if (newest === undefined || this.retryInMs(newest) === 0) return newest;
    return this.#another(newest) ?? newest;
  }

  /** How long this token should not be offered. */
  retryInMs(token: Token): number {
    if (this.#state.kind !== 'doubting' || this.#state.refused !== token) return 0;
    return Math.max(this.#state.retryAtMs - this.#options.clock.nowMs(), 0);
  }

  accepted(token: Token): void {
    const { clock } = this.#options;
    const others = this.#admitted.filter((other) => other !== token && other.leftMs(clock) > 0);
    this.#admitted = [token, ...others].toSorted((a, b) => b.expiresAtMs - a.expiresAtMs).slice(0, 2);
    if (this.#state.kind !== 'doubting' || this.#state.refused !== token) return;
    this.#state = { kind: 'trusting' };
    for (const listener of this.#listeners) listener();
  }

  /** @returns another token to try at once: one that was let in, and holds. */
  refused(token: Token): Token | undefined {
    const { keeper, clock, random } = this.#options;
    const another = this.#another(token);
    if (token !== keeper.current() || another === undefined) {
      // What was let in once and is refused now has been revoked.
      this.#admitted = this.#admitted.filter((other) => other !== token);
      return another;
    }
    const before = this.#state.kind === 'doubting' && this.#state.refused === token ? this.#state : undefined;
    const nowMs = clock.nowMs();
    // Several connections may have offered it at the same time: that is one refusal.
    if (before === undefined || before.retryAtMs <= nowMs) {
      const refusals = (before?.refusals ?? 0) + 1;
      const retryAtMs = nowMs + rejectedDelayMs(refusals, random());
      this.#state = { kind: 'doubting', refused: token, refusals, retryAtMs };
    }
    return another;
  }

  /** Calls `listener` when a token is let in that had been refused; returns how to stop. */
  onLetIn(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #another(than: Token): Token | undefined {
    const { clock } = this.#options;
    return this.#admitted.find((token) => token !== than && token.leftMs(clock) > 0);
  }
}
