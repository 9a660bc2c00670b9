// One client's connection: passes bytes both ways, has AUTH and HELLO checked first, and ends with its token.
// Made by the front. Knows neither how tokens are checked nor other connections.

import { connect, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { atTime } from '../alarm.ts';
import { loopback } from '../listening.ts';
import type { Verdict } from './access.ts';
import type { AnnouncedPorts } from './addresses.ts';
import { helloProtocol, readAuthAttempt, type AuthAttempt } from './auth-attempt.ts';
import { AddressRewriter, matchedCommands } from './reply-matching.ts';
import { CommandSplitter, type Piece } from './resp-commands.ts';

export type CloseReason =
  /** Its token expired. */
  | 'expired'
  /** `cutAll`. */
  | 'cut'
  /** The client went away. */
  | 'client'
  /** Redis closed it, or is down. */
  | 'server'
  /** The front was stopped. */
  | 'stopped';

export interface AuthRecord {
  readonly atMs: number;
  readonly command: 'AUTH' | 'HELLO';
  readonly accepted: boolean;
  readonly tokenExpiresAtMs?: number;
}

export interface ConnectionRecord {
  readonly id: number;
  /** In a cluster, the index of the node to which it leads. */
  readonly node?: number;
  readonly acceptedAtMs: number;
  readonly closedAtMs?: number;
  readonly closedBecause?: CloseReason;
  /** The last 100. */
  readonly auths: readonly AuthRecord[];
}

export interface ConnectionContext {
  readonly id: number;
  readonly redisPort: number;
  readonly node?: number;
  /** In a cluster: what its addresses are changed to. */
  readonly announcedPorts?: AnnouncedPorts;
  readonly check: (attempt: AuthAttempt) => Promise<Verdict>;
  readonly onAuth: (accepted: boolean) => void;
  readonly onClosed: () => void;
}

const subscribing = ['SUBSCRIBE', 'PSUBSCRIBE', 'SSUBSCRIBE'];
const watched = ['AUTH', 'HELLO', ...subscribing];
const maxQueuedBytes = 1024 * 1024;
const keptAuths = 100;

export class FrontConnection {
  readonly record: ConnectionRecord;
  readonly #context: ConnectionContext;
  readonly #client: TLSSocket;
  readonly #auths: AuthRecord[] = [];
  readonly #splitter: CommandSplitter;
  readonly #rewriter: AddressRewriter | undefined;
  #redis: Socket | undefined;
  #redisGone = false;
  /** From the client, not yet passed on: while a check is in flight, or stalled. */
  #chunks: Buffer[] = [];
  #queuedBytes = 0;
  #pieces: Piece[] = [];
  #checking = false;
  #stalled = false;
  #closed = false;
  #clientEnded = false;
  #cancelExpiry: (() => void) | undefined;
  #expired = false;
  #protocol: 2 | 3 = 2;
  #subscribedInResp2 = false;

  constructor(client: TLSSocket, context: ConnectionContext) {
    this.#client = client;
    this.#context = context;
    const { id, node, announcedPorts } = context;
    this.record = { id, ...(node !== undefined && { node }), acceptedAtMs: Date.now(), auths: this.#auths };
    this.#rewriter = announcedPorts && new AddressRewriter(announcedPorts);
    this.#splitter = new CommandSplitter(announcedPorts ? [...watched, ...matchedCommands] : watched);
    client.setNoDelay(true);
    client.on('error', () => {}); // 'close' follows.
    client.on('data', (chunk) => this.#onClientData(chunk));
    client.on('end', () => {
      this.#clientEnded = true;
      this.#pump();
    });
    client.on('close', () => this.#onClientClose());
    client.on('drain', () => this.#resumeRedis());
  }

  /** Starts to pass on. Separate from the constructor, for a stalled connection must not reach redis. */
  start(stalled: boolean): void {
    this.#stalled = stalled;
    this.#pump();
  }

  /** Silent in both directions until told otherwise; nothing is lost. */
  setStalled(stalled: boolean): void {
    this.#stalled = stalled;
    if (stalled) {
      this.#redis?.pause();
    } else if (this.#expired) {
      this.destroy('expired');
    } else if (this.#redisGone) {
      this.destroy('server');
    } else {
      this.#resumeRedis();
      this.#pump();
    }
  }

  destroy(because: CloseReason): void {
    this.#close(because);
    this.#client.destroy();
    this.#redis?.destroy();
  }

  #onClientData(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#queuedBytes += chunk.length;
    this.#pump();
    if (this.#queuedBytes > maxQueuedBytes) this.#client.pause();
  }

  /** Passes on what the client sent, up to a command that must be checked first. */
  #pump(): void {
    if (this.#checking || this.#stalled || this.#closed) return;
    const redis = (this.#redis ??= this.#connectToRedis());
    for (let piece = this.#nextPiece(); piece !== undefined; piece = this.#nextPiece()) {
      if (piece.command !== undefined) {
        this.#checking = true;
        this.#examine(piece, piece.command, redis).then(
          () => {
            this.#checking = false;
            this.#pump();
          },
          () => this.destroy('server'), // Redis cannot be asked.
        );
        return;
      }
      this.#pass(piece, redis);
    }
    if (this.#clientEnded) redis.end();
    else if (redis.writableNeedDrain) this.#client.pause();
    else this.#client.resume();
  }

  #nextPiece(): Piece | undefined {
    while (this.#pieces.length === 0) {
      const chunk = this.#chunks.shift();
      if (chunk === undefined) return undefined;
      this.#queuedBytes -= chunk.length;
      this.#pieces = this.#splitter.push(chunk);
    }
    return this.#pieces.shift();
  }

  /** Passes a watched command on, after redis has been told of the user if it is a good AUTH or HELLO. */
  async #examine(piece: Piece, command: readonly Buffer[], redis: Socket): Promise<void> {
    const name = String(command[0]).toUpperCase();
    if (subscribing.includes(name)) {
      this.#subscribedInResp2 ||= this.#protocol === 2;
    } else {
      const attempt = readAuthAttempt(command);
      let authenticated = this.#cancelExpiry !== undefined;
      if (attempt !== undefined) {
        const verdict = await this.#context.check(attempt);
        authenticated = this.#onVerdict(attempt.command, verdict);
      }
      if (name === 'HELLO' && authenticated) this.#protocol = helloProtocol(command) ?? this.#protocol;
    }
    if (!this.#closed) this.#pass(piece, redis);
  }

  #pass(piece: Piece, redis: Socket): void {
    this.#rewriter?.sent(piece);
    redis.write(piece.bytes);
  }

  #onVerdict(command: 'AUTH' | 'HELLO', verdict: Verdict): boolean {
    // Redis refuses AUTH on a RESP2 connection that subscribes; on Azure such a connection ends with the token
    // it began with (Microsoft.Azure.StackExchangeRedis, AzureCacheOptionsProviderWithToken.cs). That it
    // could be authenticated again after it had unsubscribed is not followed here.
    const accepted = verdict.accepted && !this.#subscribedInResp2;
    this.#auths.push({
      atMs: Date.now(),
      command,
      accepted,
      ...(verdict.accepted ? { tokenExpiresAtMs: verdict.tokenExpiresAtMs } : {}),
    });
    if (this.#auths.length > keptAuths) this.#auths.shift();
    this.#context.onAuth(accepted);
    if (accepted && verdict.accepted && !this.#closed) {
      this.#cancelExpiry?.();
      this.#cancelExpiry = atTime(verdict.tokenExpiresAtMs, () => {
        // A silent network delivers no end of connection either.
        if (this.#stalled) this.#expired = true;
        else this.destroy('expired');
      });
    }
    return accepted;
  }

  #connectToRedis(): Socket {
    const redis = connect({ host: loopback, port: this.#context.redisPort, noDelay: true });
    const gone = (): void => {
      this.#redisGone = true;
      if (!this.#stalled) this.destroy('server');
    };
    redis.on('error', gone);
    redis.on('data', (chunk) => {
      const parts = this.#rewriter?.rewrite(chunk) ?? [chunk];
      for (const part of parts) this.#client.write(part);
      if (this.#client.writableNeedDrain) redis.pause();
    });
    redis.on('drain', () => this.#pump());
    redis.on('end', () => {
      // What redis said last, e.g. +OK to QUIT, still reaches the client.
      this.#close('server');
      this.#client.end();
    });
    redis.on('close', () => {
      if (!this.#closed) gone();
    });
    return redis;
  }

  #resumeRedis(): void {
    if (!this.#stalled && !this.#client.writableNeedDrain) this.#redis?.resume();
  }

  #onClientClose(): void {
    this.#close('client');
    // After a clean end redis still gets what the client had sent.
    if (!this.#clientEnded) this.#redis?.destroy();
  }

  #close(because: CloseReason): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelExpiry?.();
    Object.assign(this.record, { closedAtMs: Date.now(), closedBecause: because });
    this.#context.onClosed();
  }
}
