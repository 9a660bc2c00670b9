// The bearer token of a request: in one Authorization field, and nowhere else (RFC 6750).

import type { HttpRequest } from '@azure/functions';

export type Bearer =
  | { readonly kind: 'none' }
  | { readonly kind: 'token'; readonly token: string }
  /** Not one token, in the form of one. */
  | { readonly kind: 'malformed'; readonly detail: string };

/** Entra's have 1 to 4 KiB, with 200 groups 9 KiB. */
export const longestTokenBytes = 16 * 1024;

const scheme = /^bearer(?: |$)/iu;
// RFC 6750, section 2.1. Hosts join several fields with a comma, which is none of its characters.
const form = /^bearer +([\w.~+/-]+=*) *$/iu;

export function bearerOf({ headers, query }: Pick<HttpRequest, 'headers' | 'query'>): Bearer {
  const value = headers.get('authorization');
  if (value === null || !scheme.test(value)) return { kind: 'none' };
  if (value.length > longestTokenBytes) return malformed(`At most ${longestTokenBytes} bytes are accepted.`);
  const [, token] = form.exec(value) ?? [];
  if (token === undefined) return malformed('Expected one token after the word Bearer.');
  // It would be part of a key, or sent to an origin.
  if (query.has('access_token')) return malformed('A token belongs into the Authorization field only.');
  return { kind: 'token', token };
}

function malformed(detail: string): Bearer {
  return { kind: 'malformed', detail };
}
