// Reads a body whole, within a limit.

import type { Clock } from '../util/clock.ts';
import { withDeadline } from '../util/deadline.ts';

/**
 * The bytes; undefined if there are more than `maxBytes`: then the rest is not read and the connection is closed.
 * @throws Error if `announcedBytes` is known and not what came.
 */
export async function readBody(
  chunks: AsyncIterable<Buffer>,
  maxBytes: number,
  announcedBytes?: number,
): Promise<Buffer | undefined> {
  const read: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > maxBytes) return undefined;
    read.push(chunk);
  }
  if (announcedBytes !== undefined && bytes !== announcedBytes) {
    throw new Error(`it announced ${announcedBytes} bytes and sent ${bytes}`);
  }
  return Buffer.concat(read, bytes);
}

// How much of an unwanted body is read so that its connection can be used again.
const maxDrainBytes = 16_384;
const maxDrainMs = 1000;

/**
 * Reads the rest of an answer. A connection is free for the next request only once the end of the answer has been
 * read, even where there is no body, as with a 304.
 */
export async function drain(body: AsyncIterable<Buffer>, clock: Clock): Promise<void> {
  const late = (): Error => new Error('the rest is late');
  // The answer is known already; a body that fails only costs its connection.
  await withDeadline(clock, clock.nowMs() + maxDrainMs, readBody(body, maxDrainBytes), late).catch(
    () => undefined,
  );
}
