// One live connection: a client that connected once, is watched, and is never reused after a loss.

import type { Token } from '../auth/token.ts';
import type { Clock } from '../util/clock.ts';
import { withDeadline } from '../util/deadline.ts';
import { AppError, describe } from '../util/errors.ts';
import { Debts } from './debts.ts';
import { fromErrorReply } from './failures.ts';
import {
  shakeHands,
  usernameOf,
  type ConnectionOptions,
  type Handshake,
  type RedisClient,
} from './handshake.ts';
import { Silence } from './reply-watchdog.ts';

export type { ConnectionOptions, RedisClient } from './handshake.ts';

/** What the owner of a connection is told of it. */
export interface ConnectionEvents {
  /** Once, when the connection has ended without `close()`. */
  readonly onLost: (reason: AppError, connection: Connection) => void;
  /** New commands wait for answers that nobody waits for any more; told again while that goes on. */
  readonly onDebts: (connection: Connection) => void;
}

export interface CommandOptions {
  readonly deadlineAtMs: number;
  /** Whether `work` may be run again on another connection, where this one is left. */
  readonly idempotent?: boolean;
}

const defaultPingTimeoutMs = 5000;
// Between an answer and the next command: a connection that was alive then was alive for the command too.
const aliveForMs = 100;

export class Connection {
  readonly id: number;
  readonly openedAtMs: number;
  readonly #client: RedisClient;
  readonly #options: ConnectionOptions;
  readonly #clock: Clock;
  readonly #events: ConnectionEvents;
  readonly #silence: Silence;
  readonly #debts: Debts;
  /** Callers that wait for an answer, and how each is told to ask elsewhere. */
  readonly #waiting = new Map<(reason: AppError) => void, CommandOptions>();
  #token: Token;
  #state: 'live' | 'lost' | 'silent' | 'closed' = 'live';
  #answeredAtMs: number;
  #cancelPing = (): void => {};
  #onNobodyWaits = (): void => {};

  private constructor(
    id: number,
    { client, wire, token }: Handshake,
    options: ConnectionOptions,
    clock: Clock,
    events: ConnectionEvents,
  ) {
    this.id = id;
    this.#client = client;
    this.#token = token;
    this.#options = options;
    this.#clock = clock;
    this.#events = events;
    this.openedAtMs = clock.nowMs();
    this.#answeredAtMs = this.openedAtMs;
    const bytesReceived = (): number => wire?.bytesRead ?? 0;
    this.#silence = new Silence(clock, bytesReceived, (silentMs) =>
      this.#lose('silent', `nothing was answered for ${Math.round(silentMs)} ms`),
    );
    this.#debts = new Debts(clock, bytesReceived, () => events.onDebts(this));
    this.#schedulePing();
  }

  /** @throws AppError `redis-rejected-identity`, `redis-unavailable`, or what `token` throws. */
  static async open(
    parameters: ConnectionEvents & {
      readonly id: number;
      readonly options: ConnectionOptions;
      readonly clock: Clock;
      readonly token: () => Promise<Token>;
    },
  ): Promise<Connection> {
    const { id, options, clock, token } = parameters;
    let connection: Connection | undefined;
    const onError = (error: unknown): void => connection?.fail(`connection ended: ${describe(error)}`);
    const handshake = await shakeHands(options, token, clock, onError);
    connection = new Connection(id, handshake, options, clock, parameters);
    return connection;
  }

  /** The token this connection last authenticated with: the server closes the connection at its expiry. */
  get token(): Token {
    return this.#token;
  }

  get isLive(): boolean {
    return this.#state === 'live';
  }

  /** Whether a new command would wait for answers that nobody waits for any more. */
  get isInDebt(): boolean {
    return this.#debts.areDue;
  }

  /**
   * Whether the loss of this connection has nothing to do with a command that it was given at `askedAtMs`: it
   * was left, or had fallen silent before.
   */
  isBlameless(askedAtMs: number): boolean {
    if (this.#state === 'closed') return true;
    return this.#state === 'silent' && this.#answeredAtMs < askedAtMs - aliveForMs;
  }

  /**
   * Runs `work`, waiting no longer than until the deadline.
   * @throws AppError `connection-lost` also where the connection is left while this waits: see `leave()`.
   */
  async run<T>(work: (client: RedisClient) => Promise<T>, options: CommandOptions): Promise<T> {
    const startedAtMs = this.#clock.nowMs();
    let wanted = true;
    this.#silence.asked();
    this.#schedulePing();
    const left = Promise.withResolvers<never>();
    this.#waiting.set(left.reject, options);
    const done = (async () => work(this.#client))().finally(() => {
      // What a loss does to commands is no answer.
      if (this.isLive) this.#answeredAtMs = this.#clock.nowMs();
      this.#silence.answered();
      this.#debts.answered(wanted);
    });
    try {
      return await withDeadline(this.#clock, options.deadlineAtMs, Promise.race([done, left.promise]), () => {
        wanted = false;
        this.#silence.late();
        this.#debts.gaveUp();
        const waitedMs = Math.round(this.#clock.nowMs() - startedAtMs);
        return new AppError('deadline-exceeded', `Redis did not answer within ${waitedMs} ms.`);
      });
    } catch (error) {
      throw this.#explain(error);
    } finally {
      this.#waiting.delete(left.reject);
      if (this.#waiting.size === 0) this.#onNobodyWaits();
    }
  }

  /** Sends one AUTH with `token`. */
  async reauthenticate(token: Token, deadlineAtMs: number): Promise<void> {
    const credentials = { username: usernameOf(this.#options, token), password: token.reveal() };
    await this.run((client) => client.auth(credentials), { deadlineAtMs });
    this.#token = token;
  }

  /** Ends a connection that cannot be used any more, and tells the owner. */
  fail(reason: string): void {
    this.#lose('lost', reason);
  }

  /** Sends what may be run again elsewhere; else as `close()`. */
  async leave(graceMs: number): Promise<void> {
    const closed = this.close(graceMs);
    const moved = new AppError('connection-lost', 'The connection was left for another one.');
    for (const [tell, { idempotent }] of this.#waiting) if (idempotent === true) tell(moved);
    await closed;
  }

  /** Lets what somebody waits for be answered for up to `graceMs`, then closes. */
  async close(graceMs: number): Promise<void> {
    if (this.#state !== 'live') return;
    this.#end('closed');
    await new Promise<void>((resolve) => {
      if (this.#waiting.size === 0) return resolve();
      const cancelTimer = this.#clock.after(graceMs, resolve);
      this.#onNobodyWaits = () => {
        cancelTimer();
        resolve();
      };
    });
    this.#client.destroy();
  }

  #lose(how: 'lost' | 'silent', reason: string): void {
    if (this.#state !== 'live') return;
    this.#end(how);
    this.#client.destroy();
    this.#events.onLost(new AppError('connection-lost', `The connection to Redis was lost: ${reason}`), this);
  }

  #end(state: 'lost' | 'silent' | 'closed'): void {
    this.#state = state;
    this.#cancelPing();
    this.#silence.stop();
    this.#debts.stop();
  }

  #schedulePing(): void {
    this.#cancelPing();
    if (this.#state !== 'live') return;
    this.#cancelPing = this.#clock.after(this.#options.pingAfterMs, () => {
      const deadlineAtMs = this.#clock.nowMs() + (this.#options.pingTimeoutMs ?? defaultPingTimeoutMs);
      // An answer that does not come is told by the silence.
      this.run((client) => client.ping(), { deadlineAtMs }).catch(() => {});
    });
  }

  #explain(error: unknown): unknown {
    if (error instanceof AppError) return error;
    const reply = fromErrorReply(error);
    if (reply !== undefined) return reply;
    // Neither ours nor Redis's answer: if the client is gone it was the loss, else it is the caller's own bug.
    if (this.#state === 'live' && this.#client.isReady) return error;
    return new AppError('connection-lost', 'The connection to Redis was lost while waiting for an answer.', {
      cause: error,
    });
  }
}
