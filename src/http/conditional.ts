// Conditional requests: RFC 9110, section 13. The condition of a read is decided here, that of a write in the cache.

import type { HttpRequest } from '@azure/functions';
import { parseHttpDate } from '../origin/http-date.ts';
import type { TagCondition } from '../cache/tier.ts';
import { Problem } from './problem.ts';
import { entryTags } from './representation.ts';

interface EntityTags {
  readonly any: boolean;
  readonly tags: readonly { readonly weak: boolean; readonly value: string }[];
}

// An element up to the next comma; an empty one is ignored (RFC 9110, sections 5.6.1.2 and 8.8.3).
const elementPattern = /\s*(?:(?<weak>W\/)?"(?<value>[!\u0023-\u007E\u0080-\u00FF]*)"\s*)?(?:,|$)/uy;

/** A list of entity tags; undefined where the field is malformed, or names none. */
function parseTags(field: string): EntityTags | undefined {
  const text = field.trim();
  if (text === '*') return { any: true, tags: [] };
  const tags: { weak: boolean; value: string }[] = [];
  for (let at = 0; at < text.length; at = elementPattern.lastIndex) {
    elementPattern.lastIndex = at;
    const groups = elementPattern.exec(text)?.groups;
    if (groups === undefined) return undefined;
    const { weak, value } = groups;
    if (value !== undefined) tags.push({ weak: weak !== undefined, value });
  }
  return tags.length === 0 ? undefined : { any: false, tags };
}

/** Whether a GET or HEAD is answered by 304: weak comparison (section 13.1.2). A malformed field is ignored. */
export function isNotModified(ifNoneMatch: string | null, etag: string): boolean {
  const tags = ifNoneMatch === null ? undefined : parseTags(ifNoneMatch);
  const opaque = etag.replace(/^W\//u, '');
  return tags !== undefined && (tags.any || tags.tags.some((tag) => `"${tag.value}"` === opaque));
}

/** Whether a GET or HEAD is answered by 304 because of a date (section 13.1.3). What is no date is ignored. */
export function isUnmodified(
  ifModifiedSince: string | null,
  lastModified: string | undefined,
  nowMs: number,
): boolean {
  const sinceMs = parseHttpDate(ifModifiedSince ?? undefined, nowMs);
  const modifiedMs = parseHttpDate(lastModified, nowMs);
  return sinceMs !== undefined && modifiedMs !== undefined && modifiedMs <= sinceMs;
}

/** Whether If-Match lets a GET or HEAD proceed: strong comparison (section 13.1.1). A malformed field matches nothing. */
export function isMatch(ifMatch: string | null, etag: string): boolean {
  if (ifMatch === null) return true;
  const tags = parseTags(ifMatch);
  return tags !== undefined && (tags.any || tags.tags.some((tag) => !tag.weak && `"${tag.value}"` === etag));
}

/**
 * The condition of a PUT or DELETE. If-Match compares strongly: a weak tag never matches.
 * @throws Problem for a malformed field, because ignoring it would lose an update; and for both fields at once, which
 * no client needs.
 */
export function writeCondition({ headers }: HttpRequest): TagCondition {
  const ifMatch = headers.get('if-match');
  const ifNoneMatch = headers.get('if-none-match');
  const field = ifMatch ?? ifNoneMatch;
  if (field === null) return { kind: 'none', etags: [] };
  const tags = parseTags(field);
  if (tags === undefined || (ifMatch !== null && ifNoneMatch !== null)) {
    const detail = 'Expected * or a list of quoted entity tags, in either If-Match or If-None-Match.';
    throw new Problem('invalid-header', detail);
  }
  const kind = ifMatch === null ? 'none-match' : 'match';
  if (tags.any) return { kind, etags: ['*'] };
  const comparable = kind === 'match' ? tags.tags.filter((tag) => !tag.weak) : tags.tags;
  return { kind, etags: comparable.flatMap((tag) => entryTags(tag.value)) };
}
