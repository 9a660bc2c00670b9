// Reads the heads of many entries, without their bodies.

import { RESP_TYPES } from 'redis';
import type { Redis, RedisClient } from '../redis/redis.ts';
import { zip } from '../util/zip.ts';
import { longestHeadBytes, usualHeadBytes } from './entry-form.ts';
import { decodeHead } from './entry-decoder.ts';
import { repliesOf } from './replies.ts';
import type { HeadResult } from './tier.ts';
import type { OnUnreadable } from './values.ts';

type PartialHead = HeadResult | { readonly kind: 'cut' };

const bufferReplies = { [RESP_TYPES.BLOB_STRING]: Buffer };

/** One GETRANGE a key, all in one round trip; another for heads that are longer than usual. */
export async function readHeads(
  keys: readonly string[],
  deadlineAtMs: number,
  { redis, onUnreadable }: { readonly redis: Redis; readonly onUnreadable: OnUnreadable },
): Promise<readonly HeadResult[]> {
  const readStarts = async (some: readonly string[], bytes: number): Promise<readonly PartialHead[]> => {
    const read = headsOf(bytes, onUnreadable);
    const outcomes = await redis.runMany(some, read, { deadlineAtMs, idempotent: true });
    return outcomes.map((outcome) =>
      outcome.ok ? outcome.value : { kind: 'unavailable', error: outcome.error },
    );
  };
  const heads = await readStarts(keys, usualHeadBytes);
  const longKeys = keys.filter((_key, index) => heads[index]?.kind === 'cut');
  if (longKeys.length === 0) return heads.map(whole);
  const long = new Map(zip(longKeys, await readStarts(longKeys, longestHeadBytes)));
  return zip(keys, heads).map(([key, head]) => whole(long.get(key) ?? head));
}

function headsOf(bytes: number, onUnreadable: OnUnreadable) {
  return async (client: RedisClient, keys: readonly string[]): Promise<readonly PartialHead[]> => {
    const reader = client.withTypeMapping(bufferReplies);
    return repliesOf(keys, async (key): Promise<PartialHead> => {
      const start = await reader.getRange(key, 0, bytes - 1);
      // GETRANGE cannot tell an empty string from a missing key; either way there is nothing worth keeping.
      if (start === null || start.length === 0) return { kind: 'miss' };
      const decoded = decodeHead(start, start.length < bytes ? start.length : undefined);
      switch (decoded.kind) {
        case 'head':
          return { kind: 'hit', head: decoded.head };
        case 'foreign':
          return { kind: 'hit', head: undefined };
        case 'cut':
          return { kind: 'cut' };
        case 'invalid':
        case 'newer':
          onUnreadable(decoded);
          return { kind: decoded.kind === 'newer' ? 'entry-newer' : 'miss' };
      }
    });
  };
}

function whole(head: PartialHead): HeadResult {
  if (head.kind === 'cut') throw new TypeError('No head is longer than the longest.');
  return head;
}
