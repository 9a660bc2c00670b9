// Opens connections with the token that Redis is known, or most likely, to let in.

import type { TokenKeeper } from '../auth/token-keeper.ts';
import type { Token } from '../auth/token.ts';
import type { Clock } from '../util/clock.ts';
import { AppError } from '../util/errors.ts';
import { outsideCalls } from '../util/outside-calls.ts';
import type { Admission } from './admission.ts';
import type { CommandObserver } from './command-replies.ts';
import type { ConnectionEvents } from './connection-open.ts';
import { Connection } from './connection.ts';
import { TrackingRefusedError, type ConnectionOptions, type ShakeHands } from './handshake.ts';
import type { ClientTracking } from './tracking.ts';

export interface ConnectionOpenerOptions extends ConnectionEvents<Connection> {
  readonly connection: ConnectionOptions;
  readonly nextConnectionId: () => number;
  readonly keeper: TokenKeeper;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly shakeHands: ShakeHands;
  readonly observer?: CommandObserver | undefined;
  readonly tracking?: ClientTracking | undefined;
}

export class ConnectionOpener {
  readonly #options: ConnectionOpenerOptions;
  #newestTried: Token | undefined;

  constructor(options: ConnectionOpenerOptions) {
    this.#options = options;
  }

  /** What was the newest token when the last handshake of `open()` chose one. */
  get newestTried(): Token | undefined {
    return this.#newestTried;
  }

  /**
   * With the newest token, or where that is refused with one that was let in before, at once.
   * @throws AppError `redis-rejected-identity`, `redis-unavailable` or `token-unavailable`.
   */
  async open(isStillWanted: () => boolean): Promise<Connection> {
    let offer = (): Promise<Token> => this.#offer();
    for (;;) {
      let another: Token | undefined;
      try {
        return await this.#open(offer, (refused) => (another = this.#options.admission.refused(refused)));
      } catch (error) {
        const next = another;
        if (next === undefined || !isStillWanted()) throw error;
        offer = () => Promise.resolve(next);
      }
    }
  }

  /** With this token and no other. */
  async openWith(token: Token): Promise<Connection> {
    const { admission } = this.#options;
    return this.#open(
      () => Promise.resolve(token),
      (refused) => admission.refused(refused),
    );
  }

  async #offer(): Promise<Token> {
    const { keeper, admission, connection, clock } = this.#options;
    // A little less than the handshake may take, so that a missing token is told as that.
    const newest = await keeper.waitForToken(clock.nowMs() + connection.connectTimeoutMs * 0.9);
    this.#newestTried = newest;
    return admission.offer() ?? newest;
  }

  async #open(token: () => Promise<Token>, onRefused: (token: Token) => void): Promise<Connection> {
    const { connection: options, nextConnectionId, admission, ...passedOn } = this.#options;
    let offered: Token | undefined;
    try {
      const open = { ...passedOn, id: nextConnectionId(), options };
      const connection = await outsideCalls(() =>
        Connection.open({ ...open, token: async () => (offered = await token()) }),
      );
      admission.accepted(connection.token);
      return connection;
    } catch (error) {
      if (offered !== undefined && isRejection(error)) onRefused(offered);
      if (!(error instanceof TrackingRefusedError)) throw error;
      this.#options.tracking?.refused(error);
      // Without it, in the same attempt: it is not asked for again.
      return await this.#open(token, onRefused);
    }
  }
}

export function isRejection(error: unknown): boolean {
  return error instanceof AppError && error.code === 'redis-rejected-identity';
}
