// The representations of an entry: coded, as its origin sent it, or decoded for a client that does not accept the
// coding. Each has an entity tag of its own (RFC 9110, section 8.8.3.3).

import type { Charge } from '../util/byte-budget.ts';
import type { Entry } from '../cache/entry.ts';
import { decodeBody } from '../origin/content-codings.ts';
import { acceptsCodings } from './accept-encoding.ts';
import { largestValueBytes } from './request-body.ts';

export interface Representation {
  /** As a header has it: with its quotes, and `W/` where it is weak. */
  readonly etag: string;
  /** Undefined for plain bytes. */
  readonly contentEncoding: string | undefined;
  readonly isDecoded: boolean;
  /** Whether the entry has another representation. */
  readonly varies: boolean;
}

export type BodyResult =
  | { readonly kind: 'body'; readonly body: Buffer }
  /** The decoded bytes do not fit into memory now. */
  | { readonly kind: 'overloaded' };

const decodedSuffix = '--decoded';

/** @param acceptEncoding null for a client that sends no such field. */
export function representationFor({ etag, loaded }: Entry, acceptEncoding: string | null): Representation {
  const { codings = [], isWeak = false } = loaded ?? {};
  const varies = codings.length > 0;
  const isDecoded = varies && !acceptsCodings(acceptEncoding, codings);
  return {
    etag: `${isWeak ? 'W/' : ''}"${etag}${isDecoded ? decodedSuffix : ''}"`,
    contentEncoding: varies && !isDecoded ? codings.join(', ') : undefined,
    isDecoded,
    varies,
  };
}

/** @param charge takes the decoded bytes; those of the entry have been taken. */
export async function bodyOf(
  { body, loaded }: Entry,
  { isDecoded }: Representation,
  charge: Charge,
): Promise<BodyResult> {
  if (!isDecoded) return { kind: 'body', body };
  // It was decoded within CACHE_MAX_VALUE_BYTES when it came; the limit may have been another then.
  const decoded = await decodeBody(body, loaded?.codings ?? [], largestValueBytes);
  if (decoded.kind !== 'decoded') throw new TypeError(`A stored body cannot be decoded: ${decoded.kind}.`);
  const fits = charge.takeValue(decoded.body.length);
  return fits ? { kind: 'body', body: decoded.body } : { kind: 'overloaded' };
}

/** The tags of an entry that a tag of one of its representations may mean. */
export function entryTags(tag: string): readonly string[] {
  return tag.endsWith(decodedSuffix) ? [tag, tag.slice(0, -decodedSuffix.length)] : [tag];
}
