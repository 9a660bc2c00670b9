// One live connection: a node-redis client that connects once, is watched, and is never reused after a loss.
// Used by node.ts. Decides nothing: not when to connect, nor what to do after a loss.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createClient, ErrorReply } from 'redis';
import type { Token } from '../auth/token.ts';
import type { Clock } from '../clock.ts';
import { withDeadline } from '../deadline.ts';
import { AppError, describe } from '../errors.ts';
import { fromErrorReply, rejectedIdentity } from './failures.ts';
import { Silence } from './silence.ts';

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
  /** After this an unanswered PING is late, and the connection watched for silence; 5 s where undefined. */
  readonly pingTimeoutMs?: number | undefined;
}

/** The options the client is made with decide its type: RESP3, so that Pub/Sub shares the connection. */
function newClient(options: ConnectionOptions, wire: Socket | undefined, token: () => Promise<Token>) {
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
    socket: wire === undefined ? socket : { ...socket, ...servername(options), tls: true, socket: wire },
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
  readonly #silence: Silence;
  #cancelPing = (): void => {};

  private constructor(
    id: number,
    client: RedisClient,
    wire: Socket | undefined,
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
    this.#silence = new Silence(
      clock,
      () => wire?.bytesRead ?? 0,
      (silentMs) => this.fail(`nothing was answered for ${Math.round(silentMs)} ms`),
    );
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
    const wire = options.tls ? dial(options) : undefined;
    const client = newClient(options, wire, async () => {
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
      await connectWithin(client, wire, options.connectTimeoutMs, clock);
    } catch (error) {
      if (tokenError !== undefined) throw tokenError;
      throw connectFailure(error, options, used);
    }
    if (used === undefined) throw new AppError('redis-unavailable', 'Connected without asking for a token.');
    if (!client.isReady) throw new AppError('redis-unavailable', 'Redis closed the connection at once.');
    connection = new Connection(id, client, wire, used, options, clock, (reason) => {
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
    this.#silence.asked();
    this.#schedulePing();
    const done = (async () => work(this.#client))().finally(() => this.#silence.answered());
    try {
      return await withDeadline(this.#clock, deadlineAtMs, done, () => {
        this.#silence.late();
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
    this.#silence.stop();
    this.#client.destroy();
    this.#onLost(new AppError('connection-lost', `The connection to Redis was lost: ${reason}`));
  }

  /** Lets what is in flight be answered for up to `graceMs`, then closes. */
  async close(graceMs: number): Promise<void> {
    if (this.#state !== 'live') return;
    this.#state = 'closed';
    this.#cancelPing();
    this.#silence.stop();
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
      // An answer that does not come is told by the silence.
      this.run((client) => client.ping(), deadlineAtMs).catch(() => {});
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

/**
 * The TCP connection, apart from the TLS over it: node-redis shows nobody its socket, and what has arrived on it
 * tells a long answer from none. Without TLS Redis is on the same machine, and answers are short on the way.
 */
function dial({ hostname, port }: ConnectionOptions): Socket {
  // As node-redis sets it.
  const wire = connect({
    host: hostname,
    port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
  });
  // Whoever waits for it, and later the TLS over it, hears the same; without a listener the process would end.
  wire.on('error', () => {});
  return wire;
}

/** Not before TCP is connected: Node.js 24 crashes where TLS lies over a socket that tries several addresses. */
async function connectOver(client: RedisClient, wire: Socket | undefined): Promise<void> {
  if (wire !== undefined) await once(wire, 'connect');
  await client.connect();
}

/** connect() with a limit for the whole handshake; a client given up on is destroyed whenever it settles. */
async function connectWithin(
  client: RedisClient,
  wire: Socket | undefined,
  limitMs: number,
  clock: Clock,
): Promise<void> {
  const connecting = connectOver(client, wire);
  const late = (): AppError =>
    new AppError('redis-unavailable', `Redis did not complete the handshake within ${limitMs} ms.`);
  try {
    await withDeadline(clock, clock.nowMs() + limitMs, connecting, late);
  } catch (error) {
    wire?.destroy();
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
