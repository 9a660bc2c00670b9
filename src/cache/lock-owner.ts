// What stands in a lock: who has it, and, where that is traced, in which span.

import { randomUUID } from 'node:crypto';
import type { LockAttempt } from './locks.ts';

/** W3C Trace Context, section 3.2: version, trace, span, flags. */
const traceParentForm = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/u;

/** A new one. */
export function ownerName(traceParent: string | undefined): string {
  const name = randomUUID();
  return traceParent !== undefined && traceParentForm.test(traceParent) ? `${name} ${traceParent}` : name;
}

/** What the lock script says of a lock that somebody has: `held`, or `held <traceparent>`. Undefined for anything else. */
export function heldBy(reply: unknown): Extract<LockAttempt, { kind: 'held' }> | undefined {
  if (reply === 'held') return { kind: 'held' };
  if (typeof reply !== 'string' || !reply.startsWith('held ')) return undefined;
  const traceParent = reply.slice('held '.length);
  // Whoever has access to Redis can write the lock.
  return { kind: 'held', ...(traceParentForm.test(traceParent) ? { traceParent } : {}) };
}
