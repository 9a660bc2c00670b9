// Percent-encoding in paths and queries as the Functions host reads and writes it.

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Decodes a path as Kestrel does: everything but %2F, which stays, as does every escape that is no UTF-8 or no escape
 * at all (https://github.com/dotnet/aspnetcore/blob/main/src/Shared/UrlDecoder/UrlDecoder.cs).
 */
export function decodePath(path: string): string {
  return decode(path, true);
}

/** Decodes a name or a value of a query: a plus sign is a space, and %2F is a slash. */
export function decodeQueryPart(part: string): string {
  return decode(part.replaceAll('+', ' '), false);
}

/** The decoded path as the host writes it into the URL: what may stand in a path stays, escapes included. */
export function encodePath(path: string): string {
  return encodeURI(path)
    .replaceAll('?', '%3F')
    .replaceAll('#', '%23')
    .replaceAll(/%25(?=[\da-f]{2})/giu, '%');
}

function decode(text: string, keepsSlashes: boolean): string {
  let at = text.indexOf('%');
  if (at === -1) return text;
  let decoded = text.slice(0, at);
  while (at < text.length) {
    const step = text[at] === '%' ? escapeAt(text, at, keepsSlashes) : undefined;
    decoded += step?.meaning ?? text[at];
    at += step?.length ?? 1;
  }
  return decoded;
}

/** The character that is escaped at `at`, and how long its escapes are; undefined where they mean none. */
function escapeAt(
  text: string,
  at: number,
  keepsSlashes: boolean,
): { readonly meaning: string; readonly length: number } | undefined {
  const first = byteAt(text, at);
  if (first === undefined || (keepsSlashes && first === 0x2f)) return undefined;
  if (first < 0x80) return { meaning: String.fromCodePoint(first), length: 3 };
  const count = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  const bytes = Array.from({ length: count }, (_, index) => byteAt(text, at + index * 3));
  if (bytes.includes(undefined)) return undefined;
  try {
    return { meaning: utf8.decode(Uint8Array.from(bytes as number[])), length: count * 3 };
  } catch {
    return undefined;
  }
}

function byteAt(text: string, at: number): number | undefined {
  const escape = text.slice(at, at + 3);
  return /^%[\da-f]{2}$/iu.test(escape) ? Number.parseInt(escape.slice(1), 16) : undefined;
}
