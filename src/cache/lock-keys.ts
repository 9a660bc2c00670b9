// Where a lock, what is remembered instead of one, and the last removal of an entry stand in Redis.

import { createHash, randomUUID } from 'node:crypto';
import { ownName } from '../redis/own-name.ts';

/** What is locked: the load of a Redis key, or the warmup of a warm set. Each has names of its own. */
export interface LockSubject {
  readonly kind: 'load' | 'warmup';
  readonly name: string;
}

export function loadOf({ redisKey }: { readonly redisKey: string }): LockSubject {
  return { kind: 'load', name: redisKey };
}

export interface LockKeys {
  readonly lock: string;
  readonly mark: string;
  /** Of a load: by which removal the entry was removed, for as long as somebody may have been loading it then. */
  readonly removal: string;
  /** Whether they share the slot of the name itself as a key, so that one script may change all of them. */
  readonly isSameSlot: boolean;
}

/**
 * All have the hash tag that makes up the name's own slot: what stands in its only braces, or all of it. Empty and
 * several braces mean one thing to Redis Cluster and another to Redis Enterprise behind one endpoint
 * (https://redis.io/docs/latest/operate/rc/databases/configuration/clustering/): with them nothing is shared.
 */
export function lockKeys(namespace: string, { kind, name }: LockSubject): LockKeys {
  const { prefix, isSameSlot } = beside(namespace, kind, name);
  return {
    lock: `${prefix}:lock`,
    mark: `${prefix}:mark`,
    removal: `${prefix}:removal`,
    isSameSlot,
  };
}

/** A key of nobody else's, mostly in the slot of `name`. */
export function trackedKey(namespace: string, name: string): string {
  return `${beside(namespace, 'tracked', name).prefix}:${randomUUID()}`;
}

function beside(namespace: string, kind: string, name: string) {
  const hash = createHash('sha1').update(name).digest('hex');
  const hashed = /^[^{}]+$/u.exec(name)?.[0] ?? /^[^{}]*\{([^{}]+)\}[^{}]*$/u.exec(name)?.[1];
  const prefix = ownName(namespace, `{${hashed ?? hash}}:${kind}:${hash}`);
  return { prefix, isSameSlot: hashed !== undefined };
}
