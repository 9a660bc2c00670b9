// A way to Redis that can be made slow, in the direction of the answers.

import { connect, createServer, type Socket } from 'node:net';
import { Transform } from 'node:stream';
import { listenOnLoopback } from '../../local/listening.ts';
import { sleep } from './eventually.ts';

export interface SlowLink extends AsyncDisposable {
  readonly port: number;
  /** From now on; Infinity for as fast as it goes, 0 for nothing at all. */
  bytesPerSecond: number;
  /** Silences the connection that was made last: it stays open, and brings nothing any more. */
  silenceLast(): void;
}

/** @param toRedis what becomes of the bytes of commands on their way. */
export async function startSlowLink(
  toPort: number,
  toRedis: (bytes: Buffer) => Buffer = (bytes) => bytes,
): Promise<SlowLink> {
  const ups = new Set<Socket>();
  const silent = new Set<Socket>();
  const server = createServer((down) => {
    const up = connect(toPort, '127.0.0.1');
    ups.add(up);
    for (const socket of [up, down]) socket.on('error', () => {});
    up.on('close', () => down.destroy());
    down.on('close', () => up.destroy());
    down.pipe(new Transform({ transform: (bytes: Buffer, _, done) => done(null, toRedis(bytes)) })).pipe(up);
    forward(up, down, () => (silent.has(up) ? 0 : link.bytesPerSecond)).catch(() => down.destroy());
  });
  const listening = await listenOnLoopback(server);
  const link: SlowLink = {
    port: listening.port,
    bytesPerSecond: Infinity,
    silenceLast() {
      const last = [...ups].findLast(({ destroyed }) => !destroyed);
      if (last === undefined) throw new Error('There is no connection.');
      silent.add(last);
    },
    async [Symbol.asyncDispose]() {
      for (const up of ups) up.destroy();
      await listening.close();
    },
  };
  return link;
}

async function forward(up: Socket, down: Socket, bytesPerSecond: () => number): Promise<void> {
  for await (const chunk of up as AsyncIterable<Buffer>) {
    while (bytesPerSecond() === 0) {
      if (down.destroyed) return;
      await sleep(20);
    }
    down.write(chunk);
    if (bytesPerSecond() !== Infinity) await sleep((chunk.length / bytesPerSecond()) * 1000);
  }
}
