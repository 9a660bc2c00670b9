// A server on loopback in the place of blob storage, and what asks it: over the real transport, by a clock that moves
// only when told.

import { setTimeout as sleep } from 'node:timers/promises';
import type { BlobService } from '../../src/origin/blob/service.ts';
import { createTransport } from '../../src/origin/transport.ts';
import { FakeClock } from './fake-clock.ts';
import { startOriginServer, type OriginServer } from './origin-server.ts';
import { tokenOf } from './tokens.ts';

export interface StorageFixture extends AsyncDisposable {
  readonly server: OriginServer;
  readonly service: BlobService;
  readonly clock: FakeClock;
  /** Waits for what real sockets bring about. */
  until(condition: () => boolean): Promise<void>;
  /** Lets the clock move on meanwhile: the pause before a retry begins only once an answer was read. */
  advanceUntil(condition: () => boolean): Promise<void>;
}

export async function startStorage(): Promise<StorageFixture> {
  const server = await startOriginServer();
  const clock = new FakeClock();
  return {
    server,
    clock,
    service: {
      transport: createTransport(),
      token: async () => tokenOf(clock.nowMs(), 3_600_000),
      clock,
      userAgent: 'test',
      where: server.url,
    },
    async until(condition) {
      while (!condition()) await sleep(5);
    },
    async advanceUntil(condition) {
      while (!condition()) {
        await sleep(5);
        await clock.advance(25);
      }
    },
    async [Symbol.asyncDispose]() {
      await server.stop();
    },
  };
}
