// What the query of a read means: nothing that is known, an error, or a part of the key (CACHE_QUERY).

/** What an unknown query parameter is. */
export type QueryRule = 'reject' | 'key';

export type QueryResult =
  /** What is added to the key, with its question mark; empty for a query without parameters. */
  { readonly ok: true; readonly suffix: string } | { readonly ok: false; readonly detail: string };

/** Keys for the Functions host itself (https://learn.microsoft.com/azure/azure-functions/function-keys-how-to). */
const platformParameters: ReadonlySet<string> = new Set(['code', 'clientid']);

/** Sorted by name, so that the order in which a client writes them makes no second entry. */
export function readQuery(query: URLSearchParams, rule: QueryRule): QueryResult {
  if (rule === 'reject') return checkParameters(query, []);
  const sorted = new URLSearchParams([...query].filter(([name]) => !isOf(platformParameters, name)));
  sorted.sort();
  return { ok: true, suffix: sorted.size === 0 ? '' : `?${sorted.toString()}` };
}

/** @param known names in lower case. */
export function checkParameters(query: URLSearchParams, known: readonly string[]): QueryResult {
  const unknown = [...query.keys()].find(
    (name) => !isOf(platformParameters, name) && !isOf(new Set(known), name),
  );
  if (unknown === undefined) return { ok: true, suffix: '' };
  const shown = unknown.slice(0, 40).replaceAll(/[^\w.-]/gu, '?');
  return {
    ok: false,
    detail: `There is no query parameter "${shown}" here. A "?" that belongs to the key is written %3F; with CACHE_QUERY=key the query of a read is a part of the key.`,
  };
}

/** The value of a parameter whose name may be written in any letter case; several are joined, as the host joins them. */
export function parameterOf(query: URLSearchParams, name: string): string | undefined {
  const values = [...query].filter(([one]) => one.toLowerCase() === name).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(',');
}

function isOf(names: ReadonlySet<string>, name: string): boolean {
  return names.has(name.toLowerCase());
}
