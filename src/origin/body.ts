// Reads a body whole, within a limit. Used by http.ts, blob-load.ts and blob-transport.ts.
// Knows no protocol.

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

/** What is read of a body that nobody wants, so that its connection can be used again. */
const maxDrainBytes = 16_384;

export async function drain(body: AsyncIterable<Buffer>): Promise<void> {
  // What was asked is answered already; a body that fails only costs its connection.
  await readBody(body, maxDrainBytes).catch(() => undefined);
}
