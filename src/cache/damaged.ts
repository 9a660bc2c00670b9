// What becomes of an entry whose body cannot be decoded: it counts as absent, as every entry that breaks a rule of its
// form.

import type { Emit } from '../telemetry/events.ts';
import type { Cache } from './cache.ts';
import type { Entry } from './entry.ts';
import type { EntryKey } from './key.ts';
import type { WriteCondition } from './tier.ts';

export interface DamagedDeps {
  readonly cache: Pick<Cache, 'remove'>;
  readonly emit: Emit;
}

/** Tells of it and removes it, unless something else is there now: whoever reads next loads it. */
export async function discardDamaged(
  { cache, emit }: DamagedDeps,
  key: EntryKey,
  entry: Entry,
  deadlineAtMs: number,
): Promise<void> {
  emit({ type: 'entryInvalid', reason: 'body' });
  await cache.remove(key, sameAs(entry), deadlineAtMs);
}

/** It is still this one. */
export function sameAs({ etag, writeId }: Entry): WriteCondition {
  return writeId === undefined ? { kind: 'match', etags: [etag] } : { kind: 'same', writeId };
}
