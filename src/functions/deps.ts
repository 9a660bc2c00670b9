// What the HTTP handlers are given. Filled by app.ts.

import type { ByteBudget } from '../util/byte-budget.ts';
import type { Clock } from '../util/clock.ts';
import type { Cache } from '../cache/cache.ts';
import type { QueryRule } from '../http/query.ts';

export interface HttpDeps {
  readonly cache: Cache;
  readonly clock: Clock;
  readonly queryRule: QueryRule;
  readonly requestBudgetMs: number;
  readonly budget: ByteBudget;
  readonly maxValueBytes: number;
}

export interface WriteDeps extends HttpDeps {
  readonly writesEnabled: boolean;
  readonly defaultTtlSeconds: number;
}
