// What is to be purged, as callers name it, the rules that this makes, and what no rule is about.

import type { EntryKey } from './key.ts';
import type { PurgeOutcome } from './purge-call.ts';
import type { PurgeLog } from './purge-log.ts';
import { ruleId, scopedTag, type PurgeMode } from './purge-rules.ts';
import type { RemoveResult, Tier } from './tier.ts';

export interface PurgeRequest {
  readonly keys: readonly EntryKey[];
  readonly tags: readonly string[];
  /** Of keys as callers know them; the empty one is that of all. */
  readonly prefixes: readonly string[];
  readonly mode: PurgeMode;
  /** The tags are those of entries whose keys begin with one of these; of all where undefined. Keys and prefixes are as they are. */
  readonly tagsWithin?: readonly string[] | undefined;
}

/** How many keys, tags and prefixes one purge may name. */
export const mostTargets = 1000;

/** Each once. @param keyPrefix of the cache. */
function ruleIds(request: PurgeRequest, keyPrefix: string): readonly string[] {
  const { keys, tags, prefixes, mode, tagsWithin = [''] } = request;
  const scopes = tagsWithin.map((prefix) => keyPrefix + prefix);
  const ids = [
    ...keys.map(({ redisKey }) => ruleId(mode, { kind: 'key', name: redisKey })),
    ...scopes.flatMap((scope) =>
      tags.map((tag) => ruleId(mode, { kind: 'tag', name: scopedTag(scope, tag) })),
    ),
    ...prefixes.map((prefix) => ruleId(mode, { kind: 'prefix', name: keyPrefix + prefix })),
  ];
  return [...new Set(ids)];
}

export interface PurgeDeps {
  readonly log: Pick<PurgeLog, 'purge'>;
  readonly tier: Pick<Tier, 'remove'>;
  /** Of the cache. */
  readonly keyPrefix: string;
}

/** Puts the rules in order, and removes by its key what somebody else wrote. */
export async function purgeWith(
  { log, tier, keyPrefix }: PurgeDeps,
  request: PurgeRequest,
  deadlineAtMs: number,
): Promise<PurgeOutcome> {
  const foreign = request.mode === 'remove' ? request.keys : [];
  let removing: Promise<readonly RemoveResult[]> = Promise.resolve([]);
  // Not before: what is refused changes nothing.
  const onPlaced = (): void => {
    removing = Promise.all(
      foreign.map(({ redisKey }) => tier.remove(redisKey, { kind: 'foreign' }, deadlineAtMs)),
    );
    removing.catch(() => {});
  };
  const outcome = await log.purge(ruleIds(request, keyPrefix), deadlineAtMs, onPlaced);
  const failed = (await removing).find((removal) => removal.kind === 'unavailable');
  return outcome.kind === 'purged' && failed !== undefined ? { ...failed, applied: 'unknown' } : outcome;
}
