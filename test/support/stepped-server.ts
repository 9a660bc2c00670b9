// One entry on a server whose commands are let through one by one, and a warm set that has this entry alone.

import { decodeEntry } from '../../src/cache/entry-decoder.ts';
import type { Entry } from '../../src/cache/entry.ts';
import type { Locks } from '../../src/cache/locks.ts';
import type { Tier } from '../../src/cache/tier.ts';
import type { Redis } from '../../src/redis/redis.ts';
import type { ByteBudget } from '../../src/util/byte-budget.ts';
import type { Clock } from '../../src/util/clock.ts';
import type { WarmSet } from '../../src/warmup/warm-set.ts';

export const entryName = 'key';
export const namespace = 'ref';
export const maxValueBytes = 1000;
/** A client's and the origin's: with no tag of the origin's own, a client's entry has the tag of a loaded one. */
export const body = Buffer.from('same');

/** A server whose commands are let through one by one. */
export interface SteppedServer {
  /** Commands that have been issued and wait for their turn. */
  waiting(): number;
  /** Lets one of them through. */
  step(choice: number): Promise<void>;
  /** What stands under the key. */
  stored(): Promise<Buffer | undefined>;
  /** The lock of the entry's load is no more, as if its holder had stood still for too long. */
  expireLock(): Promise<void>;
  /** Of one instance. */
  parts(
    clock: Clock,
    budget: ByteBudget,
  ): { readonly tier: Tier; readonly locks: Locks; readonly redis: Redis };
}

/** One key; a listing says of it what the cache has, as long as nothing changes. */
export function warmSet(server: SteppedServer, isListed: boolean): WarmSet {
  return {
    scope: `${isListed}`,
    async *pages() {
      const stored = await server.stored();
      const decoded = stored && decodeEntry(stored);
      const etag = decoded?.kind === 'entry' ? (decoded.entry.loaded?.fields['etag'] ?? 'x') : 'x';
      const listed = isListed ? { etag, bytes: body.length } : undefined;
      yield { candidates: [{ name: entryName, listed }], continuationToken: undefined };
    },
  };
}

/** The question to the origin that brought an entry, by its number. */
export function questionOf({ loaded }: Entry): number {
  return Number(/-(?<asked>\d+)"$/u.exec(loaded?.fields['etag'] ?? '')?.groups?.['asked']);
}
