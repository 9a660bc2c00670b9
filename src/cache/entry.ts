// A cached value and its form in Redis. Used by the store, the loader, the warmup and http/.
// Knows no Redis command and no HTTP.

import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';

/** Everything about an entry but its body. */
export interface EntryHead {
  readonly contentType: string;
  /** The opaque part of a strong entity tag, without its quotes. */
  readonly etag: string;
  /** Undefined for a value that somebody else wrote: then nothing is known but its bytes. */
  readonly freshness: Freshness | undefined;
  /** Undefined for what a client, or somebody else, wrote. */
  readonly loaded: Loaded | undefined;
}

export interface Entry extends EntryHead {
  readonly body: Buffer;
}

export interface Freshness {
  readonly storedAtMs: number;
  /** Not always whole: lifetimes are spread. */
  readonly ttlSeconds: number;
}

/** How an entry came from the origin. */
export interface Loaded {
  /** What the origin can be asked with whether it is still current. */
  readonly validator: string | undefined;
  /** How long past freshness it may be served. */
  readonly staleSeconds: number;
  /** What the load took: the longer, the earlier the next one has to begin. */
  readonly loadMs: number;
  /** What the origin said of the lifetime: it holds for renewals that say nothing. */
  readonly maxAgeSeconds: number | undefined;
  readonly staleAllowed: boolean;
  /** Nobody may store it, who asked this cache included; such an entry is never in Redis. */
  readonly noStore?: true;
}

// An entry is one Redis string, so that a read is one GET and Redis's own expiry applies:
//   magic and version (5 bytes) | etag length (1) | etag | header length (2, big endian) | header (JSON) | body
// 0xC1 occurs in no UTF-8 text, so no text that somebody else wrote is ever taken for an entry. The etag
// stands before the header for the scripts, which compare it inside Redis (write-script.ts).
export const magic = Buffer.from([0xc1, 0x52, 0x45, 0x46, 0x01]);
export const maxEtagLength = 255;
const etagAt = magic.length + 1;
/** Enough for nearly every head; `decodeHead` says when it is not. */
export const usualHeadBytes = 384;

// etagc of RFC 9110, section 8.8.3, without what is not ASCII.
const etagPattern = /^[!\u0023-\u007E]{1,255}$/u;

/** What can be sent as a header again: the Functions host answers 500 for one that is not ASCII. */
export function isContentType(text: string): boolean {
  return /^[\t\u0020-\u007E]{1,255}$/u.test(text);
}

interface Header extends Freshness, Partial<Loaded> {
  readonly type: string;
}

/** An entry that a client has written. */
export function newEntry(body: Buffer, contentType: string, storedAtMs: number, ttlSeconds: number): Entry {
  const freshness = { storedAtMs, ttlSeconds };
  return { body, contentType, etag: entityTag(body, contentType), freshness, loaded: undefined };
}

/** An entry from the origin; it keeps the origin's entity tag and content type where they fit. */
export function loadedEntry(
  found: { readonly body: Buffer; readonly contentType: string; readonly etag: string | undefined },
  freshness: Freshness | undefined,
  loaded: Loaded,
): Entry {
  const { body } = found;
  const contentType = isContentType(found.contentType) ? found.contentType : 'application/octet-stream';
  const etag =
    found.etag !== undefined && etagPattern.test(found.etag) ? found.etag : entityTag(body, contentType);
  return { body, contentType, etag, freshness, loaded };
}

/** How long Redis keeps it: as long as it may be served at all. */
export function keptMs({ freshness, loaded }: EntryHead): number {
  return Math.round(((freshness?.ttlSeconds ?? 0) + (loaded?.staleSeconds ?? 0)) * 1000);
}

/** The bytes that are stored. Only for entries that have a lifetime. */
export function encodeEntry(entry: Entry): Buffer {
  const header = encodeHeader(entry);
  const etag = Buffer.from(entry.etag, 'latin1');
  const lengths = Buffer.alloc(3);
  lengths.writeUInt8(etag.length, 0);
  lengths.writeUInt16BE(header.length, 1);
  return Buffer.concat([magic, lengths.subarray(0, 1), etag, lengths.subarray(1), header, entry.body]);
}

/** The JSON header alone, which can be replaced in Redis without moving the body. */
export function encodeHeader({ contentType, freshness, loaded }: EntryHead): Buffer {
  if (freshness === undefined) throw new TypeError('Only an entry with a stored time can be encoded.');
  const header: Header = { type: contentType, ...freshness, ...loaded };
  return Buffer.from(JSON.stringify(header));
}

/** Reads any Redis string: an entry, or whatever somebody else wrote, served as it is. */
export function decodeEntry(stored: Buffer): Entry {
  const decoded = decodeHead(stored, stored.length);
  if (decoded.kind !== 'head') return foreignEntry(stored);
  return { ...decoded.head, body: stored.subarray(decoded.bodyAt) };
}

export type DecodedHead =
  | { readonly kind: 'head'; readonly head: EntryHead; readonly bodyAt: number }
  /** Not an entry. */
  | { readonly kind: 'foreign' }
  /** The head is longer than the bytes given. */
  | { readonly kind: 'cut'; readonly headBytes: number };

/** Reads the head from the first bytes of a stored string of `storedBytes` bytes; infinite where unknown. */
export function decodeHead(start: Buffer, storedBytes: number = Number.POSITIVE_INFINITY): DecodedHead {
  if (start.length < etagAt || !start.subarray(0, magic.length).equals(magic)) return { kind: 'foreign' };
  const headerLengthAt = etagAt + start.readUInt8(magic.length);
  const headerAt = headerLengthAt + 2;
  if (headerAt > start.length) return foreignOrCut(headerAt, storedBytes);
  const bodyAt = headerAt + start.readUInt16BE(headerLengthAt);
  if (bodyAt > start.length) return foreignOrCut(bodyAt, storedBytes);
  const etag = start.toString('latin1', etagAt, headerLengthAt);
  const header = readHeader(start.toString('utf8', headerAt, bodyAt));
  if (!etagPattern.test(etag) || header === undefined) return { kind: 'foreign' };
  const { type, storedAtMs, ttlSeconds, staleSeconds, validator, loadMs = 0, ...said } = header;
  const { maxAgeSeconds, staleAllowed = true } = said;
  const loaded =
    staleSeconds === undefined ? undefined : { validator, staleSeconds, loadMs, maxAgeSeconds, staleAllowed };
  const head = { contentType: type, etag, freshness: { storedAtMs, ttlSeconds }, loaded };
  return { kind: 'head', head, bodyAt };
}

function foreignOrCut(headBytes: number, storedBytes: number): DecodedHead {
  return headBytes > storedBytes ? { kind: 'foreign' } : { kind: 'cut', headBytes };
}

function readHeader(text: string): Header | undefined {
  try {
    const header = JSON.parse(text) as Partial<Header> | null;
    const isNumberOrNone = (value: unknown): boolean => value === undefined || Number.isFinite(value);
    const valid =
      typeof header?.type === 'string' &&
      Number.isFinite(header.storedAtMs) &&
      Number.isFinite(header.ttlSeconds) &&
      isNumberOrNone(header.staleSeconds) &&
      isNumberOrNone(header.loadMs) &&
      isNumberOrNone(header.maxAgeSeconds) &&
      (header.staleAllowed === undefined || typeof header.staleAllowed === 'boolean') &&
      (header.validator === undefined || typeof header.validator === 'string');
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
    loaded: undefined,
  };
}

const hashedEtagLength = 22;

/** 128 bits of a hash over what a client sees: the same bytes under another type are another entity. */
function entityTag(body: Buffer, contentType: string): string {
  const hash = createHash('sha256').update(contentType).update('\0').update(body);
  return hash.digest('base64url').slice(0, hashedEtagLength);
}
