// Validators of an origin's entries: RFC 9110, section 8.8. Used by http.ts and blob-load.ts.
// Pure; knows no request.

import { parseHttpDate } from './cache-control.ts';

export interface Validators {
  /** The opaque part of a strong entity tag. */
  readonly etag: string | undefined;
  /** An entity tag with its quotes, or an HTTP date. */
  readonly validator: string | undefined;
}

const entityTag = /^(?<weak>W\/)?"(?<opaque>[!\u0023-\u007E\u0080-\u00FF]*)"$/u;

export function readValidators(etag: string | undefined, lastModified: string | undefined): Validators {
  const match = entityTag.exec(etag?.trim() ?? '');
  if (match !== null) {
    const strong = match.groups?.['weak'] === undefined;
    return { etag: strong ? match.groups?.['opaque'] : undefined, validator: match[0] };
  }
  const dated = parseHttpDate(lastModified) !== undefined;
  return { etag: undefined, validator: dated ? lastModified?.trim() : undefined };
}

/** The conditional request for a validator that `readValidators` gave; none for anything else. */
export function conditionalHeader(validator: string | undefined): Readonly<Record<string, string>> {
  if (validator === undefined) return {};
  if (entityTag.test(validator)) return { 'If-None-Match': validator };
  return parseHttpDate(validator) === undefined ? {} : { 'If-Modified-Since': validator };
}
