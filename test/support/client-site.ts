// A site that has the client and the cache at one origin, as behind a proxy; and the cache alone at another, with CORS as
// the platform's has it: any field may be sent, and none is exposed.

import { readFile } from 'node:fs/promises';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import type { Answered, OpenApiContract } from './openapi-contract.ts';

export interface ClientSite extends AsyncDisposable {
  readonly url: string;
  /** Of the same cache, for pages of other origins. */
  readonly otherUrl: string;
}

export interface ClientSiteOptions {
  /** Of the cache. */
  readonly host: string;
  /** Where the package's modules are: `/dist/client.js`. */
  readonly dist: string;
  /** Others, by their path. */
  readonly files: Readonly<Record<string, string>>;
  /** Notes which answers of the cache are not as it says. */
  readonly contract: OpenApiContract;
}

export async function startClientSite(options: ClientSiteOptions): Promise<ClientSite> {
  const { dist, files } = options;
  const own = createServer((incoming, outgoing) => {
    const path = incoming.url ?? '/';
    if (path.startsWith('/api/')) return forward(options, incoming, outgoing, {});
    const type = path.endsWith('.js') ? 'text/javascript' : 'text/html';
    const reading = path.startsWith('/dist/')
      ? readFile(join(dist, path.slice('/dist/'.length)), 'utf8')
      : Promise.resolve(files[path]);
    reading
      .catch(() => undefined)
      .then((text) => outgoing.writeHead(text === undefined ? 404 : 200, { 'Content-Type': type }).end(text))
      .catch(() => outgoing.destroy());
  });
  const other = createServer((incoming, outgoing) => {
    const cors = { 'Access-Control-Allow-Origin': incoming.headers.origin ?? '*' };
    if (incoming.method !== 'OPTIONS') return forward(options, incoming, outgoing, cors);
    const { 'access-control-request-method': method = '', 'access-control-request-headers': fields = '' } =
      incoming.headers;
    const allowed = { 'Access-Control-Allow-Methods': method, 'Access-Control-Allow-Headers': fields };
    outgoing.writeHead(204, { ...cors, ...allowed }).end();
  });
  const [url, otherUrl] = [await listen(own), await listen(other)];
  return {
    url,
    otherUrl,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([close(own), close(other)]);
    },
  };
}

function forward(
  { host, contract }: ClientSiteOptions,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  more: Readonly<Record<string, string>>,
): void {
  // The path as it came: a URL parser would change some.
  const { hostname, port } = new URL(host);
  const { method = 'GET', url: path = '/', headers } = incoming;
  const onward = request({ hostname, port, method, path, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, { ...answer.headers, ...more });
    const chunks: Buffer[] = [];
    answer.on('data', (chunk: Buffer) => chunks.push(chunk));
    answer.once('end', () => contract.note(method, path, answeredBy(answer, Buffer.concat(chunks))));
    answer.pipe(outgoing);
  });
  onward.on('error', () => outgoing.destroy());
  incoming.pipe(onward);
}

function answeredBy({ statusCode = 0, headers: fields }: IncomingMessage, sent: Buffer): Answered {
  const headers = new Headers(
    Object.entries(fields).map(([name, value = '']): [string, string] => [name, String(value)]),
  );
  const decode = { gzip: gunzipSync, br: brotliDecompressSync }[headers.get('content-encoding') ?? ''];
  return {
    status: statusCode,
    headers,
    body: decode === undefined || sent.length === 0 ? sent : decode(sent),
  };
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
}
