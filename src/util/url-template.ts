// Which URL a key stands for: its place in a URL template, and no other. Used by http.ts, blob.ts and settings-origin.ts.
// Knows nothing of requests.

/** The URL of a key; undefined for a key that has no place of its own there. */
export type Place = (key: string) => string | undefined;

/**
 * Where `{key}` stands in a URL template, encoded so that a key cannot leave its place: as one path segment or value.
 * With `{+key}` its slashes are the URL's (RFC 6570, section 3.2.3).
 * @throws TypeError if `isUrlTemplate` says no to the template.
 */
export function placeIn(template: string): Place {
  const surroundings = surroundingsOf(template);
  if (surroundings === undefined) throw new TypeError('The template has no {key} in its path or query.');
  const { before, after, keepsSlashes } = surroundings;
  return (key) => {
    // The empty key's place is that of whatever holds the others. A lone surrogate has no UTF-8 form: different
    // keys would become one URL.
    if (key === '' || !key.isWellFormed()) return undefined;
    const encoded = encodeReserved(key);
    const kept = encoded.replaceAll('%2F', '/');
    // Parsers and servers resolve `.` and `..` segments, and some servers decode %2F or %5C first (nginx does
    // before it hands on, HTTP.sys too). A key that would read differently then is not asked for.
    const asReadByAny = before + kept.replaceAll('%5C', '/') + after;
    if (URL.parse(asReadByAny)?.href !== asReadByAny) return undefined;
    return before + (keepsSlashes ? kept : encoded) + after;
  };
}

/** The place of what stands before a question mark in a key, asked with what stands after it as its query. */
export function withQuery(place: Place): Place {
  return (key) => {
    const nameLength = key.indexOf('?');
    if (nameLength === -1) return place(key);
    const href = place(key.slice(0, nameLength));
    if (href === undefined) return undefined;
    const url = new URL(href);
    const own = key.slice(nameLength + 1);
    url.search = [url.search.slice(1), own].filter((part) => part !== '').join('&');
    return url.href;
  };
}

/**
 * Whether `{key}` or `{+key}` stands once in the path or query, and nowhere else, of an http or https URL without a user name
 * and fragment.
 */
export function isUrlTemplate(template: string): boolean {
  return surroundingsOf(template) !== undefined;
}

interface Surroundings {
  readonly before: string;
  readonly after: string;
  readonly keepsSlashes: boolean;
}

/** What stands before and after the key, in the form that a URL parser leaves as it is. */
function surroundingsOf(template: string): Surroundings | undefined {
  const pieces = template.split(/\{\+?key\}/u);
  const keepsSlashes = template.includes('{+key}');
  if (pieces.length !== 2 || template.includes('#')) return undefined;
  // Letters and digits pass a URL parser unchanged in path and query.
  let marker = 'key';
  while (pieces.join(' ').toLowerCase().includes(marker)) marker += '0';
  const url = URL.parse(pieces.join(marker));
  if (url === null || !/^https?:$/u.test(url.protocol) || url.username !== '' || url.password !== '') {
    return undefined;
  }
  const [before, after, ...more] = url.href.split(marker);
  const inPlace = (url.pathname + url.search).includes(marker) && more.length === 0;
  return inPlace && before !== undefined && after !== undefined ? { before, after, keepsSlashes } : undefined;
}

/** Every byte outside RFC 3986's unreserved characters: encodeURIComponent leaves five of those. */
function encodeReserved(key: string): string {
  return encodeURIComponent(key).replaceAll(
    /[!'()*]/gu,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
