// How bytes are written in JSON: as text, or as base64 where that is shorter.

import { isUtf8 } from 'node:buffer';

export type Encoding = 'utf8' | 'base64';

// Text of up to this length stays readable, even where base64 is shorter.
const shortBytes = 1024;
// JSON.stringify writes these as two characters, other control characters as six.
const shortEscapes = new Set(Buffer.from('"\\\b\f\n\r\t'));
const extraBytes = Uint8Array.from({ length: 256 }, (_, byte) =>
  shortEscapes.has(byte) ? 1 : byte < 32 ? 5 : 0,
);

/** The encoding of `body` in JSON, and how many bytes it takes there without its quotes. */
export function jsonEncodingOf(body: Buffer): { readonly encoding: Encoding; readonly bytes: number } {
  const base64 = { encoding: 'base64', bytes: Math.ceil(body.length / 3) * 4 } as const;
  if (!isUtf8(body)) return base64;
  const mostBytes = body.length <= shortBytes ? Number.POSITIVE_INFINITY : base64.bytes;
  let bytes = body.length;
  // By index, and only until it is decided: an iterator takes 20 ms for 1 MiB.
  for (let at = 0; at < body.length && bytes <= mostBytes; at += 1) bytes += extraBytes[body[at] ?? 0] ?? 0;
  return bytes <= mostBytes ? { encoding: 'utf8', bytes } : base64;
}
