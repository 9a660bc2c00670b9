// How bytes go into JSON: as text, or as base64 where that is shorter.

import { isUtf8 } from 'node:buffer';

export type Encoding = 'utf8' | 'base64';

// Short text stays readable, whatever it takes.
const shortBytes = 1024;
// What JSON.stringify makes of a byte of UTF-8: two characters of these, six of other control characters.
const escapedInTwo = new Set(Buffer.from('"\\\b\f\n\r\t'));
const extraOf = Uint8Array.from({ length: 256 }, (_, byte) =>
  escapedInTwo.has(byte) ? 1 : byte < 32 ? 5 : 0,
);

/** The encoding of `body` in JSON, and how many bytes it takes there without its quotes. */
export function jsonFormOf(body: Buffer): { readonly encoding: Encoding; readonly bytes: number } {
  const base64 = { encoding: 'base64', bytes: Math.ceil(body.length / 3) * 4 } as const;
  if (!isUtf8(body)) return base64;
  let bytes = body.length;
  for (const byte of body) bytes += extraOf[byte] ?? 0;
  return bytes <= base64.bytes || body.length <= shortBytes ? { encoding: 'utf8', bytes } : base64;
}
