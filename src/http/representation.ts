// The representations of an entry: coded, as its origin sent it or as this cache has compressed it, and plain. Each has
// an entity tag of its own (RFC 9110, section 8.8.3.3).

import type { Charge } from '../util/byte-budget.ts';
import type { Entry } from '../cache/entry.ts';
import { plainBytesOf, withoutCodings, withoutCompression } from '../cache/stored-body.ts';
import { forbidsTransformation } from '../origin/storage.ts';
import { acceptsCodings } from './accept-encoding.ts';
import { largestValueBytes } from './request-body.ts';

export interface Representation {
  /** As a header has it: with its quotes, and `W/` where it is weak. */
  readonly etag: string;
  /** Undefined for plain bytes. */
  readonly contentEncoding: string | undefined;
  readonly bytes: 'as-stored' | 'as-of-origin' | 'plain';
  /** Whether the entry has another representation. */
  readonly varies: boolean;
}

export type BodyResult =
  | { readonly kind: 'body'; readonly body: Buffer }
  /** The decoded bytes do not fit into memory now. */
  | { readonly kind: 'overloaded' }
  /** The stored bytes cannot be decoded. */
  | { readonly kind: 'damaged' };

const decodedSuffix = '--decoded';
const gzippedSuffix = '--gzipped';

/**
 * Those that a client accepts, the preferred one first.
 * @param acceptEncoding null for a client that sends no such field.
 */
export function representationsFor(
  entry: Entry,
  acceptEncoding: string | null,
): readonly [Representation, ...Representation[]] {
  const { etag, loaded, isGzipped = false } = entry;
  const { codings = [], isWeak = false } = loaded ?? {};
  const tag = (suffix: string): string => `${isWeak ? 'W/' : ''}"${etag}${suffix}"`;
  if (codings.length > 0) {
    // What it has become here on top of that is for the cache alone.
    return acceptsCodings(acceptEncoding, codings)
      ? [{ etag: tag(''), contentEncoding: codings.join(', '), bytes: 'as-of-origin', varies: true }]
      : [{ etag: tag(decodedSuffix), contentEncoding: undefined, bytes: 'plain', varies: true }];
  }
  // The origin may have forbidden it after it was stored, with a 304.
  const varies = isGzipped && (loaded === undefined || !forbidsTransformation(loaded.fields));
  const plain = { etag: tag(''), contentEncoding: undefined, bytes: 'plain', varies } as const;
  if (!varies || !acceptsCodings(acceptEncoding, ['gzip'])) return [plain];
  return [{ etag: tag(gzippedSuffix), contentEncoding: 'gzip', bytes: 'as-stored', varies }, plain];
}

/** @param charge takes the decoded bytes; those of the entry have been taken. */
export async function bodyOf(entry: Entry, { bytes }: Representation, charge: Charge): Promise<BodyResult> {
  const { body, isGzipped, loaded } = entry;
  if (bytes === 'as-stored') return { kind: 'body', body };
  if (isGzipped === true && !charge.takeValue(plainBytesOf(entry))) return { kind: 'overloaded' };
  if (bytes === 'as-of-origin' || !loaded?.codings.length) return withoutCompression(entry);
  const decoded = await withoutCodings(entry, largestValueBytes);
  if (decoded.kind === 'damaged') return decoded;
  return charge.takeValue(decoded.body.length) ? decoded : { kind: 'overloaded' };
}

/** The tags of an entry that a tag of one of its representations may mean. */
export function entryTags(tag: string): readonly string[] {
  const suffix = [decodedSuffix, gzippedSuffix].find((of) => tag.endsWith(of));
  return suffix === undefined ? [tag] : [tag, tag.slice(0, -suffix.length)];
}
