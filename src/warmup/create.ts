// Creates the warmup that the settings ask for.

import type { Origins } from '../origin/origins.ts';
import type { Redis } from '../redis/redis.ts';
import { Checkpoint } from './checkpoint.ts';
import { listing, namedKeys, type WarmSet } from './warm-set.ts';
import { Warmup, type WarmupOptions } from './warmup.ts';

export interface CreateWarmupOptions extends Omit<WarmupOptions, 'warmSet' | 'checkpoint'> {
  readonly origins: Pick<Origins, 'listed'>;
  readonly redis: Pick<Redis, 'run'>;
  readonly namespace: string;
  /** The warm set by name; empty: all that the origins list under `prefix`. */
  readonly keys: readonly string[];
  readonly prefix: string;
}

/** Undefined where there is nothing to warm. */
export function createWarmup(options: CreateWarmupOptions): Warmup | undefined {
  const warmSet = warmSetOf(options);
  if (warmSet === undefined) return undefined;
  const checkpoint = new Checkpoint(options.redis, options.namespace, warmSet.scope);
  return new Warmup({ ...options, warmSet, checkpoint });
}

function warmSetOf({ origins, keys, prefix }: CreateWarmupOptions): WarmSet | undefined {
  if (keys.length > 0) return namedKeys(keys);
  const listed = origins.listed(prefix);
  return listed.length === 0 ? undefined : listing(listed);
}
