// The keys of the entries that a request names, in its route or in its body.

import type { HttpRequest } from '@azure/functions';
import type { Cache } from '../cache/cache.ts';
import type { EntryKey } from '../cache/key.ts';
import { Problem } from './problem.ts';

export type KeyCheck = Pick<Cache, 'keyOf'>;

/**
 * The host decodes the path but leaves %2F (as Kestrel does): a client that encodes a whole key, slashes included,
 * means the same key as one that does not.
 * @param suffix what the query adds to the key.
 */
export function keyFromRoute({ params }: HttpRequest, cache: KeyCheck, suffix = ''): EntryKey {
  return validKey((params['key'] ?? '').replaceAll(/%2f/giu, '/') + suffix, cache);
}

/**
 * @param label names the key in the problem, where there are several.
 * @throws Problem for a name that no entry can have.
 */
export function validKey(name: string, cache: KeyCheck, label = ''): EntryKey {
  const result = cache.keyOf(name);
  if (result.kind === 'invalid') throw new Problem('invalid-key', `${label}${result.detail}`);
  return result.key;
}
