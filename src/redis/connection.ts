// One live connection: a client that connected once, is watched, and is never reused after a loss.

import type { Token } from '../auth/token.ts';
import type { Clock } from '../util/clock.ts';
import { AppError, describe } from '../util/errors.ts';
import { outsideCalls } from '../util/outside-calls.ts';
import { AbandonedReplies } from './abandoned-replies.ts';
import { CallDeadlines } from './call-deadlines.ts';
import { takeInReplies } from './command-replies.ts';
import type { ConnectionEvents, OpenOptions } from './connection-open.ts';
import { ConnectionLostError } from './connection-lost.ts';
import { usernameOf, type ConnectionOptions, type Handshake, type RedisClient } from './handshake.ts';
import { IdlePing } from './idle-ping.ts';
import { ReplyWatchdog } from './reply-watchdog.ts';
import { withParsedReply } from './reply-error.ts';
import { started } from './started-work.ts';
import { Tracker, type Probe } from './tracker.ts';

export interface CommandOptions {
  readonly deadlineAtMs: number;
  /** Whether `work` may be run again on another connection, where this one is left. */
  readonly idempotent?: boolean;
}

/** What somebody waits for. */
interface Call extends CommandOptions {
  readonly sentAtMs: number;
  readonly reject: (reason: AppError) => void;
}

// Between a reply and the next command: what was alive then was alive for the command too.
const aliveForMs = 100;
export class Connection {
  readonly id: number;
  readonly openedAtMs: number;
  readonly tracker: Tracker;
  readonly #client: RedisClient;
  readonly #options: ConnectionOptions;
  readonly #clock: Clock;
  readonly #events: ConnectionEvents<Connection>;
  readonly #watchdog: ReplyWatchdog;
  readonly #abandoned: AbandonedReplies;
  readonly #deadlines: CallDeadlines<Call>;
  readonly #idlePing: IdlePing;
  #token: Token;
  #state: 'live' | 'lost' | 'silent' | 'closed' = 'live';
  #repliedAtMs: number;
  #onIdle = (): void => {};

  constructor(
    handshake: Handshake,
    isTracking: boolean,
    open: Omit<OpenOptions<Connection>, 'token' | 'shakeHands'>,
  ) {
    const { client, wire, token } = handshake;
    const { id, options, clock, observer } = open;
    this.id = id;
    this.openedAtMs = clock.nowMs();
    this.#client = client;
    this.#token = token;
    this.#options = options;
    this.#clock = clock;
    this.#events = open;
    this.#repliedAtMs = this.openedAtMs;
    const bytesReceived = (): number => wire?.bytesRead ?? 0;
    this.#watchdog = new ReplyWatchdog(clock, bytesReceived, (silentMs) =>
      this.#lose('silent', `nothing was answered for ${Math.round(silentMs)} ms`),
    );
    this.#abandoned = new AbandonedReplies(clock, bytesReceived, () => open.onBlocked(this));
    this.#deadlines = new CallDeadlines(clock, (call) => this.#onDeadline(call));
    takeInReplies(client, observer);
    const ping = (deadlineAtMs: number) => this.run((pinged) => pinged.ping(), { deadlineAtMs });
    this.#idlePing = new IdlePing(clock, options, { repliedAtMs: () => this.#repliedAtMs, ping });
    // Reads bring these about, and are not what waits for them.
    this.tracker = new Tracker({
      isTracking,
      ping: (deadlineAtMs) => outsideCalls(() => ping(deadlineAtMs)),
      change: (probe, deadlineAtMs) =>
        outsideCalls(() => this.run((on) => changed(on, probe), { deadlineAtMs })),
      onUnheard: (isDeaf) => open.tracking?.unheard(this.tracker, isDeaf),
    });
    open.tracking?.connected(client, this.tracker);
  }

  /** @throws AppError `redis-rejected-identity`, `redis-unavailable`, or what `token` throws. */
  static async open(open: OpenOptions<Connection>): Promise<Connection> {
    let connection: Connection | undefined;
    const onError = (error: unknown): void => connection?.fail(`connection ended: ${describe(error)}`);
    const { options, token, clock, tracking } = open;
    const onKeyChanged = tracking?.askFor(() => connection?.tracker);
    const handshake = await open.shakeHands(options, token, clock, onError, onKeyChanged);
    connection = new Connection(handshake, onKeyChanged !== undefined, open);
    return connection;
  }

  /** The token this connection last authenticated with: the server closes the connection at its expiry. */
  get token(): Token {
    return this.#token;
  }

  get isLive(): boolean {
    return this.#state === 'live';
  }

  /** Whether a new command would wait behind replies that nobody waits for any more. */
  get isBlocked(): boolean {
    return this.#abandoned.areBlocking;
  }

  /**
   * Runs `work`, waiting no longer than until the deadline.
   * @param onFailure answers instead of a failure, without another promise for each call that succeeds.
   * @throws AppError `connection-lost` also where the connection is left while this waits: see `leave()`.
   */
  run<T>(
    work: (client: RedisClient) => Promise<T>,
    options: CommandOptions,
    onFailure?: (error: unknown) => Promise<T>,
  ): Promise<T> {
    const { deadlineAtMs, idempotent = false } = options;
    return new Promise<T>((resolve, rejectWith) => {
      const reject = (error: unknown): void =>
        onFailure === undefined ? rejectWith(error) : resolve(onFailure(error));
      const sentAtMs = this.#clock.nowMs();
      const call: Call = { deadlineAtMs, idempotent, sentAtMs, reject };
      this.#deadlines.add(call);
      this.#watchdog.onSend(sentAtMs);
      started(work, this.#client).then(
        (value) => {
          this.#onReply(call);
          resolve(value);
        },
        (error: unknown) => {
          // Nobody waits for it any more where the time was up, or the connection was left.
          if (this.#onReply(call)) reject(this.#explain(error, sentAtMs));
        },
      );
    });
  }

  /** Sends one AUTH with `token`. */
  async reauthenticate(token: Token, deadlineAtMs: number): Promise<void> {
    const credentials = { username: usernameOf(this.#options, token), password: token.reveal() };
    await this.run((client) => client.auth(credentials), { deadlineAtMs });
    this.#token = token;
  }

  /** Ends a connection that cannot be used any more. */
  fail(reason: string): void {
    this.#lose('lost', reason);
  }

  /** Fails what may be run again elsewhere; else as `close()`. */
  async leave(graceMs: number): Promise<void> {
    const closed = this.close(graceMs);
    const moved = new ConnectionLostError('The connection was left for another one.', { isSuspect: false });
    for (const call of this.#deadlines.calls) {
      if (call.idempotent === true && this.#remove(call)) call.reject(moved);
    }
    await closed;
  }

  /** Waits up to `graceMs` for the replies that somebody waits for, then closes. */
  async close(graceMs: number): Promise<void> {
    if (this.#state !== 'live') return;
    this.#end('closed');
    if (this.#deadlines.calls.size > 0) {
      await new Promise<void>((resolve) => {
        const cancelTimer = this.#clock.after(graceMs, resolve);
        this.#onIdle = () => {
          cancelTimer();
          resolve();
        };
      });
    }
    this.#client.destroy();
  }

  /** @returns whether somebody still waited for it. */
  #onReply(call: Call): boolean {
    const isAwaited = this.#remove(call);
    // What an end does to commands is no reply.
    if (this.#state !== 'live') return isAwaited;
    this.#repliedAtMs = this.#clock.nowMs();
    this.#events.latency?.record(this.#repliedAtMs - call.sentAtMs);
    this.#watchdog.onReply(this.#repliedAtMs);
    this.#abandoned.onReply(isAwaited);
    return isAwaited;
  }

  #onDeadline(call: Call): void {
    if (this.#state === 'live') {
      this.#watchdog.onTimeout();
      this.#abandoned.onTimeout();
    }
    const waitedMs = Math.round(this.#clock.nowMs() - call.sentAtMs);
    call.reject(new AppError('deadline-exceeded', `Redis did not answer within ${waitedMs} ms.`));
    this.#onRemoved();
  }

  /** @returns whether somebody still waited for it. */
  #remove(call: Call): boolean {
    if (!this.#deadlines.remove(call)) return false;
    this.#onRemoved();
    return true;
  }

  #onRemoved(): void {
    if (this.#deadlines.calls.size === 0) this.#onIdle();
  }

  #lose(how: 'lost' | 'silent', reason: string): void {
    if (this.#state !== 'live') return;
    this.#end(how);
    this.#client.destroy();
    this.#events.onLost(new AppError('connection-lost', `The connection to Redis was lost: ${reason}`), this);
  }

  #end(state: 'lost' | 'silent' | 'closed'): void {
    this.#state = state;
    this.tracker.end();
    this.#idlePing.stop();
    this.#watchdog.stop();
    this.#abandoned.stop();
  }

  #explain(thrown: unknown, sentAtMs: number): unknown {
    const error = withParsedReply(thrown);
    if (error instanceof AppError) return error;
    // Neither ours nor Redis's reply: if the client is gone it was the loss, else it is the caller's own bug.
    if (this.#state === 'live' && this.#client.isReady) return error;
    const wasSilentBefore = this.#state === 'silent' && this.#repliedAtMs < sentAtMs - aliveForMs;
    return new ConnectionLostError('The connection to Redis was lost while waiting for an answer.', {
      isSuspect: this.#state !== 'closed' && !wasSilentBefore,
      cause: error,
    });
  }
}

/** Redis tracks keys that are read also where there are none: so it is there for a moment only. */
function changed(client: RedisClient, { key, isRead }: Probe): Promise<unknown> {
  const first = isRead ? [] : [client.get(key)];
  return Promise.all([...first, client.set(key, '', { PX: 1000 }), client.del(key), client.get(key)]);
}
