// A site that has the client and the cache at one origin, as behind a proxy; and the cache alone at another, with CORS as
// the platform's has it: any field may be sent, and none is exposed.

import { readFile } from 'node:fs/promises';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

export interface ClientSite extends AsyncDisposable {
  readonly url: string;
  /** Of the same cache, for pages of other origins. */
  readonly otherUrl: string;
}

/**
 * @param host of the cache.
 * @param dist where the package's modules are: `/dist/client.js`.
 * @param files others, by their path.
 */
export async function startClientSite(
  host: string,
  dist: string,
  files: Readonly<Record<string, string>>,
): Promise<ClientSite> {
  const own = createServer((incoming, outgoing) => {
    const path = incoming.url ?? '/';
    if (path.startsWith('/api/')) return forward(host, incoming, outgoing, {});
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
    if (incoming.method !== 'OPTIONS') return forward(host, incoming, outgoing, cors);
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
  host: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  more: Readonly<Record<string, string>>,
): void {
  // The path as it came: a URL parser would change some.
  const { hostname, port } = new URL(host);
  const { method = 'GET', url: path = '/', headers } = incoming;
  const onward = request({ hostname, port, method, path, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, { ...answer.headers, ...more });
    answer.pipe(outgoing);
  });
  onward.on('error', () => outgoing.destroy());
  incoming.pipe(onward);
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
