// One live connection: a node-redis client that connects once, is watched, and is never reused after a loss.
// Used by node.ts. Decides nothing: not when to connect, nor what to do after a loss.

import { createClient, ErrorReply } from 'redis';
import type { Token } from '../auth/token.ts';
import type { Clock } from '../clock.ts';
import { withDeadline } from '../deadline.ts';
import { AppError, describe } from '../errors.ts';
import { fromErrorReply, rejectedIdentity } from './failures.ts';

export interface ConnectionOptions {
  readonly hostname: string;
  readonly port: number;
  readonly tls: boolean;
  /** Whom the certificate must name, where that is not `hostname`. */
  readonly servername?: string | undefined;
  /** The Redis user name; the token's `oid` where undefined. */
  readonly username: string | undefined;
  /** TCP, TLS, token and HELLO together. */
  readonly connectTimeoutMs: number;
  /** Idle time after which a PING is sent: Azure closes a connection that was idle for 10 minutes. */
  readonly pingAfterMs: number;
  /** After this an unanswered PING means that nobody is there; 5 s where undefined. */
  readonly pingTimeoutMs?: number | undefined;
}

/** The options the client is made with decide its type: RESP3, so that Pub/Sub shares the connection. */
function newClient(options: ConnectionOptions, token: () => Promise<Token>) {
  const socket = {
    host: options.hostname,
    port: options.port,
    connectTimeout: options.connectTimeoutMs,
    // After a loss a new client is made: node-redis keeps a connection it was told to destroy while
    // connecting, and has no limit for a server that accepts and never answers HELLO.
    reconnectStrategy: false,
  } as const;
  return createClient({
    RESP: 3,
    socket: options.tls ? { ...socket, ...servername(options), tls: true } : socket,
    disableOfflineQueue: true,
    // Deadlines are the caller's: node-redis's own limit ends when the command is written.
    commandOptions: { timeout: 0 },
    maintNotifications: 'disabled',
    credentialsProvider: {
      type: 'async-credentials-provider',
      credentials: async () => {
        const current = await token();
        return { username: usernameOf(options, current), password: current.reveal() };
      },
    },
  });
}

/** SNI and the name that the certificate is checked against (https://nodejs.org/api/tls.html#tlsconnectoptions-callback). */
function servername({ servername: name }: ConnectionOptions): { servername?: string } {
  return name === undefined ? {} : { servername: name };
}

export type RedisClient = ReturnType<typeof newClient>;

function usernameOf(options: ConnectionOptions, token: Token): string {
  return options.username ?? token.oid ?? '';
}

// A command may be slow; a connection on which nothing at all was answered for this long is dead.
const stallMs = 1500;
const defaultPingTimeoutMs = 5000;

export class Connection {
  readonly id: number;
  readonly openedAtMs: number;
  readonly #client: RedisClient;
  readonly #options: ConnectionOptions;
  readonly #clock: Clock;
  readonly #onLost: (reason: AppError) => void;
  #token: Token;
  #state: 'live' | 'lost' | 'closed' = 'live';
  #pending = 0;
  #unansweredSinceMs = 0;
  #cancelPing = (): void => {};

  private constructor(
    id: number,
    client: RedisClient,
    token: Token,
    options: ConnectionOptions,
    clock: Clock,
    onLost: (reason: AppError) => void,
  ) {
    this.id = id;
    this.#client = client;
    this.#token = token;
    this.#options = options;
    this.#clock = clock;
    this.#onLost = onLost;
    this.openedAtMs = clock.nowMs();
    this.#schedulePing();
  }

  /**
   * Connects and authenticates. TCP and TLS go ahead while `token` is still on its way.
   * @throws AppError `redis-rejected-identity`, `redis-unavailable`, or what `token` throws.
   */
  static async open(parameters: {
    readonly id: number;
    readonly options: ConnectionOptions;
    readonly clock: Clock;
    readonly token: () => Promise<Token>;
    /** Called once, when the connection has ended without `close()`. */
    readonly onLost: (reason: AppError, connection: Connection) => void;
  }): Promise<Connection> {
    const { id, options, clock, onLost } = parameters;
    let used: Token | undefined;
    let connection: Connection | undefined;
    let tokenError: AppError | undefined;
    const client = newClient(options, async () => {
      try {
        return (used = await parameters.token());
      } catch (error) {
        if (error instanceof AppError) tokenError = error;
        throw error;
      }
    });
    // Without a listener an 'error' event ends the process. Before `open` returns, connect() rejects as well.
    client.on('error', (error: unknown) => connection?.fail(`connection ended: ${describe(error)}`));
    try {
      await connectWithin(client, options.connectTimeoutMs, clock);
    } catch (error) {
      if (tokenError !== undefined) throw tokenError;
      throw connectFailure(error, options, used);
    }
    if (used === undefined) throw new AppError('redis-unavailable', 'Connected without asking for a token.');
    if (!client.isReady) throw new AppError('redis-unavailable', 'Redis closed the connection at once.');
    connection = new Connection(id, client, used, options, clock, (reason) => {
      if (connection !== undefined) onLost(reason, connection);
    });
    return connection;
  }

  /** The token this connection last authenticated with: the server closes the connection at its expiry. */
  get token(): Token {
    return this.#token;
  }

  get isLive(): boolean {
    return this.#state === 'live';
  }

  /** Runs `work`, waiting no longer than until the deadline. */
  async run<T>(work: (client: RedisClient) => Promise<T>, deadlineAtMs: number): Promise<T> {
    const startedAtMs = this.#clock.nowMs();
    if (this.#pending === 0) this.#unansweredSinceMs = startedAtMs;
    this.#pending += 1;
    this.#schedulePing();
    const done = (async () => work(this.#client))().finally(() => {
      this.#pending -= 1;
      this.#unansweredSinceMs = this.#clock.nowMs();
    });
    try {
      return await withDeadline(this.#clock, deadlineAtMs, done, () => {
        this.#failIfStalled();
        const waitedMs = Math.round(this.#clock.nowMs() - startedAtMs);
        return new AppError('deadline-exceeded', `Redis did not answer within ${waitedMs} ms.`);
      });
    } catch (error) {
      throw this.#explain(error);
    }
  }

  /** Sends one AUTH with `token`. */
  async reauthenticate(token: Token, deadlineAtMs: number): Promise<void> {
    const credentials = { username: usernameOf(this.#options, token), password: token.reveal() };
    await this.run((client) => client.auth(credentials), deadlineAtMs);
    this.#token = token;
  }

  /** Ends a connection that cannot be used any more, and tells the owner. */
  fail(reason: string): void {
    if (this.#state !== 'live') return;
    this.#state = 'lost';
    this.#cancelPing();
    this.#client.destroy();
    this.#onLost(new AppError('connection-lost', `The connection to Redis was lost: ${reason}`));
  }

  /** Lets what is in flight be answered for up to `graceMs`, then closes. */
  async close(graceMs: number): Promise<void> {
    if (this.#state !== 'live') return;
    this.#state = 'closed';
    this.#cancelPing();
    const client = this.#client;
    await new Promise<void>((resolve) => {
      const cancelTimer = this.#clock.after(graceMs, resolve);
      client.close().then(resolve, resolve).finally(cancelTimer);
    });
    client.destroy();
  }

  #schedulePing(): void {
    this.#cancelPing();
    if (this.#state !== 'live') return;
    this.#cancelPing = this.#clock.after(this.#options.pingAfterMs, () => {
      const deadlineAtMs = this.#clock.nowMs() + (this.#options.pingTimeoutMs ?? defaultPingTimeoutMs);
      this.run((client) => client.ping(), deadlineAtMs).catch((error: unknown) => {
        // An error reply is an answer: the connection lives.
        if (!(error instanceof AppError) || error.code !== 'deadline-exceeded') return;
        this.fail('an idle connection did not answer PING');
      });
    });
  }

  #failIfStalled(): void {
    const silentMs = this.#clock.nowMs() - this.#unansweredSinceMs;
    if (this.#pending > 0 && silentMs >= stallMs)
      this.fail(`nothing was answered for ${Math.round(silentMs)} ms`);
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

/** connect() with a limit for the whole handshake; a client given up on is destroyed whenever it settles. */
async function connectWithin(client: RedisClient, limitMs: number, clock: Clock): Promise<void> {
  const connecting = client.connect();
  const late = (): AppError =>
    new AppError('redis-unavailable', `Redis did not complete the handshake within ${limitMs} ms.`);
  try {
    await withDeadline(clock, clock.nowMs() + limitMs, connecting, late);
  } catch (error) {
    client.destroy();
    // node-redis keeps a socket that was still connecting when the client was destroyed.
    const destroyAgain = (): void => client.destroy();
    connecting.then(destroyAgain, destroyAgain);
    throw error;
  }
}

function connectFailure(error: unknown, options: ConnectionOptions, token: Token | undefined): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof ErrorReply && /^(?:WRONGPASS|NOAUTH|NOPERM)/u.test(error.message)) {
    return rejectedIdentity(token === undefined ? undefined : usernameOf(options, token), error);
  }
  return (
    fromErrorReply(error) ??
    new AppError(
      'redis-unavailable',
      `Cannot connect to Redis at ${options.hostname}:${options.port}: ${describe(error)}`,
      { cause: error },
    )
  );
}
