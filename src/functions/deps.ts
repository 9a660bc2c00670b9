// What the HTTP handlers are given. Filled by app.ts.

import type { ByteBudget } from '../util/byte-budget.ts';
import type { ReadThrough } from '../cache/read-through.ts';
import type { EntryStore } from '../cache/store.ts';
import type { Clock } from '../util/clock.ts';
import type { KeyRules } from '../cache/key.ts';
import type { QueryRule } from '../http/query.ts';

export interface HttpDeps {
  readonly readThrough: ReadThrough;
  readonly clock: Clock;
  readonly keyRules: KeyRules;
  readonly queryRule: QueryRule;
  readonly requestBudgetMs: number;
  readonly budget: ByteBudget;
  readonly maxValueBytes: number;
}

export interface WriteDeps extends HttpDeps {
  readonly store: EntryStore;
  readonly writesEnabled: boolean;
  readonly defaultTtlSeconds: number;
}
