// The pages of the warm set: the keys that the settings name, or what the origin lists under a prefix.

import type { ListedEntry, OriginListing } from '../origin/origin.ts';

export interface Candidate {
  readonly name: string;
  /** What a listing says of it; undefined for a key that the settings name. */
  readonly listed: Omit<ListedEntry, 'key'> | undefined;
}

export interface WarmPage {
  readonly candidates: readonly Candidate[];
  readonly continuationToken: string | undefined;
}

export interface WarmSet {
  /** Tells one warm set from another. */
  readonly scope: string;
  pages(continuationToken: string | undefined, signal: AbortSignal): AsyncIterable<WarmPage>;
}

export function namedKeys(names: readonly string[]): WarmSet {
  const candidates = [...new Set(names)].map((name) => ({ name, listed: undefined }));
  return {
    scope: JSON.stringify(names),
    async *pages() {
      yield { candidates, continuationToken: undefined };
    },
  };
}

export function listing(origin: OriginListing, prefix: string): WarmSet {
  return {
    scope: JSON.stringify([origin.scope, prefix]),
    async *pages(continuationToken, signal) {
      for await (const page of origin.pages(prefix, { continuationToken, signal })) {
        const candidates = page.entries.map(({ key, ...listed }) => ({ name: key, listed }));
        yield { candidates, continuationToken: page.continuationToken };
      }
    },
  };
}
