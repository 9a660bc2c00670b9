// What the scripts that change an entry do, at a server in memory: each in one step.

import { decodeEntry } from '../../src/cache/entry-decoder.ts';
import { etagLengthAt, magic, version } from '../../src/cache/entry-form.ts';
import type { Entry } from '../../src/cache/entry.ts';
import type { Guard, WriteCondition } from '../../src/cache/tier.ts';
import { wrongType, type InMemoryServer } from './in-memory-server.ts';

/** As the scripts answer; a number is the version of an entry that a newer version of the app wrote. */
type Refusal = 'precondition-failed' | number;
export type WriteReply = 'created' | 'replaced' | Refusal;
export type RemoveReply = 'removed' | 'absent' | Refusal;

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
): WriteReply {
  const { newerVersion, exists, holds } = look(server, change);
  if (newerVersion !== undefined) return newerVersion;
  const isGuarded =
    guard === undefined || (server.has(guard.key) ? server.text(guard.key) : '') === guard.value;
  if (!holds || !isGuarded) return 'precondition-failed';
  server.set(change.key, value, ttlMs);
  return exists ? 'replaced' : 'created';
}

/** Removes it and `others` if the condition holds, and leaves a note of that. */
export function removeIn(
  server: InMemoryServer,
  change: Change,
  others: readonly string[],
  note: { readonly key: string; readonly value: string; readonly ttlMs: number } | undefined,
): RemoveReply {
  const { newerVersion, exists, holds } = look(server, change);
  // Whoever removes an entry whatever it is may do so.
  if (newerVersion !== undefined && change.condition.kind !== 'none') return newerVersion;
  if (!holds) return 'precondition-failed';
  server.delete(change.key, ...others);
  if (note !== undefined) server.set(note.key, note.value, note.ttlMs);
  return exists ? 'removed' : 'absent';
}

/** Replaces the header and the lifetime of the entry of this write. */
export function touchIn(
  server: InMemoryServer,
  key: string,
  writeId: string,
  header: Buffer,
  ttlMs: number,
): WriteReply {
  const stored = server.get(key);
  if (!Buffer.isBuffer(stored)) return 'precondition-failed';
  const found = decodeEntry(stored);
  if (found.kind === 'newer') return found.version;
  if (found.kind !== 'entry' || found.entry.writeId !== writeId) return 'precondition-failed';
  const { etag, body } = found.entry;
  const etagPart = stored.subarray(etagLengthAt, etagLengthAt + 1 + etag.length);
  const whole = found.entry.isGzipped === true ? Buffer.concat([header, Buffer.from('Gzip=1\n')]) : header;
  const length = Buffer.alloc(2);
  length.writeUInt16BE(whole.length);
  server.set(key, Buffer.concat([magic, Buffer.from([version]), etagPart, length, whole, body]), ttlMs);
  return 'replaced';
}

/** What a change would do, and whether its condition holds. */
function look(server: InMemoryServer, { key, condition, maxValueBytes }: Change) {
  const stored = server.get(key);
  if (stored === 'other') throw wrongType();
  const decoded = stored && decodeEntry(stored);
  const current = decoded?.kind === 'entry' ? decoded.entry : undefined;
  const isHashed = current?.writeId !== undefined || (stored?.length ?? 0) <= maxValueBytes;
  const newerVersion = decoded?.kind === 'newer' ? decoded.version : undefined;
  return {
    newerVersion,
    exists: current !== undefined || newerVersion !== undefined,
    holds: isMet(condition, current, isHashed ? current?.etag : undefined),
  };
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
    case 'foreign':
      return current !== undefined && current.writeId === undefined;
    case 'same':
      return current?.writeId === condition.writeId;
    case 'same-or-absent':
      return current === undefined || current.writeId === condition.writeId;
  }
}
