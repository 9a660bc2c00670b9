// Where the lock of a key, and what is remembered of it, stand in Redis. Used by locks.ts.
// Pure.

import { createHash } from 'node:crypto';

export interface LockKeys {
  readonly lock: string;
  readonly mark: string;
  /** Whether they share the slot of the key itself, so that one script may change all three. */
  readonly beside: boolean;
}

/**
 * Both have the hash tag that makes up the key's own slot: what stands in its only braces, or all of it. Empty and
 * several braces mean one thing to Redis Cluster and another to Redis Enterprise behind one endpoint
 * (https://redis.io/docs/latest/operate/rc/databases/configuration/clustering/): with them nothing is shared.
 */
export function lockKeys(namespace: string, key: string): LockKeys {
  const hash = createHash('sha1').update(key).digest('hex');
  const hashed = /^[^{}]+$/u.exec(key)?.[0] ?? /^[^{}]*\{([^{}]+)\}[^{}]*$/u.exec(key)?.[1];
  const prefix = `${namespace}:{${hashed ?? hash}}:${hash}`;
  return { lock: `${prefix}:lock`, mark: `${prefix}:mark`, beside: hashed !== undefined };
}
