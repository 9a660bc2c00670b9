// The prefixes that callers are confined to: what may be given, and whose are whose.

import { prefixFault } from '../../cache/key.ts';
import type { Caller, Identity } from './caller.ts';

/** Object id, or app role -> the prefix of all keys that such a caller may name. */
export type CallerPrefixes = Readonly<Record<string, string>>;

export interface PrefixesFault {
  /** `["name"]`; empty for all of it. */
  readonly at: string;
  readonly expected: string;
}

const mostNames = 1000;
export const prefixesExpectation = `an object of at most ${mostNames} members, from an object id or an app role to a prefix of keys, like {"Team.Shop": "shop/"}`;
const prefixExpectation = 'a prefix of keys, of at most 1,024 bytes, without control characters';
// What a claim can hold, and a header field can name.
const namePattern = /^[\w.-]{1,120}$/u;

/** @param value as it came out of JSON, or from whoever calls. */
export function prefixesFaults(value: unknown): readonly PrefixesFault[] {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  const entries = isObject ? Object.entries(value) : [];
  const isRepeated = new Set(entries.map(([name]) => normalized(name))).size < entries.length;
  if (!isObject || entries.length > mostNames || isRepeated || !entries.every(([name]) => isName(name))) {
    return [{ at: '', expected: prefixesExpectation }];
  }
  return entries.flatMap(([name, prefix]) =>
    typeof prefix === 'string' && prefixFault(prefix) === undefined
      ? []
      : [{ at: `[${JSON.stringify(name)}]`, expected: prefixExpectation }],
  );
}

/** Gives each identity its prefixes: those of its object id, or else of its roles; undefined for one that is not named. */
export function prefixesOf(given: CallerPrefixes = {}): (identity: Identity) => Caller['prefixes'] {
  const byName = new Map(Object.entries(given).map(([name, prefix]) => [normalized(name), prefix]));
  if (byName.size === 0) return () => undefined;
  return ({ objectId, roles }) => {
    const own = byName.get(normalized(objectId));
    const named = own === undefined ? roles.map((role) => byName.get(role)) : [own];
    const prefixes = named.filter((prefix) => prefix !== undefined);
    // The empty prefix is that of all keys.
    return prefixes.length === 0 || prefixes.includes('') ? undefined : [...new Set(prefixes)];
  };
}

function isName(name: string): boolean {
  return namePattern.test(name);
}

const guidPattern = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/iu;

/** An object id is the same in capitals; a role is not. */
function normalized(name: string): string {
  return guidPattern.test(name) ? name.toLowerCase() : name;
}
