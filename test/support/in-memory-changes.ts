// What the scripts that change an entry do, at a server in memory: each in one step.

import { etagLengthAt } from '../../src/cache/entry-form.ts';
import { decodeEntry, type Entry } from '../../src/cache/entry.ts';
import type { Guard, WriteCondition } from '../../src/cache/tier.ts';
import { wrongType, type InMemoryServer } from './in-memory-server.ts';

export type ChangeKind = 'created' | 'replaced' | 'precondition-failed';

interface Change {
  readonly key: string;
  readonly condition: WriteCondition;
  /** What somebody else wrote has no tag where it is larger. */
  readonly maxValueBytes: number;
}

/** Stores `value` if the condition and the guard hold. */
export function setIn(
  server: InMemoryServer,
  change: Change,
  value: Buffer,
  ttlMs: number,
  guard: Guard | undefined,
): ChangeKind {
  const { kind, holds } = look(server, change);
  const isGuarded =
    guard === undefined || (server.has(guard.key) ? server.text(guard.key) : '') === guard.value;
  if (!holds || !isGuarded) return 'precondition-failed';
  server.set(change.key, value, ttlMs);
  return kind;
}

/** Removes it and `others` if the condition holds, and leaves a note of that. */
export function removeIn(
  server: InMemoryServer,
  change: Change,
  others: readonly string[],
  note: { readonly key: string; readonly value: string; readonly ttlMs: number } | undefined,
): ChangeKind {
  const { kind, holds } = look(server, change);
  if (!holds) return 'precondition-failed';
  server.delete(change.key, ...others);
  if (note !== undefined) server.set(note.key, note.value, note.ttlMs);
  return kind;
}

/** Replaces the header and the lifetime of the entry of this write. */
export function touchIn(
  server: InMemoryServer,
  key: string,
  writeId: string,
  header: Buffer,
  ttlMs: number,
): ChangeKind {
  const stored = server.get(key);
  const found = Buffer.isBuffer(stored) ? entryIn(stored) : undefined;
  if (!Buffer.isBuffer(stored) || found?.writeId !== writeId) return 'precondition-failed';
  const start = stored.subarray(0, etagLengthAt + 1 + found.etag.length);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(header.length);
  server.set(key, Buffer.concat([start, length, header, found.body]), ttlMs);
  return 'replaced';
}

/** What a change would do, and whether its condition holds. */
function look(server: InMemoryServer, { key, condition, maxValueBytes }: Change) {
  const stored = server.get(key);
  if (stored === 'other') throw wrongType();
  const current = stored && entryIn(stored);
  const isHashed = current?.writeId !== undefined || (stored?.length ?? 0) <= maxValueBytes;
  const kind = current === undefined ? 'created' : 'replaced';
  return { kind, holds: isMet(condition, current, isHashed ? current?.etag : undefined) } as const;
}

/** Undefined for what is invalid. */
function entryIn(stored: Buffer): Entry | undefined {
  const decoded = decodeEntry(stored);
  return decoded.kind === 'entry' ? decoded.entry : undefined;
}

/** @param etag of the current entry; undefined where it is too large to be hashed. */
function isMet(condition: WriteCondition, current: Entry | undefined, etag: string | undefined): boolean {
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
