// Blob storage behind a region's round trip: hands each request on to Azurite and holds each answer back for a
// while, however many are under way. A process of its own, started by bench/warmup.ts; counts what passes.

import { Agent, createServer, request } from 'node:https';
import { listenOnLoopback, loopback } from '../../local/listening.ts';

export interface SlowStorageOptions {
  /** Azurite's. */
  readonly port: number;
  readonly delayMs: number;
  /** Certificate and key of this listener, and the CA that signed Azurite's. */
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly caPem: string;
}

/** Since the last time it was asked. */
export interface StorageCounts {
  readonly listings: number;
  /** Answers that carried a blob. */
  readonly bodies: number;
  /** Requests for a blob, whatever the answer. */
  readonly loads: number;
}

let counts = { listings: 0, bodies: 0, loads: 0 };

async function start({ port, delayMs, certificatePem, keyPem, caPem }: SlowStorageOptions) {
  const agent = new Agent({ keepAlive: true, maxSockets: 64, ca: caPem });
  const server = createServer({ cert: certificatePem, key: keyPem }, (incoming, outgoing) => {
    const { method, url = '/', headers } = incoming;
    const onward = request({ host: loopback, port, agent, method, path: url, headers }, (answer) => {
      const status = answer.statusCode ?? 502;
      if (url.includes('comp=list')) counts.listings += 1;
      else {
        counts.loads += 1;
        if (status === 200) counts.bodies += 1;
      }
      setTimeout(() => {
        outgoing.writeHead(status, answer.headers);
        answer.pipe(outgoing);
      }, delayMs);
    });
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  server.keepAliveTimeout = 60_000;
  return listenOnLoopback(server);
}

process.on('disconnect', () => process.exit(0));
process.on('message', (message: { kind: 'start'; options: SlowStorageOptions } | { kind: 'count' }) => {
  if (message.kind === 'count') {
    process.send?.(counts);
    counts = { listings: 0, bodies: 0, loads: 0 };
    return;
  }
  void start(message.options).then((listening) => process.send?.({ port: listening.port }));
});
