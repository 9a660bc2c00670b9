// Where a key is over HTTP: the path that reaches the app as the key that was meant.

import { CacheRequestError } from './request-error.ts';

const maxKeyBytes = 1024;

/**
 * The key as a path, percent-encoded; undefined where no path means it. A `%2F` in a key would be decoded twice on the
 * way and then be another key, and every URL parser removes `.` and `..`, encoded or not.
 */
export function pathOf(key: string): string | undefined {
  if (key === '.' || key === '..' || /%2f/iu.test(key)) return undefined;
  const segments = key.split('/');
  // Proxies merge slashes and remove dot segments, but only where the slashes are not encoded.
  const isPlain = segments.every((segment) => !['', '.', '..'].includes(segment));
  return segments.map((segment) => encodeURIComponent(segment)).join(isPlain ? '/' : '%2F');
}

/** @throws CacheRequestError `invalid-key` for what no entry can be called: it would be sent as something else. */
export function checkKey(key: string): void {
  const fault = faultOf(key);
  if (fault !== undefined) throw new CacheRequestError('invalid-key', fault);
}

function faultOf(key: unknown): string | undefined {
  if (typeof key !== 'string') return 'The key is not a string.';
  if (key === '') return 'The key is empty.';
  if (/\p{Cc}/u.test(key)) return 'The key contains a control character.';
  if (!key.isWellFormed()) return 'The key is not valid Unicode.';
  const bytes = new TextEncoder().encode(key).length;
  return bytes > maxKeyBytes ? `The key has ${bytes} bytes; at most ${maxKeyBytes} are allowed.` : undefined;
}
