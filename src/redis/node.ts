// One Redis server: keeps one connection to it ready and authenticated, as a state machine. Used by
// standalone.ts and cluster-nodes.ts. Knows no command, no topology and no credential: only the token keeper.

import type { TokenKeeper } from '../auth/token-keeper.ts';
import type { Clock } from '../clock.ts';
import { AppError, describe } from '../errors.ts';
import type { Emit } from '../telemetry/events.ts';
import { Waiters } from '../waiters.ts';
import { Connection, type ConnectionOptions, type RedisClient } from './connection.ts';
import { Reauthentication } from './reauthentication.ts';
import { reconnectDelayMs } from './reconnect-policy.ts';
import type { CallOptions, RedisStatus } from './redis.ts';
import { Refusals } from './refusals.ts';
import { Subscriptions } from './subscriptions.ts';

interface Outage {
  /** Of the first connection `start`; of a later one the loss. */
  readonly kind: 'start' | 'loss';
  readonly sinceMs: number;
  /** Attempts that failed in a row. */
  readonly failures: number;
  readonly lastFailure: AppError | undefined;
}

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'connecting'; readonly outage: Outage }
  | { readonly kind: 'ready'; readonly connection: Connection }
  | {
      readonly kind: 'backing-off';
      readonly outage: Outage;
      readonly retryAtMs: number;
      readonly cancel: () => void;
    }
  | { readonly kind: 'closed' };

export interface RedisNodeOptions {
  readonly connection: ConnectionOptions;
  /** Tells connections apart in events, also those of other nodes. */
  readonly nextConnectionId: () => number;
  readonly keeper: TokenKeeper;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly emit: Emit;
  /** An outage older than this is answered at once instead of being waited out by every request. */
  readonly patienceMs: number;
}

const closeGraceMs = 5000;
const tokenWaitMs = 30_000;
// Each on another connection. More than one, because a failover may cut the second connection as well.
const maxRepeats = 3;

/** What a call of one node needs: which node has been decided. */
export type NodeCall = Omit<CallOptions, 'key'>;

export class RedisNode {
  readonly #options: ConnectionOptions;
  readonly #nextConnectionId: () => number;
  readonly #keeper: TokenKeeper;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #emit: Emit;
  readonly #patienceMs: number;
  readonly #waiters: Waiters<Connection>;
  readonly #subscriptions: Subscriptions;
  readonly #reauthentication: Reauthentication;
  readonly #refusals: Refusals;
  #state: State = { kind: 'idle' };
  #stopListening = (): void => {};

  constructor(options: RedisNodeOptions) {
    this.#options = options.connection;
    this.#nextConnectionId = options.nextConnectionId;
    this.#keeper = options.keeper;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#emit = options.emit;
    this.#patienceMs = options.patienceMs;
    this.#waiters = new Waiters(options.clock);
    this.#subscriptions = new Subscriptions(options.clock);
    const { keeper, clock, random, emit } = options;
    const replace = (connection: Connection): Promise<boolean> => this.#replace(connection);
    this.#reauthentication = new Reauthentication({ keeper, clock, random, emit, replace });
    this.#refusals = new Refusals({ clock, emit, address: this.#address });
  }

  /** Its name or address, as it is connected to. */
  get hostname(): string {
    return this.#options.hostname;
  }

  get #address(): string {
    return `${this.#options.hostname}:${this.#options.port}`;
  }

  start(): void {
    if (this.#state.kind !== 'idle') return;
    this.#stopListening = this.#keeper.onRotation(() => {
      if (this.#state.kind === 'ready') void this.#reauthentication.keep(this.#state.connection);
    });
    void this.#connect({ kind: 'start', sinceMs: this.#clock.nowMs(), failures: 0, lastFailure: undefined });
  }

  async run<T>(work: (client: RedisClient) => Promise<T>, options: NodeCall): Promise<T> {
    for (let losses = 0; ; losses += 1) {
      const connection = await this.#readyConnection(options.deadlineAtMs);
      try {
        const watched = (client: RedisClient): Promise<T> => work(this.#refusals.watch(client));
        return await connection.run(watched, options.deadlineAtMs);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        const rejected = error.code === 'redis-rejected-identity';
        if (rejected) await this.#reauthentication.restore(connection, options.deadlineAtMs);
        else if (error.code !== 'connection-lost') throw error;
        if (!options.idempotent || losses >= (rejected ? 1 : maxRepeats)) throw error;
      }
    }
  }

  async ping(deadlineAtMs: number): Promise<void> {
    await this.run((client) => client.ping(), { deadlineAtMs, idempotent: true });
  }

  status(): RedisStatus {
    const state = this.#state;
    const outage = 'outage' in state ? state.outage : undefined;
    return {
      state: state.kind,
      connections: state.kind === 'ready' ? 1 : 0,
      lastFailure: outage?.lastFailure?.message,
      ...this.#reauthentication.counts,
    };
  }

  settled(): Promise<void> {
    return this.#reauthentication.settled();
  }

  subscribe(channel: string, listener: (message: string) => void): () => void {
    return this.#subscriptions.add(channel, listener);
  }

  async close(): Promise<void> {
    const state = this.#state;
    if (state.kind === 'closed') return;
    this.#state = { kind: 'closed' };
    this.#stopListening();
    this.#waiters.rejectAll(closedError());
    if (state.kind === 'backing-off') state.cancel();
    if (state.kind === 'ready') await state.connection.close(closeGraceMs);
  }

  async #readyConnection(deadlineAtMs: number): Promise<Connection> {
    const state = this.#state;
    if (state.kind === 'ready') return state.connection;
    if (state.kind === 'closed') throw closedError();
    if ('outage' in state && this.#isKnown(state.outage)) throw this.#outageError();
    return this.#waiters.wait(deadlineAtMs, () => this.#outageError());
  }

  /** Whether waiting is pointless. A start that has not failed yet is slow, not out. */
  #isKnown({ kind, failures, sinceMs }: Outage): boolean {
    return (kind === 'loss' || failures > 0) && this.#clock.nowMs() - sinceMs > this.#patienceMs;
  }

  #outageError(): AppError {
    const state = this.#state;
    const failure = 'outage' in state ? state.outage.lastFailure : undefined;
    const untilRetryMs = state.kind === 'backing-off' ? state.retryAtMs - this.#clock.nowMs() : 0;
    return new AppError(
      failure?.code ?? 'redis-unavailable',
      failure?.message ?? 'Not connected to Redis yet.',
      {
        cause: failure,
        retryAfterSeconds: Math.max(Math.ceil(untilRetryMs / 1000), 1),
      },
    );
  }

  async #connect(outage: Outage): Promise<void> {
    const attempt: State = { kind: 'connecting', outage };
    this.#state = attempt;
    const startedAtMs = this.#clock.nowMs();
    try {
      // The start runs beside the first token request; later attempts do not knock without a token.
      const isFirst = outage.kind === 'start' && outage.failures === 0;
      if (!isFirst) await this.#keeper.waitForToken(startedAtMs + tokenWaitMs);
      const connection = await this.#open();
      if (this.#state !== attempt) return await connection.close(0);
      if (!connection.isLive) throw new AppError('connection-lost', 'The connection was lost at once.');
      this.#adopt(connection, startedAtMs);
    } catch (error) {
      if (this.#state === attempt) this.#backOff(outage, error);
    }
  }

  #open(): Promise<Connection> {
    return Connection.open({
      id: this.#nextConnectionId(),
      options: this.#options,
      clock: this.#clock,
      // A little less than the handshake may take, so that a missing token is told as that.
      token: () => this.#keeper.waitForToken(this.#clock.nowMs() + this.#options.connectTimeoutMs * 0.9),
      onLost: (reason, connection) => this.#onLost(reason, connection),
    });
  }

  #adopt(connection: Connection, startedAtMs: number): void {
    this.#state = { kind: 'ready', connection };
    const nowMs = this.#clock.nowMs();
    this.#emit({
      type: 'connectionReady',
      connectionId: connection.id,
      address: this.#address,
      connectMs: nowMs - startedAtMs,
      timeLeftMs: connection.token.expiresAtMs - this.#clock.wallMs(),
    });
    this.#waiters.resolveAll(connection);
    this.#subscriptions.moveTo(connection);
    // A rotation may have happened during the handshake.
    void this.#reauthentication.keep(connection);
  }

  #backOff(outage: Outage, error: unknown): void {
    const failure =
      error instanceof AppError
        ? error
        : new AppError('redis-unavailable', describe(error), { cause: error });
    const failures = outage.failures + 1;
    const next: Outage = { ...outage, failures, lastFailure: failure };
    // The token may have been revoked: see whether there is a later one before knocking again.
    if (failure.code === 'redis-rejected-identity') void this.#keeper.renew();
    this.#reconnectAfter(next, reconnectDelayMs(failures, failure.code, this.#random()));
  }

  #reconnectAfter(outage: Outage, delayMs: number): void {
    const cancel = this.#clock.after(delayMs, () => void this.#connect(outage));
    this.#state = { kind: 'backing-off', outage, retryAtMs: this.#clock.nowMs() + delayMs, cancel };
    if (outage.lastFailure === undefined) return;
    this.#emit({
      type: 'connectionFailed',
      code: outage.lastFailure.code,
      reason: outage.lastFailure.message,
      attempt: outage.failures,
      retryInMs: delayMs,
    });
  }

  #onLost(reason: AppError, connection: Connection): void {
    const nowMs = this.#clock.nowMs();
    const livedMs = nowMs - connection.openedAtMs;
    this.#emit({ type: 'connectionLost', connectionId: connection.id, reason: reason.message, livedMs });
    // What waits to send it another AUTH sees that there is nothing left to do.
    void this.#reauthentication.keep(connection);
    if (this.#state.kind !== 'ready' || this.#state.connection !== connection) return;
    const outage: Outage = { kind: 'loss', sinceMs: nowMs, failures: 0, lastFailure: undefined };
    this.#reconnectAfter(outage, reconnectDelayMs(0, undefined, this.#random()));
  }

  /** Make before break: the successor is ready before this connection is left. */
  async #replace(connection: Connection): Promise<boolean> {
    try {
      const startedAtMs = this.#clock.nowMs();
      const successor = await this.#open();
      if (this.#state.kind !== 'ready' || this.#state.connection !== connection || !successor.isLive) {
        await successor.close(0);
        return true;
      }
      this.#emit({
        type: 'connectionReplaced',
        connectionId: connection.id,
        successorId: successor.id,
        reason: 'its token is about to expire and AUTH failed',
      });
      this.#adopt(successor, startedAtMs);
      await connection.close(closeGraceMs);
      return true;
    } catch {
      // AUTH is tried again; if the server cuts first, the ordinary reconnect takes over.
      return false;
    }
  }
}

export function closedError(): AppError {
  return new AppError('stopped', 'The Redis client has been closed.');
}
