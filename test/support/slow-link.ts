// A way to Redis that can be made slow, in the direction of the answers.

import { connect, createServer, type Socket } from 'node:net';
import { listenOnLoopback } from '../../local/listening.ts';
import { sleep } from './eventually.ts';

export interface SlowLink extends AsyncDisposable {
  readonly port: number;
  /** From now on; Infinity for as fast as it goes, 0 for nothing at all. */
  bytesPerSecond: number;
}

export async function startSlowLink(toPort: number): Promise<SlowLink> {
  const ups = new Set<Socket>();
  const server = createServer((down) => {
    const up = connect(toPort, '127.0.0.1');
    ups.add(up);
    for (const socket of [up, down]) socket.on('error', () => {});
    up.on('close', () => down.destroy());
    down.on('close', () => up.destroy());
    down.pipe(up);
    forward(up, down, link).catch(() => down.destroy());
  });
  const listening = await listenOnLoopback(server);
  const link: SlowLink = {
    port: listening.port,
    bytesPerSecond: Infinity,
    async [Symbol.asyncDispose]() {
      for (const up of ups) up.destroy();
      await listening.close();
    },
  };
  return link;
}

async function forward(up: Socket, down: Socket, link: SlowLink): Promise<void> {
  for await (const chunk of up as AsyncIterable<Buffer>) {
    while (link.bytesPerSecond === 0) await sleep(20);
    down.write(chunk);
    if (link.bytesPerSecond !== Infinity) await sleep((chunk.length / link.bytesPerSecond) * 1000);
  }
}
