// Reads a body whole, within a limit. Used by http.ts, blob-load.ts and blob-transport.ts.
// Knows no protocol.

import type { Clock } from '../util/clock.ts';
import { withDeadline } from '../util/deadline.ts';

/**
 * The bytes; undefined if there are more than `maxBytes`: then the rest is not read and its source let go.
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

// What is waited for of a body that nobody wants, so that its connection can be used again.
const maxDrainBytes = 16_384;
const maxDrainMs = 1000;

/**
 * Reads what is left of an answer. Without it even an answer without a body, a 304 say, would cost its connection:
 * that is free for the next question only once its end has been seen.
 */
export async function drain(body: AsyncIterable<Buffer>, clock: Clock): Promise<void> {
  const late = (): Error => new Error('the rest is late');
  // What was asked is answered already; a body that fails only costs its connection.
  await withDeadline(clock, clock.nowMs() + maxDrainMs, readBody(body, maxDrainBytes), late).catch(
    () => undefined,
  );
}
