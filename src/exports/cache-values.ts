// What values become in Redis, and what entries are as values: JSON, bytes as they are, or a serializer's.

import { isUtf8 } from 'node:buffer';
import type { Entry } from '../cache/entry.ts';
import { withoutCodings, withoutCompression, type PlainBody } from '../cache/stored-body.ts';
import { largestValueBytes } from '../http/request-body.ts';
import { AppError } from '../util/errors.ts';

/** Any value but `undefined`; a promise is none, what it resolves to may be. */
export type Cacheable = string | number | boolean | (object & { readonly then?: undefined }) | null;

/**
 * Another form for values than JSON. Bytes (`Buffer`, `Uint8Array`) never pass through it.
 *
 * @example
 * ```ts
 * import { deserialize, serialize } from 'node:v8';
 * const serializer = { contentType: 'application/x-v8', encode: serialize, decode: deserialize };
 * ```
 */
export interface Serializer {
  /** Of what `encode` makes: 1 to 255 printable ASCII characters. What bears another one is not given to `decode`. */
  readonly contentType: string;
  /** The form of a value that is stored. It may throw: the value cannot be stored, then. */
  readonly encode: (value: unknown) => Uint8Array | string;
  /** The value that has this form. It may throw: the value cannot be read, then. */
  readonly decode: (bytes: Buffer) => unknown;
}

export interface EncodedValue {
  readonly body: Buffer;
  readonly contentType: string;
}

const bytesType = 'application/octet-stream';
const jsonType = 'application/json';
const isJson = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/iu;
const isUnicodeText = /^text\/[\w.+-]+\s*(?:;\s*charset="?(?:utf-?8|us-ascii)"?\s*)?$/iu;

export function isJsonType(contentType: string): boolean {
  return contentType === jsonType || isJson.test(contentType);
}

/** The stored bytes are not what they are said to be. */
export class DamagedBody extends AppError {
  constructor() {
    super('value-invalid', 'The value cannot be used: its content coding cannot be decoded.');
  }
}

/** @throws AppError `value-invalid` for what has no such form. */
export function encodeValue(value: unknown, serializer?: Serializer): EncodedValue {
  if (value === undefined) throw invalid('undefined is no value; null is one');
  if (value instanceof Uint8Array) return { body: asBuffer(value), contentType: bytesType };
  try {
    if (serializer === undefined) {
      // Undefined for functions and symbols, whatever its type says.
      const json = JSON.stringify(value) as string | undefined;
      if (json === undefined) throw invalid(`a ${typeof value} has no form as JSON`);
      return { body: Buffer.from(json), contentType: jsonType };
    }
    const bytes = serializer.encode(value);
    const body = typeof bytes === 'string' ? Buffer.from(bytes) : asBuffer(bytes);
    return { body, contentType: serializer.contentType };
  } catch (error) {
    throw error instanceof AppError ? error : invalid('it could not be encoded', error);
  }
}

/**
 * What was encoded; JSON, text (a string) and bytes (a Buffer) of everybody else. At once, but for what is large and
 * compressed, and for what an origin sent in a content coding.
 * @param isShared whether others have the same entry: each gets bytes of its own.
 * @throws DamagedBody for a body that cannot be decoded, AppError `value-invalid` for one that is no value; or rejects
 * with it.
 */
export function decodeValue(entry: Entry, isShared: boolean, serializer?: Serializer): unknown {
  const { loaded, body, contentType, isGzipped } = entry;
  if (loaded !== undefined) {
    if (loaded.status >= 300) throw invalid(`it is the origin's answer ${loaded.status}, and no value`);
    if (loaded.codings.length > 0) {
      return withoutCodings(entry, largestValueBytes).then((plain) =>
        valueOf(plain, contentType, serializer),
      );
    }
  }
  if (isGzipped !== true) return parsed(body, isShared, contentType, serializer);
  const plain = withoutCompression(entry);
  return plain instanceof Promise
    ? plain.then((decoded) => valueOf(decoded, contentType, serializer))
    : valueOf(plain, contentType, serializer);
}

function valueOf(plain: PlainBody, contentType: string, serializer: Serializer | undefined): unknown {
  if (plain.kind === 'damaged') throw new DamagedBody();
  return parsed(plain.body, false, contentType, serializer);
}

function parsed(
  body: Buffer,
  isShared: boolean,
  contentType: string,
  serializer: Serializer | undefined,
): unknown {
  // Only for who gets the bytes themselves: copying 64 KiB takes half as long as parsing them.
  const own = (): Buffer => (isShared ? Buffer.from(body) : body);
  if (contentType === serializer?.contentType) {
    try {
      return serializer.decode(own());
    } catch (error) {
      throw invalid('the serializer cannot decode it', error);
    }
  }
  if (contentType === bytesType) return own();
  if (isJsonType(contentType)) {
    try {
      return JSON.parse(body.toString()) as unknown;
    } catch {
      // Without the cause: it quotes the value.
      throw invalid(`its type is ${contentType}, and it is no JSON`);
    }
  }
  return isUnicodeText.test(contentType) && isUtf8(body) ? body.toString() : own();
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function invalid(what: string, cause?: unknown): AppError {
  return new AppError('value-invalid', `The value cannot be used: ${what}.`, { cause });
}
