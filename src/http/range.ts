// Range requests for one part of a whole value: RFC 9110, sections 13.1.5 and 14.

import { parseHttpDate } from '../origin/http-date.ts';

export type RangeResult =
  /** The whole value: there is no range, or one that is not understood. */
  | { readonly kind: 'whole' }
  /** From `start` to `end`, both included. */
  | { readonly kind: 'part'; readonly start: number; readonly end: number }
  | { readonly kind: 'unsatisfiable' };

/** Several ranges, and units other than bytes, are answered with the whole value, as section 14.2 allows. */
export function readRange(range: string | null, bytes: number): RangeResult {
  const groups = /^bytes\s*=\s*(?<first>\d{0,15})-(?<last>\d{0,15})$/iu.exec(range?.trim() ?? '')?.groups;
  if (groups === undefined) return { kind: 'whole' };
  const { first = '', last = '' } = groups;
  if (first === '' && last === '') return { kind: 'whole' };
  if (first === '') {
    const suffix = Number(last);
    if (suffix === 0 || bytes === 0) return { kind: 'unsatisfiable' };
    return { kind: 'part', start: Math.max(bytes - suffix, 0), end: bytes - 1 };
  }
  const start = Number(first);
  const end = last === '' ? bytes - 1 : Math.min(Number(last), bytes - 1);
  if (last !== '' && Number(last) < start) return { kind: 'whole' };
  return start >= bytes ? { kind: 'unsatisfiable' } : { kind: 'part', start, end };
}

/** What a part is measured against: the value as it is sent. */
export interface RangeState {
  /** With its quotes, and `W/` where it is weak. */
  readonly etag: string;
  readonly lastModified: string | undefined;
  /** When the origin made the answer. */
  readonly dateMs: number;
}

/** Whether If-Range lets a range be answered: by a strong tag, or by a date that no second change can share. */
export function isRangeCurrent(ifRange: string | null, { etag, lastModified, dateMs }: RangeState): boolean {
  if (ifRange === null) return true;
  const field = ifRange.trim();
  if (field.startsWith('"')) return field === etag;
  const askedMs = parseHttpDate(field, dateMs);
  const modifiedMs = parseHttpDate(lastModified, dateMs);
  // Section 8.8.2.2: a date is strong where the answer was made at least a second after it.
  return askedMs !== undefined && askedMs === modifiedMs && dateMs - modifiedMs >= 1000;
}
