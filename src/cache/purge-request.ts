// What is to be purged, as callers name it, and the rules that this makes.

import type { EntryKey } from './key.ts';
import { ruleId, scopedTag, type PurgeMode } from './purge-rules.ts';

export interface PurgeRequest {
  readonly keys: readonly EntryKey[];
  readonly tags: readonly string[];
  /** Of keys as callers know them; the empty one is that of all. */
  readonly prefixes: readonly string[];
  readonly mode: PurgeMode;
}

/** How many keys, tags and prefixes one purge may name. */
export const mostTargets = 1000;

/** Each once. @param keyPrefix of the cache. */
export function ruleIds({ keys, tags, prefixes, mode }: PurgeRequest, keyPrefix: string): readonly string[] {
  const ids = [
    ...keys.map(({ redisKey }) => ruleId(mode, { kind: 'key', name: redisKey })),
    ...tags.map((tag) => ruleId(mode, { kind: 'tag', name: scopedTag(keyPrefix, tag) })),
    ...prefixes.map((prefix) => ruleId(mode, { kind: 'prefix', name: keyPrefix + prefix })),
  ];
  return [...new Set(ids)];
}
