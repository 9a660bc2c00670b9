// Who sends a request, and which keys such a caller may name.

import { Problem } from '../problem.ts';

/** A verified identity. Holds no token. */
export interface Identity {
  /** The object id of the user, or of the application's service principal: `oid`. */
  readonly objectId: string;
  /** The application that asked for the token; undefined for a browser that the platform has signed in. */
  readonly clientId: string | undefined;
  /** App roles: the claim `roles`. */
  readonly roles: readonly string[];
}

export interface Caller {
  /** Undefined where callers are not identified: by function keys. */
  readonly identity: Identity | undefined;
  /** Every key that the caller names begins with one of these; undefined where it may name any. */
  readonly prefixes: readonly string[] | undefined;
}

export const anybody: Caller = { identity: undefined, prefixes: undefined };

/**
 * Before anything is asked about a key, so that the answer is the same whether the key exists or not.
 * @param names keys, or prefixes of keys.
 * @throws Problem `prefix-forbidden`.
 */
export function checkPrefixes({ prefixes }: Caller, names: Iterable<string>): void {
  if (prefixes === undefined) return;
  for (const name of names) {
    if (prefixes.some((prefix) => name.startsWith(prefix))) continue;
    const own = prefixes.map((prefix) => JSON.stringify(prefix)).join(' or ');
    throw new Problem('prefix-forbidden', `All keys and prefixes of this caller begin with ${own}.`);
  }
}
