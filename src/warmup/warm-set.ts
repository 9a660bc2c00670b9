// The pages of the warm set: the keys that the settings name, or what origins list under a prefix.

import type { ListedEntry } from '../origin/origin.ts';
import type { ListedOrigin } from '../origin/origins.ts';
import { taggedByAll } from '../origin/tags.ts';
import { AppError } from '../util/errors.ts';

export interface Candidate {
  readonly name: string;
  /** What a listing says of it; undefined for a key that the settings name. */
  readonly listed: Omit<ListedEntry, 'key'> | undefined;
}

export interface WarmPage {
  readonly candidates: readonly Candidate[];
  readonly continuationToken: string | undefined;
  /** A part of the warm set could not be listed, and the next page is of another one. */
  readonly isPartMissing?: boolean;
}

export interface WarmSet {
  /** Tells one warm set from another. */
  readonly scope: string;
  /** @throws AppError `origin-failed` where it cannot be listed, or not from this token on. */
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

/** What several origins list, one after the other: where one of them fails, the others are warmed all the same. */
export function listing(origins: readonly ListedOrigin[]): WarmSet {
  const [only] = origins;
  if (only !== undefined && origins.length === 1) {
    return {
      scope: scopeOf(only),
      pages: (continuationToken, signal) => pagesOf(only, continuationToken, signal),
    };
  }
  return {
    scope: JSON.stringify(origins.map(scopeOf)),
    async *pages(continuationToken, signal) {
      const [first, from] = readToken(continuationToken);
      for (const [index, origin] of origins.entries()) {
        if (index < first) continue;
        const isLast = index === origins.length - 1;
        const next = isLast ? undefined : tokenOf(index + 1);
        try {
          for await (const page of pagesOf(origin, index === first ? from : undefined, signal)) {
            const { candidates, continuationToken: within } = page;
            yield { candidates, continuationToken: within === undefined ? next : tokenOf(index, within) };
          }
        } catch (error) {
          const isFailed = error instanceof AppError && error.code === 'origin-failed';
          if (!isFailed || isLast || signal.aborted) throw error;
          yield { candidates: [], continuationToken: next, isPartMissing: true };
        }
      }
    },
  };
}

function scopeOf({ listing: { scope }, prefix }: ListedOrigin): string {
  return JSON.stringify([scope, prefix]);
}

async function* pagesOf(
  { listing: of, health, prefix, termsOf }: ListedOrigin,
  continuationToken: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<WarmPage, void> {
  try {
    for await (const page of of.pages(prefix, { continuationToken, signal })) {
      const candidates = page.entries.flatMap(({ key, tagging, ...listed }): Candidate[] => {
        const terms = termsOf(key);
        // Another origin is asked for it.
        if (terms === undefined) return [];
        const { tags } = terms;
        if (tags === undefined) return [{ name: key, listed: tagging ? { ...listed, tagging } : listed }];
        const all = taggedByAll([tagging ?? { restrictions: [] }, { tags, restrictions: [] }]);
        return [{ name: key, listed: { ...listed, tagging: all } }];
      });
      yield { candidates, continuationToken: page.continuationToken };
    }
  } catch (error) {
    // The report has the cause by its name, the event by its reason.
    if (error instanceof AppError && error.code === 'origin-failed' && !signal.aborted) health.failed(error);
    throw error;
  }
}

/** Which origin, and which of its pages: the first where undefined. */
function tokenOf(index: number, within?: string): string {
  return `${index} ${within ?? ''}`;
}

function readToken(token: string | undefined): readonly [index: number, within: string | undefined] {
  if (token === undefined) return [0, undefined];
  const space = token.indexOf(' ');
  return [Number(token.slice(0, space)), token.slice(space + 1) || undefined];
}
