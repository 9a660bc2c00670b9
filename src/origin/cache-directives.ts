// Reads the directives of a Cache-Control field (RFC 9111, section 5.2) and of CDN-Cache-Control (RFC 9213).

// RFC 9111, section 1.2.2: larger values count as this.
export const longestSeconds = 2 ** 31;

const longestField = 4096;

/** By lower-case name, the values in their order; an absent value is the empty string. */
export type Directives = ReadonlyMap<string, readonly string[]>;

// RFC 9110, section 5.6: a directive is a token, or one with a value that is a token or a quoted string.
const wellFormed =
  /^(?<name>[!#$%&'*+.^`|~\w-]+)(?:=(?:"(?<quoted>(?:[^"\\]|\\.)*)"|(?<token>[!#$%&'*+.^`|~\w-]+)))?$/u;
// Up to the next comma that stands in no quoted string; a quote that is never closed is an ordinary character.
const elements = /(?:"(?:[^"\\]|\\.)*"|[^,])+/gu;
const words = /(?<name>[\w-]+)(?:=(?<value>[\w.-]*))?/gu;

/**
 * In a malformed element every word counts: "public no-store" was not meant as a permission. A malformed lifetime
 * stays in the result as text, and counts as none.
 */
export function readDirectives(field: string | undefined): Directives {
  // The patterns would try every split of a run of white space: half a second for one of 16 KB.
  const text = (field ?? '').replaceAll(/\s+/gu, ' ');
  // No real field is that long; one that is may be made to be slow to read.
  if (text.length > longestField) return new Map([['no-store', ['']]]);
  const directives = new Map<string, string[]>();
  const add = (name: string, value: string): void => {
    const known = directives.get(name.toLowerCase());
    if (known === undefined) directives.set(name.toLowerCase(), [value]);
    else known.push(value);
  };
  for (const [element] of text.matchAll(elements)) {
    const groups = wellFormed.exec(element.trim())?.groups;
    if (groups !== undefined) {
      add(groups['name'] ?? '', groups['quoted']?.replaceAll(/\\(.)/gu, '$1') ?? groups['token'] ?? '');
      continue;
    }
    for (const { groups: word } of element.matchAll(words)) add(word?.['name'] ?? '', word?.['value'] ?? '');
  }
  return directives;
}

/** Whole seconds; of several values the shortest, and 0 where one of them is no number. Undefined where it is absent. */
export function secondsOf(directives: Directives, name: string): number | undefined {
  const values = directives.get(name);
  return values && Math.min(...values.map((value) => wholeSeconds(value) ?? 0));
}

export function wholeSeconds(text: string | undefined): number | undefined {
  const digits = text?.trim() ?? '';
  return /^\d+$/u.test(digits) ? Math.min(Number(digits), longestSeconds) : undefined;
}

/**
 * The directives for caches like this one, instead of Cache-Control and Expires (RFC 9213, section 2.2); undefined
 * where the field is absent, empty, or no dictionary of structured fields, which means ignored.
 */
export function readTargetedDirectives(field: string | undefined): Directives | undefined {
  const directives = new Map<string, readonly string[]>();
  const text = field?.trim() ?? '';
  if (text === '' || text.length > longestField) return undefined;
  for (const [element] of text.matchAll(elements)) {
    const groups = dictionaryMember.exec(element.trim())?.groups;
    if (groups === undefined) return undefined;
    const { name = '', value, off } = groups;
    // The last of two equal keys counts (RFC 9651, section 4.2.2). `no-store=?0` is none.
    if (off === undefined) directives.set(name, [value ?? '']);
    else directives.delete(name);
  }
  return /,\s*(?:,|$)|^\s*,/u.test(text) ? undefined : directives;
}

// RFC 9651, section 3.2, as far as it is used here: a key alone, with a boolean, or with a bare item. Parameters are
// ignored.
const dictionaryMember =
  /^(?<name>[a-z*][a-z0-9_.*-]*)(?:=(?:\?1|(?<off>\?0)|(?<value>-?\d{1,15}(?:\.\d{1,3})?|"(?:[ !#-[\]-~]|\\["\\])*"|[A-Za-z*][!#$%&'*+.^`|~\w:/-]*)))?(?:\s*;\s*[a-z*][a-z0-9_.*-]*(?:=[^;,]*)?)*$/u;
