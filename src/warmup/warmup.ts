// Brings the warm set into the cache, page by page, with bounded concurrency and memory; deletes nothing.

import type { ByteBudget } from '../util/byte-budget.ts';
import type { Cache } from '../cache/cache.ts';
import type { EntryKey } from '../cache/key.ts';
import type { Locks } from '../cache/locks.ts';
import type { Clock } from '../util/clock.ts';
import { AppError } from '../util/errors.ts';
import type { OriginHealth } from '../origin/origin-health.ts';
import { zip } from '../util/zip.ts';
import type { Checkpoint } from './checkpoint.ts';
import { Pass, type WarmupRun } from './pass.ts';
import { planFor, type Plan } from './plan.ts';
import type { WarmupReport } from './report.ts';
import { WarmupRoom } from './room.ts';
import type { Candidate, WarmPage, WarmSet } from './warm-set.ts';

export interface WarmupOptions {
  readonly warmSet: WarmSet;
  readonly cache: Pick<Cache, 'keyOf' | 'readHeads' | 'refresh' | 'extend'>;
  readonly locks: Locks;
  readonly checkpoint: Checkpoint;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly maxValueBytes: number;
  readonly health: OriginHealth;
  readonly budget: ByteBudget;
}

export type WarmupOutcome =
  | { readonly kind: 'ended'; readonly report: WarmupReport }
  /** Another instance is at it. */
  | { readonly kind: 'held' };

interface KeyedCandidate {
  readonly candidate: Candidate;
  readonly key: EntryKey;
}

interface Task extends KeyedCandidate {
  readonly plan: Plan;
}

const maxConcurrentLoads = 32;
const headsAtOnce = 250;
const commandLimitMs = 5000;

export class Warmup {
  readonly #options: WarmupOptions;
  readonly #room: WarmupRoom;
  readonly #stopping = new AbortController();

  constructor(options: WarmupOptions) {
    this.#options = options;
    this.#room = new WarmupRoom(options);
  }

  /** Ends a run that is under way; the next one goes on where it stopped. */
  stop(): void {
    this.#stopping.abort();
  }

  /**
   * One run.
   * @throws AppError when Redis cannot be asked: then nothing was done.
   */
  async run(run: WarmupRun): Promise<WarmupOutcome> {
    const { locks, warmSet } = this.#options;
    const subject = { kind: 'warmup', name: warmSet.scope } as const;
    const attempt = await locks.acquire(subject, this.#commandDeadline());
    if (attempt.kind !== 'acquired') return { kind: 'held' };
    try {
      return { kind: 'ended', report: await this.#runLocked(run) };
    } finally {
      attempt.lock.release();
    }
  }

  async #runLocked(run: WarmupRun): Promise<WarmupReport> {
    const { checkpoint, clock } = this.#options;
    const startedAtMs = clock.nowMs();
    const ending = new AbortController();
    const cancelEnding = clock.after(Math.max(run.endsAtMs - startedAtMs, 0), () => ending.abort());
    const pass = new Pass(AbortSignal.any([this.#stopping.signal, ending.signal]), run, clock);
    try {
      const from = await checkpoint.read(this.#commandDeadline());
      let complete = await this.#pages(from, undefined, pass);
      // A run that began in the middle goes round to where it began, and one whose place is gone begins anew.
      const isLost = !complete && pass.tally.counts.listed === 0;
      if (from !== undefined && (complete || isLost)) {
        complete = await this.#pages(undefined, isLost ? undefined : from, pass);
      }
      return pass.tally.report((clock.nowMs() - startedAtMs) / 1000, complete);
    } finally {
      cancelEnding();
    }
  }

  /** Warms the pages from one token up to another; false when it had to stop before. */
  async #pages(from: string | undefined, to: string | undefined, pass: Pass): Promise<boolean> {
    const { warmSet, checkpoint, health } = this.#options;
    const pages = warmSet.pages(from, pass.signal)[Symbol.asyncIterator]();
    let next = pages.next();
    let worked = 0;
    try {
      for (;;) {
        const { value: page, done } = await next;
        if (done === true) break;
        // The next page is on its way while this one is worked on.
        next = pages.next();
        next.catch(() => {});
        const { continuationToken } = page;
        if (!(await this.#page(page, pass))) {
          // Whatever kept this run on its first page would keep the next one there, too: that begins behind it.
          const isStuck = worked === 0 && !this.#stopping.signal.aborted;
          if (isStuck) await checkpoint.write(continuationToken, this.#commandDeadline());
          return false;
        }
        worked += 1;
        if (continuationToken === undefined || continuationToken === to) break;
        await checkpoint.write(continuationToken, this.#commandDeadline());
      }
      await checkpoint.write(undefined, this.#commandDeadline());
      return true;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (error.code === 'origin-failed') {
        // The report has the cause by its name, the event by its reason.
        if (!pass.signal.aborted) health.failed(error);
        pass.fail('listing-failed');
      } else pass.fail('cache-unavailable');
      return false;
    } finally {
      await pages.return?.();
    }
  }

  async #page(page: WarmPage, pass: Pass): Promise<boolean> {
    const { cache, random } = this.#options;
    pass.tally.counts.listed += page.candidates.length;
    const valid = page.candidates.flatMap((candidate) => {
      const result = cache.keyOf(candidate.name);
      if (result.kind === 'valid') return [{ candidate, key: result.key }];
      pass.tally.fail('invalid-key');
      return [];
    });
    // Lanes take one task after the other: a promise for each entry of the page would hold far more memory.
    // Each run begins at another one, so that what ends a run keeps nothing behind it from its turn for ever.
    const first = Math.floor(random() * valid.length);
    const tasks = this.#tasks([...valid.slice(first), ...valid.slice(0, first)], pass);
    const lane = async (): Promise<void> => {
      for await (const task of tasks) await this.#act(task, pass);
    };
    await Promise.all(Array.from({ length: maxConcurrentLoads }, lane));
    return pass.goesOn;
  }

  async *#tasks(keyed: readonly KeyedCandidate[], pass: Pass): AsyncGenerator<Task, void> {
    for (let at = 0; at < keyed.length; at += headsAtOnce) {
      const some = keyed.slice(at, at + headsAtOnce);
      const keys = some.map(({ key }) => key);
      const heads = await this.#options.cache.readHeads(keys, this.#commandDeadline());
      for (const [{ candidate, key }, head] of zip(some, heads)) {
        if (!pass.goesOn) return;
        yield { candidate, key, plan: planFor(head, candidate.listed?.etag, pass.run.nextRunAtMs) };
      }
    }
  }

  async #act({ candidate, key, plan }: Task, pass: Pass): Promise<void> {
    const { cache, maxValueBytes } = this.#options;
    switch (plan.kind) {
      case 'current':
        pass.tally.counts.current += 1;
        return;
      case 'kept':
        pass.tally.counts.kept += 1;
        return;
      case 'failed':
        return pass.fail(plan.cause);
      case 'extend':
        return pass.settle(await cache.extend(key, plan.held), candidate.name);
      case 'load': {
        const { held, isFresh } = plan;
        const bytes = candidate.listed?.bytes ?? maxValueBytes;
        if (bytes > maxValueBytes) return pass.tally.failTooLarge(candidate.name);
        return this.#room.run(bytes, pass, async () => {
          // A listing has said that it changed already.
          const isChanged = candidate.listed !== undefined;
          const request = { held, isChanged, isFresh, signal: pass.signal };
          pass.settle(await cache.refresh(key, request), candidate.name);
        });
      }
    }
  }

  #commandDeadline(): number {
    return this.#options.clock.nowMs() + commandLimitMs;
  }
}
