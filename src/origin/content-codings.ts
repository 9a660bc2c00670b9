// Content codings (RFC 9110, section 8.4): reads their names, and decodes a complete body within a limit.

import * as zlib from 'node:zlib';
import { promisify } from 'node:util';

export type ContentCoding = 'gzip' | 'deflate' | 'br' | 'zstd';

// Node.js has zstd from 22.15 on (https://nodejs.org/api/zlib.html).
const hasZstd = typeof zlib.zstdDecompress === 'function';

/** What can be decoded, as an Accept-Encoding field. */
export const acceptedCodings = `gzip, deflate, br${hasZstd ? ', zstd' : ''}`;

const known: Readonly<Record<string, ContentCoding>> = {
  gzip: 'gzip',
  'x-gzip': 'gzip',
  deflate: 'deflate',
  br: 'br',
  ...(hasZstd ? { zstd: 'zstd' } : {}),
};

/**
 * The codings in the order they were applied, without `identity`. Case-insensitive.
 * @returns the name of one that cannot be decoded, instead of the list.
 */
export function readCodings(field: string | undefined): readonly ContentCoding[] | string {
  const names = (field ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '' && name !== 'identity');
  const unknown = names.find((name) => !Object.hasOwn(known, name));
  if (unknown !== undefined) return unknown.slice(0, 40);
  return names.flatMap((name) => known[name] ?? []);
}

export type Decoded =
  | { readonly kind: 'decoded'; readonly body: Buffer }
  | { readonly kind: 'too-large' }
  /** It was cut, is followed by something else, or is not in this coding. */
  | { readonly kind: 'damaged'; readonly coding: ContentCoding };

/** Decodes in the thread pool; no step may produce more than `maxBytes`. */
export async function decodeBody(
  body: Buffer,
  codings: readonly ContentCoding[],
  maxBytes: number,
): Promise<Decoded> {
  let current = body;
  for (const coding of codings.toReversed()) {
    try {
      const { buffer, engine } = await decoderOf(coding, current)(current, {
        maxOutputLength: maxBytes,
        info: true,
      });
      // Decoders stop at the end of the coded data, and ignore what follows.
      if (engine.bytesWritten !== current.length) return { kind: 'damaged', coding };
      current = buffer;
    } catch (error) {
      const isTooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
      return isTooLarge ? { kind: 'too-large' } : { kind: 'damaged', coding };
    }
  }
  return { kind: 'decoded', body: current };
}

type Decoder = (
  body: Buffer,
  options: { readonly maxOutputLength: number; readonly info: true },
) => Promise<{ readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } }>;

function decoderOf(coding: ContentCoding, body: Buffer): Decoder {
  switch (coding) {
    case 'gzip':
      return gunzip;
    case 'br':
      return brotli;
    case 'zstd':
      return promisify(zlib.zstdDecompress) as unknown as Decoder;
    case 'deflate':
      // "deflate" means the zlib format; some servers omit its header of two bytes, and every client accepts that.
      return hasZlibHeader(body) ? inflate : inflateRaw;
  }
}

// The types of zlib do not know `info` (https://nodejs.org/api/zlib.html#class-options).
const gunzip = promisify(zlib.gunzip) as unknown as Decoder;
const inflate = promisify(zlib.inflate) as unknown as Decoder;
const inflateRaw = promisify(zlib.inflateRaw) as unknown as Decoder;
const brotli = promisify(zlib.brotliDecompress) as unknown as Decoder;

/** RFC 1950, section 2.2: method 8, and a check over both bytes. */
function hasZlibHeader(body: Buffer): boolean {
  const [first = 0, second = 0] = body;
  return (first & 0x0f) === 8 && ((first << 8) | second) % 31 === 0;
}
