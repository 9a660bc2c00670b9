// A Redis server in memory, under real connections: a test decides how handshakes and commands end. Needs no socket.

import type { Socket } from 'node:net';
import { createClient, SimpleError } from 'redis';
import type { Token } from '../../src/auth/token.ts';
import { TrackingRefusedError, type RedisClient, type ShakeHands } from '../../src/redis/handshake.ts';
import { withParsedReply, type ReplyError } from '../../src/redis/reply-error.ts';

/** What to do with a command: a value to answer with, an error, or nothing for now. */
export type Answer = { readonly value: unknown } | { readonly error: string } | 'later';

interface Pending {
  readonly args: readonly string[];
  readonly answer: (value: unknown) => void;
  readonly fail: (error: Error) => void;
}

export class ScriptedConnection {
  readonly client: RedisClient;
  readonly token: Token;
  readonly host: string;
  /** Commands, each as its words in one line. */
  readonly sent: string[] = [];
  readonly channels = new Map<string, (message: string) => void>();
  pending: Pending[] = [];
  bytesRead = 0;
  isReady = true;
  /** The server says that a key has changed; undefined where it does not track keys. */
  readonly changed: ((key: string | undefined) => void) | undefined;
  readonly #onError: (error: unknown) => void;

  constructor(
    server: ScriptedServer,
    token: Token,
    host: string,
    onError: (error: unknown) => void,
    changed?: (key: string | undefined) => void,
  ) {
    this.changed = changed;
    this.token = token;
    this.host = host;
    this.#onError = onError;
    this.client = createClient({ RESP: 3 });
    // Where node-redis itself has them (command-replies.ts).
    const methods = Object.getPrototypeOf(this.client) as object;
    const run = (args: readonly string[]): Promise<unknown> => this.#run(server, args);
    const channels = {
      subscribe: async (name: string, listener: (message: string) => void) => {
        await run(['SUBSCRIBE', name]);
        this.channels.set(name, listener);
      },
      unsubscribe: async (name: string) => {
        await run(['UNSUBSCRIBE', name]);
        // As node-redis does: only then, and with whatever was subscribed meanwhile.
        this.channels.delete(name);
      },
    };
    Object.assign(methods, { sendCommand: run, destroy: () => this.#end(), ...channels });
    Object.defineProperty(methods, 'isReady', { get: () => this.isReady });
  }

  get wire(): Socket {
    return this as unknown as Socket;
  }

  /** The server cuts it. */
  cut(): void {
    this.#end();
    this.#onError(new Error('cut'));
  }

  #run(server: ScriptedServer, args: readonly string[]): Promise<unknown> {
    if (!this.isReady) return Promise.reject(new Error('The client is closed'));
    this.sent.push(args.join(' '));
    return new Promise((resolve, reject) => {
      const answer = server.answer(args, this);
      if (answer === 'later') this.pending.push({ args, answer: resolve, fail: reject });
      else if ('error' in answer) reject(new SimpleError(answer.error));
      else resolve(answer.value);
    });
  }

  #end(): void {
    this.isReady = false;
    const lost = this.pending;
    this.pending = [];
    for (const { fail } of lost) fail(new Error('Socket closed unexpectedly'));
  }
}

export class ScriptedServer {
  readonly connections: ScriptedConnection[] = [];
  handshakes = 0;
  answer: (args: readonly string[], on: ScriptedConnection) => Answer = () => ({ value: 'OK' });
  /** Throws what a handshake with this token fails with, or waits. */
  onHandshake: (token: Token) => Promise<void> | void = () => {};

  /** What it answers CLIENT TRACKING with; OK where undefined. */
  trackingRefusal: string | undefined;

  readonly shakeHands: ShakeHands = async (options, token, _clock, onError, onKeyChanged) => {
    this.handshakes += 1;
    const used = await token();
    await this.onHandshake(used);
    if (onKeyChanged !== undefined && this.trackingRefusal !== undefined)
      throw new TrackingRefusedError(withParsedReply(new SimpleError(this.trackingRefusal)) as ReplyError);
    const connection = new ScriptedConnection(this, used, options.hostname, onError, onKeyChanged);
    this.connections.push(connection);
    return { client: connection.client, wire: connection.wire, token: used };
  };

  /** The newest connection. */
  get last(): ScriptedConnection {
    const connection = this.connections.at(-1);
    if (connection === undefined) throw new Error('Nobody has connected.');
    return connection;
  }
}
