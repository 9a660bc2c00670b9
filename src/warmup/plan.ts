// What the warmup does about one key of the warm set: a pure function.

import { freshUntilMs } from '../cache/freshness.ts';
import { hasTags, type EntryHead } from '../cache/entry.ts';
import type { HeadResult } from '../cache/tier.ts';
import type { ListedEntry } from '../origin/origin.ts';

export type Plan =
  /** Cached, unchanged, and fresh until after the next run. */
  | { readonly kind: 'current' }
  /** Somebody other than the origin wrote it, or a newer version of the app: it stays until it expires. */
  | { readonly kind: 'foreign' }
  /** Cached and unchanged: only its lifetime is renewed. */
  | { readonly kind: 'extend'; readonly held: EntryHead }
  /** Absent, changed, or perhaps changed; `isFresh` where it is fresh for long enough if it has not changed. */
  | { readonly kind: 'load'; readonly held: EntryHead | undefined; readonly isFresh: boolean }
  | { readonly kind: 'failed'; readonly cause: string };

/** @param listed what a listing says of the origin's entry; undefined where there was no listing. */
export function planFor(
  result: HeadResult,
  listed: Omit<ListedEntry, 'key' | 'bytes'> | undefined,
  nextRunAtMs: number,
): Plan {
  switch (result.kind) {
    case 'miss':
      return { kind: 'load', held: undefined, isFresh: false };
    case 'entry-newer':
      return { kind: 'foreign' };
    case 'wrong-type':
      return { kind: 'failed', cause: 'wrong-type' };
    case 'unavailable':
      return { kind: 'failed', cause: 'cache-unavailable' };
    case 'hit': {
      const { head } = result;
      if (head?.loaded === undefined || head.freshness === undefined) return { kind: 'foreign' };
      // The listing may be older than the purge.
      if (head.purged === true) return { kind: 'load', held: head, isFresh: false };
      const { fields, revalidate } = head.loaded;
      const isFresh = freshUntilMs(head.freshness) > nextRunAtMs && !revalidate;
      if (listed === undefined) {
        // Without a validator only its whole body would show whether it has changed.
        const isCurrent = isFresh && fields['etag'] === undefined && fields['last-modified'] === undefined;
        return isCurrent ? { kind: 'current' } : { kind: 'load', held: head, isFresh };
      }
      if (listed.etag !== fields['etag']) return { kind: 'load', held: head, isFresh: false };
      return isFresh && isTaggedAs(listed, head) ? { kind: 'current' } : { kind: 'extend', held: head };
    }
  }
}

/** One that was stored before its tags were read has none yet. */
function isTaggedAs({ tagging }: Pick<ListedEntry, 'tagging'>, head: EntryHead): boolean {
  return tagging === undefined || (hasTags(head, tagging.tags) && tagging.restrictions.length === 0);
}
