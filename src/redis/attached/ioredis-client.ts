// What is changed in an ioredis client that somebody else made, one function for each change; each returns how to undo it.
//
// ioredis reads the options `username` and `password` when it begins to connect, copies them to duplicates and to a
// cluster's subscribers, and makes text of them when it writes AUTH, or HELLO: so they are texts that are made then.

import { Socket } from 'node:net';
import type { Token } from '../../auth/token.ts';
import { keptAlive } from '../../util/pending-calls.ts';
import type { Attachments } from './attachments.ts';
import { LazyText } from './lazy-text.ts';

type Undo = () => void;
type Listen = (event: string, listener: (...values: never[]) => void) => unknown;

interface Connector {
  connect: (onError: unknown) => Promise<Socket>;
  disconnect: () => void;
  stream?: Socket;
  firstError?: unknown;
}

/** The part of an ioredis client that is used, public or not: the tests hold it to versions 5 and 6. */
export interface IoredisClient {
  readonly status: string;
  readonly mode: string;
  readonly options: {
    username?: unknown;
    password?: unknown;
    lazyConnect?: boolean | undefined;
    readonly connectTimeout?: number | undefined;
  };
  readonly connector: Connector;
  on: Listen;
  off: Listen;
  auth(username: string, password: string): Promise<unknown>;
  connect(): Promise<unknown>;
  disconnect(reconnect?: boolean): void;
  duplicate: (override?: Readonly<Record<string, unknown>>) => IoredisClient;
  recoverFromFatalError: (commandError: unknown, error: unknown, options?: unknown) => void;
}

const defaultTokenWaitMs = 10_000;
/** As ioredis says it. */
const closedMessage = 'Connection is closed.';

/** @param offer the token for what is written now. */
export function setCredentials(
  { options }: IoredisClient,
  attachments: Attachments,
  offer: () => Token | undefined,
): Undo {
  const { username, password } = options;
  const lazily = (textOf: (token: Token) => string): LazyText =>
    new LazyText(() => {
      const token = offer();
      return token === undefined ? '' : textOf(token);
    });
  options.username = lazily((token) => attachments.usernameOf(token));
  options.password = lazily((token) => token.reveal());
  return () => Object.assign(options, { username, password });
}

/** It connects when there is a token. What is wrong with tokens is told as what is wrong with a connection. */
export function waitForTokens({ connector, options }: IoredisClient, attachments: Attachments): Undo {
  const { connect, disconnect } = connector;
  const { connectTimeout = defaultTokenWaitMs } = options;
  let giveUp: ((reason: Error) => void) | undefined;
  const tokenOrClosed = (): Promise<unknown> =>
    new Promise((resolve, reject) => {
      giveUp = reject;
      keptAlive(attachments.token(connectTimeout)).then(resolve, (error: unknown) => resolve(error));
    });
  connector.connect = async (onError) => {
    const failure = attachments.offer() === undefined ? await tokenOrClosed() : undefined;
    giveUp = undefined;
    if (!(failure instanceof Error)) return connect.call(connector, onError);
    // A rejection would end the client for good; a stream that is gone makes it try again, as its options say.
    connector.firstError = failure;
    connector.stream = new Socket().destroy();
    return connector.stream;
  };
  connector.disconnect = () => {
    giveUp?.(new Error(closedMessage));
    disconnect.call(connector);
  };
  return () => Object.assign(connector, { connect, disconnect });
}

/** @param attach called with each duplicate before it connects. */
export function attachDuplicates(client: IoredisClient, attach: (copy: IoredisClient) => void): Undo {
  const { duplicate } = client;
  client.duplicate = (override) => {
    const lazyConnect =
      override !== undefined && 'lazyConnect' in override
        ? override['lazyConnect'] === true
        : client.options.lazyConnect;
    const copy = duplicate.call(client, { ...override, lazyConnect: true });
    attach(copy);
    copy.options.lazyConnect = lazyConnect;
    // As its constructor would have.
    if (lazyConnect !== true) copy.connect().catch(() => {});
    return copy;
  };
  return () => Object.assign(client, { duplicate });
}

/**
 * The error of a handshake that was refused holds the command, and goes to whoever listens or waits.
 * @param onFailure called with the error of each handshake that failed.
 */
export function hideTokens(client: IoredisClient, onFailure: (error: unknown) => void): Undo {
  const { recoverFromFatalError } = client;
  client.recoverFromFatalError = (commandError, error, options) => {
    for (const one of [commandError, error]) {
      const { command } = one as { command?: { readonly name: string; args: unknown } };
      if (command !== undefined && /^(?:auth|hello)$/iu.test(command.name)) command.args = [];
    }
    onFailure(error);
    recoverFromFatalError.call(client, commandError, error, options);
  };
  return () => Object.assign(client, { recoverFromFatalError });
}
