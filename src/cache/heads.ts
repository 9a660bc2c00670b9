// Reads the heads of many entries, without their bodies.

import { RESP_TYPES } from 'redis';
import type { AppError } from '../util/errors.ts';
import type { Redis, RedisClient } from '../redis/redis.ts';
import { zip } from '../util/zip.ts';
import { longestHeadBytes, usualHeadBytes } from './entry-form.ts';
import { decodeHead, type EntryHead } from './entry.ts';
import { repliesOf, type WrongType } from './replies.ts';
import type { OnInvalid } from './values.ts';

/** What is known of a key without its body; `head` is undefined for what somebody else wrote. */
export type HeadResult =
  | { readonly kind: 'hit'; readonly head: EntryHead | undefined }
  | { readonly kind: 'miss' }
  | WrongType
  | { readonly kind: 'unavailable'; readonly error: AppError };

type PartialHead = HeadResult | { readonly kind: 'cut' };

const bufferReplies = { [RESP_TYPES.BLOB_STRING]: Buffer };

/** One GETRANGE a key, all in one round trip; another for heads that are longer than usual. */
export async function readHeads(
  keys: readonly string[],
  deadlineAtMs: number,
  { redis, onInvalid }: { readonly redis: Redis; readonly onInvalid: OnInvalid },
): Promise<readonly HeadResult[]> {
  const readStarts = async (some: readonly string[], bytes: number): Promise<readonly PartialHead[]> => {
    const read = headsOf(bytes, onInvalid);
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

function headsOf(bytes: number, onInvalid: OnInvalid) {
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
          onInvalid(decoded);
          return { kind: 'miss' };
      }
    });
  };
}

function whole(head: PartialHead): HeadResult {
  if (head.kind === 'cut') throw new TypeError('No head is longer than the longest.');
  return head;
}
