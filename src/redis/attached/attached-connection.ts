// One live connection of a client that somebody else made, as far as its login is concerned.

import { untilMarginMs } from '../../auth/refresh-policy.ts';
import type { Token } from '../../auth/token.ts';
import type { Clock } from '../../util/clock.ts';
import { withDeadline } from '../../util/deadline.ts';
import { deferred } from '../../util/deferred.ts';
import { AppError, describe } from '../../util/errors.ts';
import type { Authenticated } from '../reauthentication.ts';

/** What the libraries of such clients do differently. */
export interface AttachedClient {
  /** Sends AUTH; rejects with Redis's error reply, or when the connection ends. */
  readonly auth: (token: Token) => Promise<unknown>;
  /** Under RESP2 a connection that subscribes may not send AUTH. */
  readonly mayAuthenticate: () => boolean;
  /** Ends the connection, so that the client makes another; undefined where only the server can do that. */
  readonly reconnect?: (() => void) | undefined;
}

export class AttachedConnection implements Authenticated {
  readonly id: number;
  readonly #client: AttachedClient;
  readonly #clock: Clock;
  readonly #lost = deferred<never>();
  #token: Token;
  #isLive = true;
  /** An AUTH could not be sent, or was not answered. */
  #isStuck = false;
  /** The AUTH that Redis has not answered: behind a command that blocks, say. */
  #pending: { readonly token: Token; readonly sent: Promise<unknown> } | undefined;

  /** @param token the one of its handshake. */
  constructor(id: number, client: AttachedClient, token: Token, clock: Clock) {
    this.id = id;
    this.#client = client;
    this.#clock = clock;
    this.#token = token;
    // Not everybody waits for it.
    this.#lost.promise.catch(() => {});
  }

  get token(): Token {
    return this.#token;
  }

  get isLive(): boolean {
    return this.#isLive;
  }

  /** Whether an AUTH is on its way: a client that sends again what was not answered does so with that too. */
  get hasPendingAuth(): boolean {
    return this.#pending !== undefined;
  }

  /** The connection has ended. */
  lose(): void {
    this.#isLive = false;
    this.#lost.reject(new AppError('connection-lost', 'The connection was lost.'));
  }

  /**
   * Sends one AUTH, and waits for its reply until the token of now comes near its end, whatever the deadline: a command
   * before it may block for long, and asking twice does not help. Where AUTH is not allowed it waits that long, too.
   */
  async reauthenticate(token: Token, deadlineAtMs: number): Promise<void> {
    const latestAtMs = this.#clock.nowMs() + untilMarginMs(this.#token, this.#clock);
    const canReconnect = this.#client.reconnect !== undefined;
    const untilMs = canReconnect ? Math.max(latestAtMs, deadlineAtMs) : Number.POSITIVE_INFINITY;
    if (this.#client.mayAuthenticate()) {
      await this.#within(untilMs, this.#auth(token), 'AUTH was not answered: a command before it blocks.');
      this.#token = token;
    } else {
      const forbidden = 'Under RESP2 a connection that subscribes may not send AUTH; it is made anew.';
      await this.#within(canReconnect ? latestAtMs : untilMs, new Promise<never>(() => {}), forbidden);
    }
  }

  /**
   * Makes another connection in the place of this one where AUTH cannot be sent, or is not answered. One that AUTH is
   * refused on stays: until its token ends it is worth more than one that may be refused as well.
   *
   * @returns whether another connection is made.
   */
  replace(): boolean {
    if (!this.#isStuck || this.#client.reconnect === undefined) return false;
    if (this.#isLive) this.#client.reconnect();
    return true;
  }

  fail(): void {
    if (this.#isLive) this.#client.reconnect?.();
  }

  async #within(untilMs: number, promise: Promise<unknown>, late: string): Promise<void> {
    await withDeadline(this.#clock, untilMs, Promise.race([promise, this.#lost.promise]), () => {
      this.#isStuck = true;
      return new AppError('deadline-exceeded', late);
    });
  }

  async #auth(token: Token): Promise<void> {
    if (this.#pending?.token !== token) {
      this.#pending = { token, sent: this.#client.auth(token) };
    }
    const { sent } = this.#pending;
    try {
      await sent;
    } catch (error) {
      throw authFailure(error);
    } finally {
      // What a loss does to a command is no reply.
      if (this.#pending?.sent === sent && this.#isLive) this.#pending = undefined;
    }
  }
}

// The error of a client library may hold the command, and with it the token: it is described, and no cause.
function authFailure(thrown: unknown): AppError {
  return new AppError(isRejection(thrown) ? 'redis-rejected-identity' : 'command-failed', describe(thrown));
}

/** Whether Redis has refused an identity. */
export function isRejection(thrown: unknown): boolean {
  return /^(?:WRONGPASS|NOAUTH|NOPERM)\b/u.test(describe(thrown));
}
