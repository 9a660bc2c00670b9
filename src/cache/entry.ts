// A cached value and its form in Redis. Used by the cache's reader and writer and by http/.
// Knows no Redis command and no HTTP.

import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';

export interface Entry {
  readonly body: Buffer;
  readonly contentType: string;
  /** The opaque part of a strong entity tag, without its quotes. */
  readonly etag: string;
  /** Undefined for a value that somebody else wrote: then nothing is known but its bytes. */
  readonly freshness: { readonly storedAtMs: number; readonly ttlSeconds: number } | undefined;
}

// An entry is one Redis string, so that a read is one GET and Redis's own expiry applies:
//   magic and version (5 bytes) | etag (22 ASCII) | header length (2, big endian) | header (JSON) | body
// 0xC1 occurs in no UTF-8 text, so no text that somebody else wrote is ever taken for an entry. The etag
// stands at a fixed place for the write script, which compares it inside Redis (write-script.ts).
export const magic = Buffer.from([0xc1, 0x52, 0x45, 0x46, 0x01]);
export const etagLength = 22;
const headerAt = magic.length + etagLength + 2;

interface Header {
  readonly type: string;
  readonly storedAtMs: number;
  readonly ttlSeconds: number;
}

export function newEntry(body: Buffer, contentType: string, storedAtMs: number, ttlSeconds: number): Entry {
  return { body, contentType, etag: entityTag(body, contentType), freshness: { storedAtMs, ttlSeconds } };
}

/** The bytes that are stored. Only for entries made by `newEntry`. */
export function encodeEntry(entry: Entry): Buffer {
  if (entry.freshness === undefined) throw new TypeError('Only an entry with a stored time can be encoded.');
  const header: Header = { type: entry.contentType, ...entry.freshness };
  const headerBytes = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(2);
  length.writeUInt16BE(headerBytes.length);
  return Buffer.concat([magic, Buffer.from(entry.etag, 'latin1'), length, headerBytes, entry.body]);
}

/** Reads any Redis string: an entry, or whatever somebody else wrote, served as it is. */
export function decodeEntry(stored: Buffer): Entry {
  return decodeOwn(stored) ?? foreignEntry(stored);
}

function decodeOwn(stored: Buffer): Entry | undefined {
  if (stored.length < headerAt || !stored.subarray(0, magic.length).equals(magic)) return undefined;
  const etag = stored.toString('latin1', magic.length, magic.length + etagLength);
  const bodyAt = headerAt + stored.readUInt16BE(headerAt - 2);
  if (bodyAt > stored.length || !/^[\w-]+$/u.test(etag)) return undefined;
  const header = readHeader(stored.toString('utf8', headerAt, bodyAt));
  if (header === undefined) return undefined;
  const { type, storedAtMs, ttlSeconds } = header;
  return { body: stored.subarray(bodyAt), contentType: type, etag, freshness: { storedAtMs, ttlSeconds } };
}

function readHeader(text: string): Header | undefined {
  try {
    const header = JSON.parse(text) as Partial<Header> | null;
    const valid =
      typeof header?.type === 'string' &&
      Number.isFinite(header.storedAtMs) &&
      Number.isFinite(header.ttlSeconds);
    return valid ? (header as Header) : undefined;
  } catch {
    return undefined;
  }
}

function foreignEntry(body: Buffer): Entry {
  return {
    body,
    contentType: isUtf8(body) ? 'text/plain; charset=utf-8' : 'application/octet-stream',
    // SHA-1, because the write script must come to the same tag and Lua in Redis offers no other hash.
    etag: createHash('sha1').update(body).digest('hex'),
    freshness: undefined,
  };
}

/** 128 bits of a hash over what a client sees: the same bytes under another type are another entity. */
function entityTag(body: Buffer, contentType: string): string {
  const hash = createHash('sha256').update(contentType).update('\0').update(body);
  return hash.digest('base64url').slice(0, etagLength);
}
