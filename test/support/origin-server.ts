// A real HTTP or HTTPS origin on loopback that can be told to misbehave and counts what it is asked.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { CertificateAndKey } from '../../local/pem.ts';
import { loopback } from '../../local/listening.ts';

export type OriginBehaviour =
  | 'normal'
  /** Accepts and never answers. */
  | 'hang'
  /** Closes the connection instead of answering. */
  | 'no-answer'
  /** Sends half of what it announced, then closes. */
  | 'cut'
  /** Sends half of what it announced, then nothing; the connection stays open. */
  | 'stall'
  /** Announces no length; the body ends where the connection does. */
  | 'no-length'
  /** Sends a byte more than it announced. */
  | 'too-long'
  /** In chunks, whose end is known but not their sum. */
  | 'chunked'
  | 'chunked-cut'
  /** In chunks without an end. */
  | 'endless'
  | 'not-http'
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
      /** Sends the body and no end of it. */
      readonly unended?: boolean;
    };

export interface OriginResource {
  readonly body: string | Buffer;
  /** Added to `Content-Type` and an `ETag` for each state, spelled so; undefined leaves one out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly behaviour?: OriginBehaviour;
}

export interface OriginRequest {
  readonly method: string;
  /** As it came, percent signs and all. */
  readonly target: string;
  readonly headers: IncomingMessage['headers'];
  readonly atMs: number;
  /** Whether its answer went out in full; undefined as long as nobody knows. */
  sent: boolean | undefined;
}

export interface OriginServer extends AsyncDisposable {
  /** No slash at the end. */
  readonly url: string;
  put(target: string, resource: OriginResource): void;
  remove(target: string): void;
  readonly requests: OriginRequest[];
  /** How often it was asked, for everything or for one target. */
  loads(target?: string): number;
  /** Answers that held a body that was put. */
  bodiesMoved: number;
  /** The most requests that were being answered at once. */
  mostAtOnce: number;
  /** Connections that were made to it. */
  connections: number;
  /** Before each answer. */
  delayMs: number;
  /** For every target, before what each was told itself. */
  behaviour: OriginBehaviour;
  /** What answers for a target under which nothing was put: 404 unless told otherwise. */
  missing: OriginBehaviour;
  /** Cuts every connection and refuses new ones until `up`, at the same port. */
  down(): Promise<void>;
  up(): Promise<void>;
  stop(): Promise<void>;
}

export async function startOriginServer(certificate?: CertificateAndKey): Promise<OriginServer> {
  const resources = new Map<string, OriginResource & { readonly etag: string }>();
  const sockets = new Set<Socket>();
  let states = 0;
  let now = 0;

  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const { method = '', url: target = '', headers } = request;
    const noted: OriginRequest = { method, target, headers, atMs: Date.now(), sent: undefined };
    server.requests.push(noted);
    server.mostAtOnce = Math.max(server.mostAtOnce, (now += 1));
    response.once('close', () => {
      now -= 1;
      noted.sent ??= response.writableFinished;
    });
    // As it stands when the question comes.
    const resource = resources.get(target);
    const told = resource === undefined ? server.missing : (resource.behaviour ?? 'normal');
    const behaviour = server.behaviour === 'normal' ? told : server.behaviour;
    setTimeout(() => {
      if (typeof behaviour === 'object') {
        response.writeHead(behaviour.status, behaviour.headers);
        if (behaviour.unended === true) response.write(behaviour.body ?? '');
        else response.end(behaviour.body);
      } else if (behaviour === 'hang') {
        return;
      } else if (behaviour === 'no-answer') {
        request.socket.destroy();
      } else if (behaviour === 'not-http') {
        request.socket.end('220 origin.example ESMTP\r\n');
      } else if (resource === undefined) {
        response.writeHead(404).end();
      } else {
        const fields = { 'Content-Type': 'text/plain', ETag: resource.etag, ...resource.headers };
        if (isCurrent(request, fields)) {
          response.writeHead(304, defined({ ...fields, 'Content-Type': undefined })).end();
        } else {
          server.bodiesMoved += 1;
          send(response, defined(fields), Buffer.from(resource.body), behaviour);
        }
      }
    }, server.delayMs);
  };
  const listener = certificate
    ? createTlsServer({ cert: certificate.certificatePem, key: certificate.keyPem }, onRequest)
    : createServer(onRequest);
  // Raw sockets, of TLS too: what hangs on purpose is closed at once.
  listener.on('connection', (socket: Socket) => {
    server.connections += 1;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  });
  const listen = async (port: number): Promise<number> => {
    listener.listen(port, loopback);
    await once(listener, 'listening');
    return (listener.address() as AddressInfo).port;
  };
  const down = async (): Promise<void> => {
    const closed = listener.listening ? once(listener, 'close') : undefined;
    listener.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  const port = await listen(0);

  const server: OriginServer = {
    url: `${certificate ? 'https' : 'http'}://${loopback}:${port}`,
    put(target, resource) {
      states += 1;
      resources.set(target, { ...resource, etag: `"v${states}"` });
    },
    remove: (target) => void resources.delete(target),
    requests: [],
    loads: (target) =>
      server.requests.filter((request) => target === undefined || request.target === target).length,
    bodiesMoved: 0,
    mostAtOnce: 0,
    connections: 0,
    delayMs: 0,
    behaviour: 'normal',
    missing: { status: 404, headers: { 'Content-Type': 'text/plain' }, body: 'There is none.' },
    down,
    async up() {
      await listen(port);
    },
    stop: down,
    [Symbol.asyncDispose]: down,
  };
  return server;
}

type Fields = Readonly<Record<string, string | undefined>>;

function isCurrent({ headers }: IncomingMessage, fields: Fields): boolean {
  const { ETag, 'Last-Modified': date } = fields;
  if (headers['if-none-match'] !== undefined) return headers['if-none-match'] === ETag;
  return date !== undefined && headers['if-modified-since'] === date;
}

function defined(fields: Fields): Record<string, string> {
  const given = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value]],
  );
  return Object.fromEntries(given) as Record<string, string>;
}

function send(
  response: ServerResponse,
  fields: Record<string, string>,
  body: Buffer,
  behaviour: Exclude<OriginBehaviour, object | 'hang' | 'no-answer' | 'not-http'>,
): void {
  const half = body.subarray(0, Math.floor(body.length / 2));
  const announced = { ...fields, 'Content-Length': `${body.length}` };
  switch (behaviour) {
    case 'cut':
    case 'stall':
      response.writeHead(200, announced);
      response.write(half, () => {
        if (behaviour === 'cut') response.socket?.end();
      });
      return;
    case 'too-long':
      response.writeHead(200, announced).flushHeaders();
      response.socket?.write(Buffer.concat([body, Buffer.from('!')]));
      return;
    case 'no-length':
      // Without either field, and with nothing that would say where the body ends.
      response.removeHeader('Transfer-Encoding');
      response.shouldKeepAlive = false;
      response.useChunkedEncodingByDefault = false;
      response.writeHead(200, fields).end(body);
      return;
    case 'chunked':
      response.writeHead(200, fields);
      response.write(half);
      response.end(body.subarray(half.length));
      return;
    case 'chunked-cut':
      response.writeHead(200, fields);
      response.write(half, () => response.socket?.end());
      return;
    case 'endless':
      response.writeHead(200, fields);
      sendEndlessly(response, body);
      return;
    case 'normal':
      response.writeHead(200, announced).end(body);
  }
}

function sendEndlessly(response: ServerResponse, body: Buffer): void {
  while (!response.destroyed && response.write(body));
  if (!response.destroyed) response.once('drain', () => sendEndlessly(response, body));
}
