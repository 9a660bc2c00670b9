// The body of an entry as it is stored, and without the codings that it is stored in.

import { gunzip, gunzipSync } from 'node:zlib';
import { promisify } from 'node:util';
import { decodeBody } from '../origin/content-codings.ts';
import type { Entry } from './entry.ts';

export type PlainBody =
  | { readonly kind: 'body'; readonly body: Buffer }
  /** It is not what the entry says: only who stored it knows what it was to be. */
  | { readonly kind: 'damaged' };

const damaged = { kind: 'damaged' } as const;

// Up to here the event loop spends no more time on decoding than on handing the work to the thread pool and taking the
// result back (`npm run bench -- compression`).
const mostBytesAtOnce = 8 * 1024;
const gunzipInPool = promisify(gunzip);
const shortestGzipBytes = 18;

/**
 * How many bytes the body has without this cache's own compression: what the end of a gzip stream says of it (RFC 1952,
 * section 2.3.1). Whether that is true turns out when it is decoded.
 */
export function plainBytesOf({ body, isGzipped }: Entry): number {
  if (isGzipped !== true) return body.length;
  return body.length < shortestGzipBytes ? 0 : body.readUInt32LE(body.length - 4);
}

/** The body without this cache's own compression; at once where it is small. Never more than `plainBytesOf` says. */
export function withoutCompression(entry: Entry): PlainBody | Promise<PlainBody> {
  const { body, isGzipped } = entry;
  if (isGzipped !== true) return { kind: 'body', body };
  const bytes = plainBytesOf(entry);
  if (bytes === 0) return damaged;
  const options = { maxOutputLength: bytes, chunkSize: Math.max(bytes, 64) };
  if (bytes > mostBytesAtOnce) {
    return gunzipInPool(body, options).then(
      (plain) => wholeBody(plain, bytes),
      () => damaged,
    );
  }
  try {
    return wholeBody(gunzipSync(body, options), bytes);
  } catch {
    return damaged;
  }
}

function wholeBody(body: Buffer, bytes: number): PlainBody {
  return body.length === bytes ? { kind: 'body', body } : damaged;
}

/** The body without any coding, its origin's included. */
export async function withoutCodings(entry: Entry, maxBytes: number): Promise<PlainBody> {
  const stored = await withoutCompression(entry);
  const codings = entry.loaded?.codings ?? [];
  if (stored.kind === 'damaged' || codings.length === 0) return stored;
  // It was decoded within CACHE_MAX_VALUE_BYTES when it came; the limit may have been another then.
  const decoded = await decodeBody(stored.body, codings, maxBytes);
  return decoded.kind === 'decoded' ? { kind: 'body', body: decoded.body } : damaged;
}
