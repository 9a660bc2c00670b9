// Tags of entries, by which they are purged together: what one may be, how many an entry may have, and the header fields
// that name them.

import type { Fields, StoragePermission } from './storage.ts';

const mostTags = 64;
const mostCharacters = 4096;
// Printable ASCII without the space and the comma. Case counts.
const tagForm = /^[!-+\--~]{1,128}$/u;
/** The form of a tag as a regular expression. */
export const tagPattern = tagForm.source;

export const tagExpectation = '1 to 128 printable ASCII characters without spaces and commas';
export const tagsExpectation = `at most ${mostTags} tags of ${tagExpectation}, ${mostCharacters} characters together`;

export function isTag(text: string): boolean {
  return tagForm.test(text);
}

/** Whether they are tags that an entry can have. Asked at every call with some, so as cheap as can be. */
export function areTags(value: unknown): value is readonly string[] {
  if (!Array.isArray(value)) return false;
  let characters = -1;
  for (const tag of value as readonly unknown[]) {
    if (typeof tag !== 'string' || !tagForm.test(tag)) return false;
    characters += tag.length + 1;
  }
  if (value.length <= mostTags && characters <= mostCharacters) return true;
  return distinctTags(value as readonly string[]) !== undefined;
}

/** Each tag once, in the order of the first; undefined for what no entry can have. */
export function distinctTags(given: readonly string[]): readonly string[] | undefined {
  const tags = [...new Set(given)];
  if (tags.length > mostTags || !tags.every((tag) => tagForm.test(tag))) return undefined;
  // With the commas between them, as they are stored.
  const characters = tags.reduce((sum, tag) => sum + tag.length + 1, -1);
  return characters > mostCharacters ? undefined : tags;
}

/**
 * The tags that header fields name, by lower-case name: `Cache-Tag` separated by commas, `Surrogate-Key` by spaces.
 * Undefined where there is neither; `invalid` for what no entry can have.
 */
export function tagsOfFields(fields: Fields): readonly string[] | 'invalid' | undefined {
  const { 'cache-tag': cacheTag, 'surrogate-key': surrogateKey } = fields;
  if (cacheTag === undefined && surrogateKey === undefined) return undefined;
  const byComma = (cacheTag ?? '').split(',').map((tag) => tag.trim());
  // Several fields of one name have been joined by commas.
  const bySpace = (surrogateKey ?? '').split(/[\s,]/u);
  return distinctTags([...byComma, ...bySpace].filter(Boolean)) ?? 'invalid';
}

/** What an answer says of tags: they go with the entry, or forbid that it is stored. */
export interface Tagging {
  /** Undefined where it says nothing. */
  readonly tags?: readonly string[];
  readonly restrictions: readonly StoragePermission[];
}

/** An entry that has lost a tag could not be purged by it, so what has tags that no entry can have is not stored. */
export const tagsNotStorable: StoragePermission = {
  kind: 'forbidden',
  reason: `its tags cannot be stored: expected ${tagsExpectation}`,
};

export function taggingOf(fields: Fields): Tagging {
  const tags = tagsOfFields(fields);
  if (tags === 'invalid') return { restrictions: [tagsNotStorable] };
  return { restrictions: [], ...(tags === undefined ? {} : { tags }) };
}

/** The tags of all together. */
export function taggedByAll(taggings: readonly Tagging[]): Tagging {
  const said = taggings.flatMap(({ tags }) => (tags === undefined ? [] : [tags]));
  const restrictions = taggings.flatMap((one) => one.restrictions);
  if (said.length === 0) return { restrictions };
  const tags = distinctTags(said.flat());
  return tags === undefined ? { restrictions: [...restrictions, tagsNotStorable] } : { restrictions, tags };
}
