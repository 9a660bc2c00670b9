// Reads a body whole, within a limit. Used by http.ts, blob.ts and blob-transport.ts.
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
