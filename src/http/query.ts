// What the query of a request means: nothing, a part of the key (CACHE_QUERY), or a mistake.

import { Problem } from './problem.ts';

/** What an unknown query parameter of a read is. */
export type QueryRule = 'reject' | 'key';

/** Keys for the Functions host itself (https://learn.microsoft.com/azure/azure-functions/function-keys-how-to). */
const platformParameters: readonly string[] = ['code', 'clientid'];

/**
 * What the query adds to the key, with its question mark; empty for a query without parameters. Sorted by name, so
 * that the order in which a client writes them makes no second entry.
 * @throws Problem where parameters are to be rejected and there is one.
 */
export function keySuffix(query: URLSearchParams, rule: QueryRule): string {
  if (rule === 'reject') {
    rejectUnknown(query, []);
    return '';
  }
  const sorted = new URLSearchParams([...query].filter(([name]) => !isPlatforms(name)));
  sorted.sort();
  return sorted.size === 0 ? '' : `?${sorted.toString()}`;
}

/**
 * @param known names in lower case.
 * @throws Problem for the first parameter that is not among them.
 */
export function rejectUnknown(query: URLSearchParams, known: readonly string[]): void {
  const unknown = [...query.keys()].find((name) => !isPlatforms(name) && !known.includes(name.toLowerCase()));
  if (unknown === undefined) return;
  const shown = unknown.slice(0, 40).replaceAll(/[^\w.-]/gu, '?');
  throw new Problem(
    'invalid-query',
    `There is no query parameter "${shown}" here. A "?" that belongs to the key is written %3F; with CACHE_QUERY=key the query of a read is a part of the key.`,
  );
}

/** The value of a parameter whose name may be written in any letter case; several are joined, as the host joins them. */
export function parameterOf(query: URLSearchParams, name: string): string | undefined {
  const values = [...query].filter(([one]) => one.toLowerCase() === name).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(',');
}

function isPlatforms(name: string): boolean {
  return platformParameters.includes(name.toLowerCase());
}
