// Listening on loopback, and stopping for certain: a server that hangs on purpose still closes at once.
// Used by every emulated service. Knows no protocol above TCP.

import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

export const loopback = '127.0.0.1';

/**
 * For how long an HTTP server keeps an idle connection. Node.js ends one after 6 s, and a request that is sent just then is
 * lost: a credential that is told not to try again then has no token.
 */
export const keepAliveTimeoutMs = 120_000;

export interface Listening {
  readonly port: number;
  /** Destroys every socket and stops listening. May be called more than once. */
  close(): Promise<void>;
}

/** Listens on a free loopback port. `server` may be of net, tls, http or https. */
export async function listenOnLoopback(server: Server): Promise<Listening> {
  const sockets = new Set<Socket>();
  // 'connection' carries the raw TCP socket, of TLS servers too; destroying it ends all that is above it.
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, loopback);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server listens on no TCP port.');

  let closed: Promise<void> | undefined;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      // The callback's error says "was not running", which is what is wanted.
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  return { port: address.port, close: () => (closed ??= close()) };
}

/** Different ports that were free a moment ago. Another program may take one: whoever uses them must retry. */
export async function freeLoopbackPorts(count: number): Promise<number[]> {
  const all = await Promise.all(Array.from({ length: count }, () => listenOnLoopback(createServer())));
  await Promise.all(all.map(async (listening) => listening.close()));
  return all.map(({ port }) => port);
}
