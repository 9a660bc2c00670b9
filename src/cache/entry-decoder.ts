// Reads entries from the bytes of Redis strings.

import { foreignEntry, type Entry, type EntryHead } from './entry.ts';
import {
  etagLengthAt,
  etagRule,
  isValid,
  magic,
  oldestVersion,
  usualHeadBytes,
  version,
} from './entry-form.ts';
import { headOf, readHeader } from './entry-header.ts';

/** What nobody can have meant: it counts as absent, and may be overwritten. */
export interface InvalidEntry {
  readonly kind: 'invalid';
  readonly reason: 'version' | 'cut' | 'entity-tag' | 'header';
}

/** What a newer version of this app wrote: it is neither served nor overwritten. */
export interface NewerEntry {
  readonly kind: 'newer';
  readonly version: number;
  /** The field that is not understood; undefined where the version itself is not. */
  readonly field?: string;
}

export type UnreadableEntry = InvalidEntry | NewerEntry;

/** Reads any Redis string: an entry, or whatever somebody else wrote, served as it is. */
export function decodeEntry(
  stored: Buffer,
): { readonly kind: 'entry'; readonly entry: Entry } | UnreadableEntry {
  const decoded = decodeHead(stored, stored.length);
  switch (decoded.kind) {
    case 'head':
      return { kind: 'entry', entry: { ...decoded.head, body: stored.subarray(decoded.bodyAt) } };
    case 'foreign':
      return { kind: 'entry', entry: foreignEntry(stored) };
    case 'cut':
      return { kind: 'invalid', reason: 'cut' };
    case 'invalid':
    case 'newer':
      return decoded;
  }
}

export type DecodedHead =
  | { readonly kind: 'head'; readonly head: EntryHead; readonly bodyAt: number }
  /** Not an entry. */
  | { readonly kind: 'foreign' }
  /** The head is longer than the bytes given: it takes at least this many. */
  | { readonly kind: 'cut'; readonly headBytes: number }
  | UnreadableEntry;

const magicNumber = magic.readUInt32BE();

/**
 * What heads say, by their bytes: an entry that is read often has the same head each time, and reading it anew would
 * take a tenth of the time of a read (bench/read.ts). At most 300 KiB.
 */
const recentHeads = new Map<string, DecodedHead>();
const mostRecentHeads = 512;

/** Reads the head from the first bytes of a stored string of `storedBytes` bytes; infinite where unknown. */
export function decodeHead(start: Buffer, storedBytes: number = Number.POSITIVE_INFINITY): DecodedHead {
  if (start.length < magic.length) {
    return storedBytes > start.length ? cut(magic.length, storedBytes) : { kind: 'foreign' };
  }
  if (start.readUInt32BE() !== magicNumber) return { kind: 'foreign' };
  const written = start[magic.length];
  if (written === undefined) return cut(magic.length + 1, storedBytes);
  if (written > version) return { kind: 'newer', version: written };
  if (written < oldestVersion) return { kind: 'invalid', reason: 'version' };
  const etagLength = start[etagLengthAt];
  if (etagLength === undefined) return cut(etagLengthAt + 1, storedBytes);
  const headerLengthAt = etagLengthAt + 1 + etagLength;
  const headerAt = headerLengthAt + 2;
  if (headerAt > start.length) return cut(headerAt, storedBytes);
  const bodyAt = headerAt + start.readUInt16BE(headerLengthAt);
  if (bodyAt > start.length) return cut(bodyAt, storedBytes);
  if (bodyAt > usualHeadBytes) return decodeWhole(start.toString('latin1', 0, bodyAt), headerAt);
  const bytes = start.toString('latin1', 0, bodyAt);
  const known = recentHeads.get(bytes);
  if (known !== undefined) return known;
  const decoded = decodeWhole(bytes, headerAt);
  if (recentHeads.size >= mostRecentHeads) recentHeads.delete(recentHeads.keys().next().value ?? '');
  recentHeads.set(bytes, decoded);
  return decoded;
}

/** @param bytes of the whole head, as characters (latin1). */
function decodeWhole(bytes: string, headerAt: number): DecodedHead {
  const header = readHeader(bytes.slice(headerAt));
  if (header.kind === 'newer') return { ...header, version: bytes.charCodeAt(magic.length) };
  const etag = bytes.slice(etagLengthAt + 1, headerAt - 2);
  if (!isValid(etagRule, etag)) return { kind: 'invalid', reason: 'entity-tag' };
  if (header.kind === 'invalid') return { kind: 'invalid', reason: 'header' };
  return { kind: 'head', head: headOf(etag, header.values), bodyAt: bytes.length };
}

function cut(headBytes: number, storedBytes: number): DecodedHead {
  return headBytes > storedBytes ? { kind: 'invalid', reason: 'cut' } : { kind: 'cut', headBytes };
}
