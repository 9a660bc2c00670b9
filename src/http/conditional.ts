// Conditional requests: RFC 9110, section 13. Used by functions/.
// Knows tags without their quotes; which entry is current is decided elsewhere for writes (in Redis).

import type { WriteCondition } from '../cache/store.ts';

interface EntityTags {
  readonly any: boolean;
  readonly tags: readonly { readonly weak: boolean; readonly value: string }[];
}

// etagc of RFC 9110, section 8.8.3.
const tagPattern = /(?<weak>W\/)?"(?<value>[!\u0023-\u007E\u0080-\u00FF]*)"/uy;

/** Reads a list of entity tags; undefined when the field is malformed. */
function parseTags(field: string): EntityTags | undefined {
  const text = field.trim();
  if (text === '*') return { any: true, tags: [] };
  const tags: { weak: boolean; value: string }[] = [];
  let at = 0;
  while (at < text.length) {
    tagPattern.lastIndex = at;
    const match = tagPattern.exec(text);
    if (match === null) return undefined;
    tags.push({ weak: match.groups?.['weak'] !== undefined, value: match.groups?.['value'] ?? '' });
    const separator = /\s*(?:,\s*|$)/uy;
    separator.lastIndex = tagPattern.lastIndex;
    if (separator.exec(text) === null) return undefined;
    at = separator.lastIndex;
  }
  return tags.length === 0 ? undefined : { any: false, tags };
}

/** Whether a GET or HEAD is answered by 304: weak comparison (section 13.1.2). A malformed field is ignored. */
export function isNotModified(ifNoneMatch: string | null, etag: string): boolean {
  const tags = ifNoneMatch === null ? undefined : parseTags(ifNoneMatch);
  return tags !== undefined && (tags.any || tags.tags.some((tag) => tag.value === etag));
}

/**
 * The condition of a PUT or DELETE. If-Match wins over If-None-Match (section 13.2.2) and compares strongly:
 * a weak tag never matches. A malformed field is an error, because ignoring it would lose an update.
 */
export function writeCondition(
  ifMatch: string | null,
  ifNoneMatch: string | null,
): WriteCondition | 'malformed' {
  const field = ifMatch ?? ifNoneMatch;
  if (field === null) return { kind: 'none', etags: [] };
  const tags = parseTags(field);
  if (tags === undefined) return 'malformed';
  const kind = ifMatch === null ? 'none-match' : 'match';
  if (tags.any) return { kind, etags: ['*'] };
  const comparable = kind === 'match' ? tags.tags.filter((tag) => !tag.weak) : tags.tags;
  return { kind, etags: comparable.map((tag) => tag.value) };
}
