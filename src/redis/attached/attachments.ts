// Keeps the connections of clients that somebody else made at the current token: what their libraries have in common.

import type { TokenKeeper } from '../../auth/token-keeper.ts';
import { Token } from '../../auth/token.ts';
import type { Emit } from '../../telemetry/events.ts';
import type { Clock } from '../../util/clock.ts';
import { Admission } from '../admission.ts';
import { Reauthentication, type AuthCounts } from '../reauthentication.ts';
import { AttachedConnection, type AttachedClient } from './attached-connection.ts';

export interface AttachmentsOptions {
  readonly keeper: TokenKeeper;
  /** The token's object id where undefined. */
  readonly username: string | undefined;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly emit: Emit;
}

export class Attachments {
  readonly #options: AttachmentsOptions;
  readonly #admission: Admission;
  readonly #reauthentication: Reauthentication<AttachedConnection>;
  readonly #live = new Set<AttachedConnection>();
  readonly #counts: AuthCounts = { reauthenticated: 0, reauthenticationsFailed: 0 };
  #lastId = 0;
  #isStopped = false;

  constructor(options: AttachmentsOptions) {
    this.#options = options;
    this.#admission = new Admission(options);
    this.#reauthentication = new Reauthentication({
      ...options,
      admission: this.#admission,
      counts: this.#counts,
      replace: async (connection) => Promise.resolve(connection.replace()),
    });
    const bringToCurrent = (): void => {
      for (const connection of this.#live) this.#reauthentication.ensureCurrent(connection);
    };
    options.keeper.onRotation(bringToCurrent);
    this.#admission.onLetIn(bringToCurrent);
  }

  get status(): AuthCounts & { readonly connections: number } {
    return { connections: this.#live.size, ...this.#counts };
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  usernameOf(token: Token): string {
    return this.#options.username ?? token.oid ?? '';
  }

  /** What a handshake uses now; undefined while no token is valid. */
  offer(): Token | undefined {
    return this.#admission.offer();
  }

  /** @throws AppError `token-unavailable` at the deadline, `stopped`. */
  async token(timeLimitMs: number): Promise<Token> {
    const { keeper, clock } = this.#options;
    const token = await keeper.waitForToken(clock.nowMs() + timeLimitMs);
    return this.offer() ?? token;
  }

  /**
   * A connection is ready.
   * @param used the token of its handshake; undefined where that is not known: then one AUTH is sent.
   */
  opened(client: AttachedClient, used: Token | undefined): AttachedConnection {
    const { clock } = this.#options;
    const connection = new AttachedConnection(++this.#lastId, client, used ?? this.#unknownToken(), clock);
    if (used !== undefined) this.#admission.accepted(used);
    if (this.#isStopped) return connection;
    this.#live.add(connection);
    // A rotation may have happened during the handshake.
    this.#reauthentication.ensureCurrent(connection);
    return connection;
  }

  /** A connection has ended. */
  closed(connection: AttachedConnection): void {
    this.#live.delete(connection);
    connection.lose();
  }

  /** A handshake with this token was refused, perhaps because it has been revoked: asks for a later one. */
  handshakeRefused(token: Token): void {
    this.#admission.refused(token);
    void this.#options.keeper.renew();
  }

  /** Leaves all connections as they are. */
  stop(): void {
    this.#isStopped = true;
    for (const connection of this.#live) this.closed(connection);
  }

  /** Different from every other, and taken to end with the current one. */
  #unknownToken(): Token {
    const { keeper, clock } = this.#options;
    const nowMs = clock.wallMs();
    const times = keeper.current() ?? { issuedAtMs: nowMs, expiresAtMs: nowMs, refreshAfterMs: undefined };
    return new Token('', undefined, times, nowMs - clock.nowMs());
  }
}
