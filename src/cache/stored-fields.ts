// The origin's header fields that are stored with an entry: which, how many bytes of them, and how a 304 changes them.

import { parseHttpDate } from '../origin/http-date.ts';
import type { OriginAnswer } from '../origin/origin.ts';
import type { Fields } from '../origin/storage.ts';

/** They decide the lifetime, or tell one state from another; all others are only handed on to clients. */
const decisive = ['cache-control', 'cdn-cache-control', 'date', 'etag', 'expires', 'last-modified'];
/** Accounted for already, or stored elsewhere in the entry; what Vary means was decided when the answer came. */
const neverStored = ['age', 'content-type', 'vary'];
// Of all together, so that heads stay small: many of them are read at once.
const usualBytes = 2048;
const sendable = /^[\t\u0020-\u007E]*$/u;

/** @param nowMs when the answer came: it counts as its Date where it has none (RFC 9110, section 6.6.1). */
export function storableFields(fields: Fields, status: number, nowMs: number): Fields {
  const dated = { ...fields, date: dateOf(fields, nowMs) };
  const kept = Object.entries(dated)
    .filter(([name, value]) => {
      if (neverStored.includes(name) || (name === 'retry-after' && status < 400)) return false;
      // The Functions host answers 500 for a header that is not ASCII.
      return decisive.includes(name) || sendable.test(value);
    })
    .map(([name, value]) => [name, value.replaceAll(/[^\u0020-\u007E\u0080-\u00FF]/gu, ' ')] as const);
  return withinBounds(new Map(kept));
}

/** The largest of those for clients are dropped first, then the validators: such an entry is loaded anew each time. */
function withinBounds(kept: Map<string, string>): Fields {
  const bytes = (): number =>
    [...kept].reduce((sum, [name, value]) => sum + name.length + value.length + 2, 0);
  const extras = [...kept].filter(([name]) => !decisive.includes(name));
  const largestFirst = extras.toSorted(([, one], [, other]) => other.length - one.length);
  const toDrop = [...largestFirst.map(([name]) => name), 'etag', 'last-modified', ...decisive];
  for (const name of toDrop) {
    if (bytes() <= usualBytes) break;
    if (name !== 'date') kept.delete(name);
  }
  return Object.fromEntries(kept);
}

function dateOf({ date }: Fields, nowMs: number): string {
  return date === undefined || parseHttpDate(date, nowMs) === undefined
    ? new Date(nowMs).toUTCString()
    : date;
}

/** Those that are only handed on to clients, as they are. */
export function extrasOf(fields: Fields): Fields {
  const extras = Object.entries(fields).filter(
    ([name]) => !decisive.includes(name) && name !== 'retry-after',
  );
  return Object.fromEntries(extras);
}

/** No stored value contains a tab. */
export function encodeFields(fields: Fields): string | undefined {
  const lines = Object.entries(fields).map(([name, value]) => `${name}:${value}`);
  return lines.length === 0 ? undefined : lines.join('\t');
}

export function decodeFields(text: string): Fields {
  const fields: Record<string, string> = {};
  for (let at = 0; at < text.length;) {
    const end = text.indexOf('\t', at);
    const lineEnd = end === -1 ? text.length : end;
    const nameEnd = text.indexOf(':', at);
    if (nameEnd > at && nameEnd < lineEnd) fields[text.slice(at, nameEnd)] = text.slice(nameEnd + 1, lineEnd);
    at = lineEnd + 1;
  }
  return fields;
}

/**
 * Whether a 304 speaks of the entry with these fields (RFC 9111, section 4.3.4): it names the same validator, a strong
 * one strongly, or names none and can mean nothing but what it was asked about.
 */
export function isAbout(held: Fields, { etag, 'last-modified': modified }: Fields): boolean {
  if (etag !== undefined) {
    const [here, there] = [held['etag']?.trim(), etag.trim()];
    return there.startsWith('W/') ? opaqueOf(here) === opaqueOf(there) : here === there;
  }
  const heldModified = held['last-modified'];
  return modified === undefined || heldModified === undefined || modified.trim() === heldModified.trim();
}

function opaqueOf(etag: string | undefined): string | undefined {
  return etag?.replace(/^W\//u, '');
}

/** The fields of a 304 in the place of those that were stored; its age counts, and the old one no more. */
export function updatedFields(
  held: Fields,
  { fields }: Pick<Extract<OriginAnswer, { kind: 'unchanged' }>, 'fields'>,
  nowMs: number,
): Fields {
  const { etag = fields['etag'] } = held;
  return { ...held, ...fields, date: dateOf(fields, nowMs), ...(etag === undefined ? {} : { etag }) };
}
