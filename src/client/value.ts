// A value that has been read, as bytes, text or JSON, each made only when it is asked for.

import { CacheRequestError } from './request-error.ts';

/** A value in the form that one needs. All of it is in memory; each call makes its result anew, but for bytes that came as bytes. */
export interface CachedValue {
  /** As they are stored. Not a copy where they came as bytes: do not change them. */
  bytes(): Uint8Array;
  /** Decoded from UTF-8, without a byte order mark, as `Response.text()` does. */
  text(): string;
  /**
   * Parsed.
   * @throws CacheRequestError `value-invalid` where it is no JSON.
   */
  json(): unknown;
}

export function valueOfBytes(bytes: Uint8Array): CachedValue {
  const text = (): string => new TextDecoder().decode(bytes);
  return { bytes: () => bytes, text, json: () => parsed(text()) };
}

/** Of a batch, where JSON has it as text already. */
export function valueOfText(value: string): CachedValue {
  const text = (): string => (value.startsWith('\uFEFF') ? value.slice(1) : value);
  return { bytes: () => new TextEncoder().encode(value), text, json: () => parsed(text()) };
}

/** Decoded when it is first asked for. */
export function valueOfBase64(value: string): CachedValue {
  let decoded: CachedValue | undefined;
  const get = (): CachedValue => (decoded ??= valueOfBytes(bytesOfBase64(value)));
  return { bytes: () => get().bytes(), text: () => get().text(), json: () => get().json() };
}

function bytesOfBase64(text: string): Uint8Array {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // What the parser says quotes the value.
    throw new CacheRequestError('value-invalid', 'The value is not JSON.');
  }
}
