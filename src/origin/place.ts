// Which URL a key stands for: its place in a URL template, and no other. Used by http.ts and blob.ts.
// Knows nothing of requests.

/** The URL of a key; undefined for a key that has no place of its own there. */
export type Place = (key: string) => string | undefined;

/**
 * Where `{key}` stands in a URL template, encoded so that a key cannot leave its place. The template must have
 * passed `isUrlTemplate`.
 * @param slashes `encoded`: the key is one path segment or value; `kept`: its slashes are the URL's.
 */
export function placeIn(template: string, slashes: 'encoded' | 'kept'): Place {
  const parts = literalParts(template);
  if (parts === undefined) throw new TypeError('The template has no {key} in its path or query.');
  return (key) => {
    // A lone surrogate has no UTF-8 form: different keys would become one URL.
    if (!key.isWellFormed()) return undefined;
    const encoded = encodeReserved(key);
    const kept = encoded.replaceAll('%2F', '/');
    // Parsers and servers resolve `.` and `..` segments, and some servers decode %2F or %5C first (nginx does
    // before it hands on, HTTP.sys too). A key that would read differently then is not asked for.
    const asReadByAny = [encoded, kept, kept.replaceAll('%5C', '/')].map((form) => parts.join(form));
    if (!asReadByAny.every(isNormal)) return undefined;
    return parts.join(slashes === 'kept' ? kept : encoded);
  };
}

/** Whether `{key}` stands in the path or query, and nowhere else, of an http or https URL without a user name. */
export function isUrlTemplate(template: string): boolean {
  return literalParts(template) !== undefined;
}

/** What stands around each `{key}`, in the form that a URL parser leaves as it is. */
function literalParts(template: string): readonly string[] | undefined {
  const pieces = template.split('{key}');
  // Letters and digits pass a URL parser unchanged in path and query.
  let marker = 'key';
  while (template.replaceAll('{key}', '').toLowerCase().includes(marker)) marker += '0';
  const url = URL.parse(pieces.join(marker));
  if (url === null || !/^https?:$/u.test(url.protocol) || url.username !== '' || url.password !== '') {
    return undefined;
  }
  url.hash = '';
  const parts = url.href.split(marker);
  const inPathAndQuery = (url.pathname + url.search).split(marker).length;
  const all = parts.length === pieces.length && parts.length === inPathAndQuery;
  return all && parts.length > 1 ? parts : undefined;
}

/** Every byte outside RFC 3986's unreserved characters: encodeURIComponent leaves five of those. */
function encodeReserved(key: string): string {
  return encodeURIComponent(key).replaceAll(
    /[!'()*]/gu,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function isNormal(url: string): boolean {
  return URL.parse(url)?.href === url;
}
