// What a cache is made of.

import type { Origins } from '../origin/origins.ts';
import type { Measures } from '../telemetry/measures.ts';
import type { ByteBudget } from '../util/byte-budget.ts';
import type { Clock } from '../util/clock.ts';
import type { KeyRules } from './key.ts';
import type { Locks } from './locks.ts';
import type { PurgeLog } from './purge-log.ts';
import type { JudgingTier, Tier } from './tier.ts';

export interface CacheOptions {
  readonly tier: Tier | JudgingTier;
  readonly locks: Locks;
  /** What the cache does not have, and no origin is asked for, is a miss. */
  readonly origins: Pick<Origins, 'choose'>;
  readonly keyRules: KeyRules;
  /** Whether the cache may hold what the origin has not: then only Redis can say that a key is absent. */
  readonly clientsWrite: boolean;
  /** Of what comes from the origin without a lifetime. */
  readonly defaultTtlSeconds: number;
  readonly staleSeconds: number;
  readonly maxValueBytes: number;
  /** How long a load waits for its turn, or for another instance's load. */
  readonly requestBudgetMs: number;
  readonly budget: ByteBudget;
  /** What the tier judges its entries by. Undefined where nothing is ever purged. */
  readonly purges?: PurgeLog | undefined;
  readonly measures: Measures;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
}
