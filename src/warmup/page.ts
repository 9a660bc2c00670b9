// Warms the entries of one page, many at a time: reads what is cached of them, plans, and refreshes where it is needed.

import type { Cache } from '../cache/cache.ts';
import type { EntryKey } from '../cache/key.ts';
import type { Clock } from '../util/clock.ts';
import { zip } from '../util/zip.ts';
import { LoadBudget, type LoadBudgetOptions } from './load-budget.ts';
import { planFor, type Plan } from './plan.ts';
import type { Run } from './run.ts';
import type { Candidate } from './warm-set.ts';

export interface PageWarmerOptions extends LoadBudgetOptions {
  readonly cache: Pick<Cache, 'keyOf' | 'readHeads' | 'refresh' | 'extend'>;
  readonly maxValueBytes: number;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
}

interface KeyedCandidate {
  readonly candidate: Candidate;
  readonly key: EntryKey;
}

interface Task extends KeyedCandidate {
  readonly plan: Plan;
}

const concurrency = 32;
const headsPerRead = 250;
const commandLimitMs = 5000;

export class PageWarmer {
  readonly #options: PageWarmerOptions;
  readonly #loadBudget: LoadBudget;

  constructor(options: PageWarmerOptions) {
    this.#options = options;
    this.#loadBudget = new LoadBudget(options);
  }

  /** Resolves when every entry is done, or the run may not continue and nothing is under way any more. */
  async warm(candidates: readonly Candidate[], run: Run): Promise<void> {
    run.counts.listed += candidates.length;
    // Workers take one task after the other: a promise for each entry of the page would take far more memory.
    const tasks = this.#plan(this.#rotated(this.#keyed(candidates, run)), run);
    const work = async (): Promise<void> => {
      for await (const task of tasks) await this.#perform(task, run);
    };
    await Promise.all(Array.from({ length: concurrency }, work));
  }

  #keyed(candidates: readonly Candidate[], run: Run): readonly KeyedCandidate[] {
    return candidates.flatMap((candidate) => {
      const result = this.#options.cache.keyOf(candidate.name);
      if (result.kind === 'valid') return [{ candidate, key: result.key }];
      run.fail('invalid-key');
      return [];
    });
  }

  /** Each run begins at another entry: where something ends every run early, other entries have their turn. */
  #rotated<T>(items: readonly T[]): readonly T[] {
    const first = Math.floor(this.#options.random() * items.length);
    return [...items.slice(first), ...items.slice(0, first)];
  }

  async *#plan(keyed: readonly KeyedCandidate[], run: Run): AsyncGenerator<Task, void> {
    const { cache, clock } = this.#options;
    for (let at = 0; at < keyed.length && run.mayContinue; at += headsPerRead) {
      const some = keyed.slice(at, at + headsPerRead);
      const keys = some.map(({ key }) => key);
      const heads = await cache.readHeads(keys, clock.nowMs() + commandLimitMs);
      for (const [{ candidate, key }, head] of zip(some, heads)) {
        if (!run.mayContinue) return;
        yield { candidate, key, plan: planFor(head, candidate.listed, run.limits.nextRunAtMs) };
      }
    }
  }

  async #perform({ candidate, key, plan }: Task, run: Run): Promise<void> {
    const { cache, maxValueBytes } = this.#options;
    const { name, listed } = candidate;
    switch (plan.kind) {
      case 'current':
        run.counts.current += 1;
        return;
      case 'foreign':
        run.counts.kept += 1;
        return;
      case 'failed':
        return run.fail(plan.cause);
      case 'extend':
        return run.count(await cache.extend(key, plan.held, listed?.tagging), name);
      case 'load': {
        const { held, isFresh } = plan;
        const bytes = listed?.bytes ?? maxValueBytes;
        if (bytes > maxValueBytes) return run.failTooLarge(name);
        // Had it not changed, the listing would have said so.
        const request = { held, isFresh, isChanged: listed !== undefined, signal: run.signal };
        return this.#loadBudget.run(bytes, run, async () => {
          run.count(await cache.refresh(key, request), name);
        });
      }
    }
  }
}
