// The forms of an entry: coded, as its origin sent it, or decoded for a client that does not accept the coding. Each
// has an entity tag of its own (RFC 9110, section 8.8.3.3).

import type { Charge } from '../util/byte-budget.ts';
import type { Entry } from '../cache/entry.ts';
import { decodeBody } from '../origin/content-codings.ts';
import { acceptsCodings } from './accept-encoding.ts';
import { largestValueBytes } from './request-body.ts';

export interface Form {
  /** As a header has it: with its quotes, and `W/` where it is weak. */
  readonly etag: string;
  /** Undefined for plain bytes. */
  readonly contentEncoding: string | undefined;
  readonly isDecoded: boolean;
  /** Whether there is another form. */
  readonly varies: boolean;
}

const decodedSuffix = '--decoded';
/** @param acceptEncoding null for a client that says nothing. */
export function formFor({ etag, loaded }: Entry, acceptEncoding: string | null): Form {
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

/** The bytes of that form; undefined where there is no room for them once they are decoded. */
export async function bodyOf(
  { body, loaded }: Entry,
  { isDecoded }: Form,
  charge: Charge,
): Promise<Buffer | undefined> {
  if (!isDecoded) return body;
  // It was decoded within CACHE_MAX_VALUE_BYTES when it came; the limit may have been another then.
  const decoded = await decodeBody(body, loaded?.codings ?? [], largestValueBytes);
  if (decoded.kind !== 'decoded') throw new TypeError(`A stored body cannot be decoded: ${decoded.kind}.`);
  return charge.takeValue(decoded.body.length) ? decoded.body : undefined;
}

/** The tags of an entry that a tag of one of its forms may mean. */
export function entryTags(formTag: string): readonly string[] {
  return formTag.endsWith(decodedSuffix) ? [formTag, formTag.slice(0, -decodedSuffix.length)] : [formTag];
}
