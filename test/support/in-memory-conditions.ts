// The conditions of the write script without Redis.

import { decodeEntry, type Entry } from '../../src/cache/entry.ts';
import type { WriteCondition } from '../../src/cache/tier.ts';

/** Undefined for what is invalid. */
export function entryIn(stored: Buffer): Entry | undefined {
  const decoded = decodeEntry(stored);
  return decoded.kind === 'entry' ? decoded.entry : undefined;
}

/** @param etag of the current entry; undefined where it is too large to be hashed. */
export function isMet(
  condition: WriteCondition,
  current: Entry | undefined,
  etag: string | undefined,
): boolean {
  const isHeld = (strongly: boolean) => (tag: string) =>
    tag === '*' || (tag === etag && !(strongly && current?.loaded?.isWeak === true));
  switch (condition.kind) {
    case 'none':
      return true;
    case 'match':
      return current !== undefined && condition.etags.some(isHeld(true));
    case 'none-match':
      return current === undefined || !condition.etags.some(isHeld(false));
    case 'absent':
      return current === undefined;
    case 'same':
      return current?.writeId === condition.writeId;
    case 'same-or-absent':
      return current === undefined || current.writeId === condition.writeId;
  }
}
