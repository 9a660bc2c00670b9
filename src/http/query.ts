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
  const own = [...query].filter(([name]) => !platformParameters.has(name.toLowerCase()));
  if (own.length === 0) return { ok: true, suffix: '' };
  if (rule === 'key') {
    const sorted = new URLSearchParams(own);
    sorted.sort();
    return { ok: true, suffix: `?${sorted}` };
  }
  const [[name = ''] = []] = own;
  const shown = name.slice(0, 40).replaceAll(/[^\w.-]/gu, '?');
  return {
    ok: false,
    detail: `A read has no query parameter "${shown}". A "?" that belongs to the key is written %3F; with CACHE_QUERY=key the query is a part of the key.`,
  };
}
