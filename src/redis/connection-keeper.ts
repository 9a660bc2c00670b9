// Keeps one connection to one server ready and authenticated, as a state machine.

import type { Clock } from '../util/clock.ts';
import { AppError, type ErrorCode } from '../util/errors.ts';
import { DeadlineQueue } from '../util/deadline-queue.ts';
import type { Connection } from './connection.ts';
import type { ConnectionKeeperOptions } from './connection-keeper-options.ts';
import { ConnectionOpener, isRejection } from './connection-opener.ts';
import { asAppError, closedError, isKnown, outageError, type Outage } from './outage.ts';
import { Reauthentication } from './reauthentication.ts';
import { reconnectDelayMs } from './reconnect-policy.ts';
import { Replacement } from './replacement.ts';
import type { Tracker } from './tracker.ts';

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

const closeGraceMs = 5000;
const tokenWaitMs = 30_000;
/** Failures that the next token may end. */
const waitsForToken: ReadonlySet<ErrorCode | undefined> = new Set<ErrorCode>([
  'redis-rejected-identity',
  'token-unavailable',
]);

export class ConnectionKeeper {
  readonly #options: ConnectionKeeperOptions;
  readonly #clock: Clock;
  readonly #waiting: DeadlineQueue<Connection>;
  readonly #reauthentication: Reauthentication<Connection>;
  readonly #opener: ConnectionOpener;
  readonly #replacement: Replacement;
  #tracker: Tracker | undefined;
  #state: State = { kind: 'idle' };
  #stopListening = (): void => {};

  constructor(options: ConnectionKeeperOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#waiting = new DeadlineQueue(options.clock);
    const opener = new ConnectionOpener({
      ...options,
      onLost: (reason, connection) => this.#onLost(reason, connection),
      onBlocked: (connection) => void replacement.ofBlocked(connection),
    });
    const replacement = new Replacement({
      ...options,
      opener,
      closeGraceMs,
      isCurrent: (connection) => this.#state.kind === 'ready' && this.#state.connection === connection,
      adopt: (successor, startedAtMs) => this.#adopt(successor, startedAtMs),
    });
    this.#opener = opener;
    this.#replacement = replacement;
    this.#reauthentication = new Reauthentication({
      ...options,
      replace: (connection, token) => replacement.ofExpiring(connection, token),
    });
  }

  start(): void {
    if (this.#state.kind !== 'idle') return;
    const { keeper, admission, tracking } = this.#options;
    const stops = [keeper.onRotation(() => this.#onToken()), admission.onLetIn(() => this.#onToken())];
    if (tracking !== undefined) stops.push(tracking.onWanted(() => this.#ensureTracking()));
    this.#stopListening = () => stops.forEach((stop) => stop());
    void this.#connect({ kind: 'start', sinceMs: this.#clock.nowMs(), failures: 0, lastFailure: undefined });
  }

  get state(): State['kind'] {
    return this.#state.kind;
  }

  get lastFailure(): AppError | undefined {
    return 'outage' in this.#state ? this.#state.outage.lastFailure : undefined;
  }

  /** The connection to use now, without waiting. */
  get current(): Connection | undefined {
    return this.#state.kind === 'ready' ? this.#state.connection : undefined;
  }

  /** Of the connection that is used now, or, where that is lost, was used last. */
  get tracker(): Tracker | undefined {
    return this.#tracker;
  }

  /** @throws AppError what stands in the way, at the deadline; at once where it has stood there for long. */
  async connected(deadlineAtMs: number): Promise<Connection> {
    const state = this.#state;
    if (state.kind === 'ready') return state.connection;
    if (state.kind === 'closed') throw closedError();
    const nowMs = this.#clock.nowMs();
    if ('outage' in state && isKnown(state.outage, nowMs, this.#options.failFastAfterMs))
      throw this.#outageError();
    return this.#waiting.wait(deadlineAtMs, () => this.#outageError());
  }

  /** As `connected`, for however long it takes. */
  async whenReady(): Promise<void> {
    if (this.#state.kind === 'closed') throw closedError();
    if (this.#state.kind !== 'ready') await this.#waiting.wait(Infinity, () => this.#outageError());
  }

  /** Redis answered a command with NOAUTH or WRONGPASS. */
  async restore(connection: Connection, deadlineAtMs: number): Promise<void> {
    await this.#reauthentication.restore(connection, deadlineAtMs);
  }

  /** Resolves when no live connection is being brought to the current token. */
  settled(): Promise<void> {
    return this.#reauthentication.settled();
  }

  async close(): Promise<void> {
    const state = this.#state;
    if (state.kind === 'closed') return;
    this.#state = { kind: 'closed' };
    this.#stopListening();
    this.#waiting.rejectAll(closedError());
    if (state.kind === 'backing-off') state.cancel();
    if (state.kind === 'ready') await state.connection.close(closeGraceMs);
  }

  /** A token came, or was let in at last. */
  #onToken(): void {
    const state = this.#state;
    if (state.kind === 'ready') this.#reauthentication.ensureCurrent(state.connection);
    if (state.kind !== 'backing-off' || !waitsForToken.has(state.outage.lastFailure?.code)) return;
    state.cancel();
    void this.#connect(state.outage);
  }

  #outageError(): AppError {
    const state = this.#state;
    const untilRetryMs = state.kind === 'backing-off' ? state.retryAtMs - this.#clock.nowMs() : 0;
    return outageError(this.lastFailure ?? this.#missingToken(), untilRetryMs);
  }

  /** What the first connection waits for, where the credential has failed. */
  #missingToken(): AppError | undefined {
    const { keeper } = this.#options;
    const reason = keeper.current() === undefined ? keeper.status().lastFailure : undefined;
    return reason === undefined
      ? undefined
      : new AppError('token-unavailable', `No valid token yet. ${reason}`);
  }

  async #connect(outage: Outage): Promise<void> {
    const attempt: State = { kind: 'connecting', outage };
    this.#state = attempt;
    const { keeper } = this.#options;
    try {
      await this.#options.before?.(outage);
      if (this.#state !== attempt) return;
      const startedAtMs = this.#clock.nowMs();
      // At the start TCP and TLS go ahead while the first token is requested; later attempts wait for a token.
      const isFirst = outage.kind === 'start' && outage.failures === 0;
      if (!isFirst) await keeper.waitForToken(startedAtMs + tokenWaitMs);
      if (this.#state !== attempt) return;
      const connection = await this.#opener.open(() => this.#state === attempt);
      if (this.#state !== attempt) return await connection.close(0);
      if (!connection.isLive) throw new AppError('connection-lost', 'The connection was lost at once.');
      void this.#adopt(connection, startedAtMs);
    } catch (error) {
      if (this.#state !== attempt) return;
      this.#backOff(outage, error);
      // A token that came meanwhile found no back-off to end.
      const tried = this.#opener.newestTried;
      if (tried !== undefined && keeper.current() !== tried) this.#onToken();
    }
  }

  async #adopt(connection: Connection, startedAtMs: number): Promise<void> {
    const { connection: options, emit, purpose, onReady } = this.#options;
    this.#state = { kind: 'ready', connection };
    this.#tracker = connection.tracker;
    emit({
      type: 'connectionReady',
      connectionId: connection.id,
      purpose,
      address: `${options.hostname}:${options.port}`,
      connectMs: this.#clock.nowMs() - startedAtMs,
      timeLeftMs: connection.token.leftMs(this.#clock),
    });
    this.#waiting.resolveAll(connection);
    // A rotation may have happened during the handshake.
    this.#reauthentication.ensureCurrent(connection);
    this.#ensureTracking();
    await onReady?.(connection);
  }

  /** Keys may have become of interest after the connection was begun. */
  #ensureTracking(): void {
    if (this.current?.tracker.isTracking === false && this.#options.tracking?.isAsked === true)
      void this.#replacement.ofUntracked(this.current);
  }

  #backOff(outage: Outage, error: unknown): void {
    const lastFailure = asAppError(error);
    // The token may have been revoked: ask for a later one before the next attempt.
    if (isRejection(lastFailure)) void this.#options.keeper.renew();
    this.#reconnect({ ...outage, failures: outage.failures + 1, lastFailure });
  }

  #reconnect(outage: Outage): void {
    const { failures, lastFailure, sinceMs } = outage;
    const { random, instances, emit, purpose } = this.#options;
    const nowMs = this.#clock.nowMs();
    const delayMs = reconnectDelayMs({
      failures,
      code: lastFailure?.code,
      awayMs: nowMs - sinceMs,
      random: random(),
      instances: instances(),
    });
    const cancel = this.#clock.after(delayMs, () => void this.#connect(outage));
    this.#state = { kind: 'backing-off', outage, retryAtMs: nowMs + delayMs, cancel };
    if (lastFailure === undefined) return;
    const reason = lastFailure.message;
    emit({
      type: 'connectionFailed',
      code: lastFailure.code,
      purpose,
      reason,
      attempt: failures,
      retryInMs: delayMs,
    });
  }

  #onLost({ message: reason }: AppError, connection: Connection): void {
    const { emit, purpose } = this.#options;
    const nowMs = this.#clock.nowMs();
    const livedMs = nowMs - connection.openedAtMs;
    emit({ type: 'connectionLost', connectionId: connection.id, purpose, reason, livedMs });
    // Ends the pause before another AUTH to it.
    this.#reauthentication.ensureCurrent(connection);
    if (this.#state.kind !== 'ready' || this.#state.connection !== connection) return;
    this.#reconnect({ kind: 'loss', sinceMs: nowMs, failures: 0, lastFailure: undefined });
  }
}
