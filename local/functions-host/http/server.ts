// An HTTP/1.1 server that reads and writes as Kestrel does, where node:http would be stricter, laxer or different.
// It knows requests and responses, and nothing of functions.

import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { ByteSource } from './byte-source.ts';
import { BrokenBody, RequestBody } from './request-body.ts';
import { findHeadEnd, parseHead, Refusal, type RequestHead } from './request-head.ts';
import { encodeResponse, type EncodedResponse, type HttpResponse, type RequestTraits } from './response.ts';

export interface HttpRequest extends RequestHead {
  readonly body: RequestBody;
}

/** A BrokenBody that it lets through ends the connection without an answer. */
export type HttpHandler = (request: HttpRequest) => Promise<HttpResponse>;

// KestrelServerLimits.cs; the size is the Functions host's, FUNCTIONS_REQUEST_BODY_SIZE_LIMIT
// (https://learn.microsoft.com/azure/azure-functions/functions-app-settings).
const keepAliveTimeoutMs = 130_000;
const discardLimitMs = 5000;
export const maxBodyBytes = 104_857_600;

export class HttpServer {
  readonly #handler: HttpHandler;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  #closing = false;

  constructor(handler: HttpHandler) {
    this.#handler = handler;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      const connection = new Connection(socket, this.#handler, () => this.#closing);
      this.#connections.add(connection);
      socket.on('close', () => this.#connections.delete(connection));
    });
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  async listen(port: number, hostname: string): Promise<void> {
    this.#server.listen(port, hostname);
    await once(this.#server, 'listening');
  }

  /** Takes no more requests and waits for those in flight; what is not done within `limitMs` is cut. */
  async close(limitMs: number): Promise<void> {
    if (!this.#server.listening) return;
    this.#closing = true;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const connection of this.#connections) connection.endIfIdle();
    const limit = setTimeout(() => {
      for (const connection of this.#connections) connection.destroy();
    }, limitMs);
    await closed;
    clearTimeout(limit);
  }
}

class Connection {
  readonly #socket: Socket;
  readonly #source: ByteSource;
  readonly #handler: HttpHandler;
  readonly #isClosing: () => boolean;
  #isIdle = true;

  constructor(socket: Socket, handler: HttpHandler, isClosing: () => boolean) {
    this.#socket = socket;
    this.#handler = handler;
    this.#isClosing = isClosing;
    this.#source = new ByteSource(socket);
    // A client that is gone is no error of the server's.
    socket.on('error', () => {});
    socket.setTimeout(keepAliveTimeoutMs, () => this.endIfIdle());
    this.#serve().catch((error: unknown) => {
      if (error instanceof Refusal) this.#write(refused(error.status));
      else socket.destroy();
    });
  }

  endIfIdle(): void {
    if (this.#isIdle) this.#socket.destroySoon();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async #serve(): Promise<void> {
    for (;;) {
      const head = await this.#readHead();
      if (head === undefined) return this.#socket.destroySoon();
      this.#isIdle = false;
      const body = new RequestBody(this.#source, head.bodyLength, () => this.#continue(head));
      const response = await this.#answer({ ...head, body });
      if (response === undefined) return this.destroy();
      const traits: RequestTraits = {
        isHead: head.method.toUpperCase() === 'HEAD',
        isHttp10: head.isHttp10,
        keepsAlive: head.keepsAlive && !this.#isClosing(),
      };
      const encoded = encodeResponse(response, traits);
      this.#write(encoded);
      if (!encoded.keeps || !(await this.#discard(body))) return;
      this.#isIdle = true;
      if (this.#isClosing()) return this.#socket.destroySoon();
    }
  }

  async #readHead(): Promise<RequestHead | undefined> {
    let bytes: Buffer | undefined;
    for (;;) {
      const piece = await this.#source.read();
      if (piece === undefined) return undefined;
      bytes = bytes === undefined ? piece : Buffer.concat([bytes, piece]);
      const end = findHeadEnd(bytes);
      if (end === -1) continue;
      this.#source.unread(bytes.subarray(end + 4));
      return parseHead(bytes.subarray(0, end));
    }
  }

  async #answer(request: HttpRequest): Promise<HttpResponse | undefined> {
    try {
      return await this.#handler(request);
    } catch (error) {
      if (error instanceof BrokenBody) return undefined;
      return { status: 500 };
    }
  }

  #continue({ headers, isHttp10 }: RequestHead): void {
    if (isHttp10 || headers.get('expect')?.toLowerCase() !== '100-continue') return;
    this.#socket.write('HTTP/1.1 100 Continue\r\n\r\n');
  }

  /** What is left of a body whose request is answered; a client that sends it too slowly, or too much, is left. */
  async #discard(body: RequestBody): Promise<boolean> {
    if (body.length === 0) return true;
    const limit = setTimeout(() => this.destroy(), discardLimitMs);
    try {
      if (await body.discard(maxBodyBytes)) return true;
      this.#end();
      return false;
    } finally {
      clearTimeout(limit);
    }
  }

  #write({ pieces, keeps }: EncodedResponse): void {
    this.#socket.cork();
    for (const piece of pieces) this.#socket.write(piece);
    this.#socket.uncork();
    if (!keeps) this.#end();
  }

  /** Says that no more comes, and lets the client read it: bytes that arrive on a closed socket would reset it. */
  #end(): void {
    const socket = this.#socket;
    socket.removeAllListeners('data');
    socket.on('data', () => {}).on('end', () => socket.destroySoon());
    socket.resume();
    socket.end(() => {
      const limit = setTimeout(() => this.destroy(), discardLimitMs);
      socket.on('close', () => clearTimeout(limit));
    });
  }
}

function refused(status: number): EncodedResponse {
  return encodeResponse({ status, closes: true }, { isHead: false, isHttp10: false, keepsAlive: false });
}
