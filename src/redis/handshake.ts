// Opens an authenticated node-redis client that connects once: TCP, TLS, token and HELLO within one time limit.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { RedisClientType } from 'redis';
import type { Token } from '../auth/token.ts';
import type { Clock } from '../util/clock.ts';
import { withDeadline } from '../util/deadline.ts';
import { AppError, describe } from '../util/errors.ts';
import { newRedisClient } from './new-client.ts';
import { rejectedIdentity } from './rejected-identity.ts';
import { refusalCause, ReplyError, withParsedReply } from './reply-error.ts';

export interface ConnectionOptions {
  readonly hostname: string;
  readonly port: number;
  readonly tls: boolean;
  /** Whom the certificate must name, where that is not `hostname`. */
  readonly servername?: string | undefined;
  /** PEM: the authorities to trust, in place of those that Node.js trusts. */
  readonly ca?: string | undefined;
  /** The Redis user name; the token's `oid` where undefined. */
  readonly username: string | undefined;
  /** TCP, TLS, token and HELLO together. */
  readonly connectTimeoutMs: number;
  /** Idle time after which a PING is sent: Azure closes a connection that was idle for 10 minutes. */
  readonly pingAfterMs: number;
  /** After this an unanswered PING has timed out, and the connection is watched; 5 s where undefined. */
  readonly pingTimeoutMs?: number | undefined;
}

function newClient(
  options: ConnectionOptions,
  wire: Socket | undefined,
  token: () => Promise<Token>,
  tracks: boolean,
): RedisClient {
  const socket = {
    host: options.hostname,
    port: options.port,
    connectTimeout: options.connectTimeoutMs,
    // After a loss a new client is made: node-redis keeps a connection it was told to destroy while
    // connecting, and has no limit for a server that accepts and never answers HELLO.
    reconnectStrategy: false,
  } as const;
  return newRedisClient({
    socket: wire === undefined ? socket : { ...socket, ...trust(options), tls: true, socket: wire },
    disableOfflineQueue: true,
    // Deadlines are the caller's: node-redis's own limit ends when the command is written.
    commandOptions: { timeout: 0 },
    maintNotifications: 'disabled',
    // With this it sends CLIENT TRACKING ON in its handshake.
    emitInvalidate: tracks,
    credentialsProvider: {
      type: 'async-credentials-provider',
      credentials: async () => {
        const current = await token();
        return { username: usernameOf(options, current), password: current.reveal() };
      },
    },
  });
}

/** SNI, the name that the certificate is checked against, and by whom it has to be (https://nodejs.org/api/tls.html#tlsconnectoptions-callback). */
function trust({ servername, ca }: ConnectionOptions): { servername?: string; ca?: string } {
  return { ...(servername !== undefined && { servername }), ...(ca !== undefined && { ca }) };
}

/** Without modules, functions or scripts; RESP3, in which a subscriber can be re-authenticated as well. */
export type RedisClient = RedisClientType;

export function usernameOf(options: ConnectionOptions, token: Token): string {
  return options.username ?? token.oid ?? '';
}

/** A client that is connected and authenticated, and what it took. */
export interface Handshake {
  readonly client: RedisClient;
  /** Under the TLS, where there is one. */
  readonly wire: Socket | undefined;
  readonly token: Token;
}

export type ShakeHands = typeof shakeHands;

/** Redis, or a proxy before it, lets this identity in and does not tell it which keys change. */
export class TrackingRefusedError extends AppError {
  /** What it said. */
  readonly reason: string;

  constructor(error: ReplyError) {
    super('command-failed', `Redis does not track keys for this identity: ${describe(error.cause)}`, {
      cause: error,
    });
    this.reason = describe(error.cause).slice(0, maxReasonLength);
  }
}

const maxReasonLength = 300;

/**
 * TCP and TLS go ahead while the token is still being requested.
 * @param onError called with every error of the client, also later ones.
 * @param onKeyChanged called with each key that has changed, undefined for all; keys are tracked only where it is given.
 * @throws AppError `redis-rejected-identity`, `redis-unavailable`, or what `token` throws; `TrackingRefusedError`.
 */
export async function shakeHands(
  options: ConnectionOptions,
  token: () => Promise<Token>,
  clock: Clock,
  onError: (error: unknown) => void,
  onKeyChanged?: (key: string | undefined) => void,
): Promise<Handshake> {
  let used: Token | undefined;
  let tokenError: AppError | undefined;
  const wire = options.tls ? dial(options) : undefined;
  const tracks = onKeyChanged !== undefined;
  const authenticate = async (): Promise<Token> => {
    try {
      return (used = await token());
    } catch (error) {
      if (error instanceof AppError) tokenError = error;
      throw error;
    }
  };
  const client = newClient(options, wire, authenticate, tracks);
  if (tracks) client.on('invalidate', (key: Buffer | null) => onKeyChanged(key?.toString()));
  // Without a listener an 'error' event ends the process.
  client.on('error', onError);
  try {
    await connectWithin(client, wire, options.connectTimeoutMs, clock);
  } catch (error) {
    if (tokenError !== undefined) throw tokenError;
    throw (tracks && trackingRefusal(error)) || connectFailure(error, options, used);
  }
  if (used === undefined) throw new AppError('redis-unavailable', 'Connected without asking for a token.');
  if (!client.isReady) throw new AppError('redis-unavailable', 'Redis closed the connection at once.');
  return { client, wire, token: used };
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

// Redis 6 names the command without its subcommand, Redis 7 both; other servers and proxies say anything.
const isAboutTracking = /tracking|'client'/iu;

/** Undefined where something else was refused, or Redis cannot serve now. */
function trackingRefusal(thrown: unknown): TrackingRefusedError | undefined {
  const error = withParsedReply(thrown);
  if (!(error instanceof ReplyError) || error.code !== 'command-failed') return undefined;
  const isOwnName = isAboutTracking.test(describe(error.cause));
  return isOwnName || refusalCause(error) !== 'no-permission' ? new TrackingRefusedError(error) : undefined;
}

function connectFailure(thrown: unknown, options: ConnectionOptions, token: Token | undefined): AppError {
  const error = withParsedReply(thrown);
  if (error instanceof ReplyError) {
    const isRejected = error.reply.kind === 'not-authenticated' || refusalCause(error) === 'no-permission';
    return isRejected ? rejectedIdentity({ oid: token?.oid, username: options.username }, error) : error;
  }
  if (error instanceof AppError) return error;
  const message = `Cannot connect to Redis at ${options.hostname}:${options.port}: ${describe(error)}`;
  return new AppError('redis-unavailable', message, { cause: error });
}
