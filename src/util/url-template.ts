// URL templates with a key in them: the URL of a key, encoded so that no key can reach another part of the URL.

/** The URL of a key; undefined for a key that has no URL of its own. */
export type UrlTemplate = (key: string) => string | undefined;

/**
 * Puts a key in the place of `{key}`, encoded as one path segment or query value. With `{+key}` its slashes separate
 * segments (RFC 6570, section 3.2.3).
 * @throws TypeError if the template is not one by `isUrlTemplate`.
 */
export function urlTemplate(template: string): UrlTemplate {
  const parts = partsOf(template);
  if (parts === undefined) throw new TypeError('The template has no {key} in its path or query.');
  const { before, after, keepsSlashes } = parts;
  return (key) => {
    // The URL of an empty key would be that of the folder. A lone surrogate has no UTF-8 form: different keys would
    // become one URL.
    if (key === '' || !key.isWellFormed()) return undefined;
    const encoded = encodeReserved(key);
    const withSlashes = encoded.replaceAll('%2F', '/');
    // Parsers and servers resolve `.` and `..` segments, and some servers decode %2F or %5C first (nginx as a proxy,
    // HTTP.sys). A key whose URL would change by that is not asked for.
    const decodedByServers = before + withSlashes.replaceAll('%5C', '/') + after;
    if (URL.parse(decodedByServers)?.href !== decodedByServers) return undefined;
    return before + (keepsSlashes ? withSlashes : encoded) + after;
  };
}

/** Takes what follows a question mark in a key as the query of its URL. */
export function withQuery(urlOf: UrlTemplate): UrlTemplate {
  return (key) => {
    const nameLength = key.indexOf('?');
    if (nameLength === -1) return urlOf(key);
    const href = urlOf(key.slice(0, nameLength));
    if (href === undefined) return undefined;
    const url = new URL(href);
    const query = key.slice(nameLength + 1);
    url.search = [url.search.slice(1), query].filter((part) => part !== '').join('&');
    return url.href;
  };
}

/** Whether it is an http or https URL with `{key}` or `{+key}` once, in its path or query, and no user name or fragment. */
export function isUrlTemplate(template: string): boolean {
  return partsOf(template) !== undefined;
}

interface TemplateParts {
  readonly before: string;
  readonly after: string;
  readonly keepsSlashes: boolean;
}

/** What is before and after the key, as a URL parser normalizes it. */
function partsOf(template: string): TemplateParts | undefined {
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
  const isWellPlaced = (url.pathname + url.search).includes(marker) && more.length === 0;
  return isWellPlaced && before !== undefined && after !== undefined
    ? { before, after, keepsSlashes }
    : undefined;
}

/** Every byte outside RFC 3986's unreserved characters: encodeURIComponent leaves five of those. */
function encodeReserved(key: string): string {
  return encodeURIComponent(key).replaceAll(
    /[!'()*]/gu,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
