// Brings the warm set into the cache, page by page, with bounded concurrency and memory; deletes nothing.

import type { ByteBudget } from '../util/byte-budget.ts';
import type { EntryHead } from '../cache/entry.ts';
import type { Filler } from '../cache/entry-writer.ts';
import type { Locks } from '../cache/locks.ts';
import type { EntryStore } from '../cache/store.ts';
import type { Clock } from '../util/clock.ts';
import { AppError } from '../util/errors.ts';
import type { Origin } from '../origin/origin.ts';
import { validatorsOf } from '../origin/response.ts';
import type { OriginHealth } from '../origin/origin-health.ts';
import { zip } from '../util/zip.ts';
import type { Checkpoint } from './checkpoint.ts';
import { noAnswer, Pass, type WarmupRun } from './pass.ts';
import { planFor, type Plan } from './plan.ts';
import type { WarmupReport } from './report.ts';
import { WarmupRoom } from './room.ts';
import type { Candidate, WarmPage, WarmSet } from './warm-set.ts';

export interface WarmupOptions {
  readonly warmSet: WarmSet;
  readonly origin: Origin;
  readonly store: EntryStore;
  readonly filler: Filler;
  readonly locks: Locks;
  readonly checkpoint: Checkpoint;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  /** The key in Redis; undefined for a name that cannot be a key. */
  readonly redisKeyOf: (name: string) => string | undefined;
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
  readonly redisKey: string;
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
    const { redisKeyOf, random } = this.#options;
    pass.tally.counts.listed += page.candidates.length;
    const valid = page.candidates.flatMap((candidate) => {
      const redisKey = redisKeyOf(candidate.name);
      if (redisKey === undefined) pass.tally.fail('invalid-key');
      return redisKey === undefined ? [] : [{ candidate, redisKey }];
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
      const redisKeys = some.map(({ redisKey }) => redisKey);
      const heads = await this.#options.store.readHeads(redisKeys, this.#commandDeadline());
      for (const [{ candidate, redisKey }, head] of zip(some, heads)) {
        if (!pass.goesOn) return;
        yield { candidate, redisKey, plan: planFor(head, candidate.listed?.etag, pass.run.nextRunAtMs) };
      }
    }
  }

  async #act({ candidate, redisKey, plan }: Task, pass: Pass): Promise<void> {
    const { filler, maxValueBytes } = this.#options;
    const { counts } = pass.tally;
    switch (plan.kind) {
      case 'current':
        counts.current += 1;
        return;
      case 'kept':
        counts.kept += 1;
        return;
      case 'failed':
        return pass.fail(plan.cause);
      case 'extend': {
        const head = filler.updated(plan.held, { fields: {}, restrictions: [] });
        if (head !== undefined) await this.#renew(redisKey, plan.held, head, pass);
        return;
      }
      case 'load': {
        const bytes = candidate.listed?.bytes ?? maxValueBytes;
        if (bytes > maxValueBytes) return pass.tally.failTooLarge(candidate.name);
        return this.#room.run(bytes, pass, () => this.#load(candidate, redisKey, plan, pass));
      }
    }
  }

  /** Writes what the origin says of an entry that is still current. */
  async #renew(redisKey: string, held: EntryHead, head: EntryHead, pass: Pass): Promise<void> {
    const result = await this.#options.filler.touch(redisKey, held, head);
    if (head.freshness === undefined) return pass.fail('not-cacheable');
    if (pass.settle(result)) pass.tally.counts.renewed += 1;
  }

  async #load(
    candidate: Candidate,
    redisKey: string,
    { held, isFresh }: Extract<Plan, { kind: 'load' }>,
    pass: Pass,
  ): Promise<void> {
    const { origin, filler, locks, clock, maxValueBytes, health } = this.#options;
    try {
      const guard = await locks.guardWithoutLock(redisKey, this.#commandDeadline());
      const startedAtMs = clock.nowMs();
      const answer = await origin.load(candidate.name, {
        // A listing has said that it changed already.
        validators:
          candidate.listed === undefined && held?.loaded !== undefined
            ? validatorsOf(held.loaded.fields, clock.wallMs())
            : undefined,
        maxBytes: maxValueBytes,
        signal: pass.signal,
      });
      health.answered(candidate.name);
      pass.answered();
      const loadMs = clock.nowMs() - startedAtMs;
      const { counts } = pass.tally;
      switch (answer.kind) {
        case 'answered': {
          // The origin's word on this entry, which readers are told when they ask.
          if (answer.status >= 400) return pass.fail(`answered-${answer.status}`);
          const entry = filler.entryOf(answer, loadMs);
          const { notStored } = entry.loaded ?? {};
          if (notStored !== undefined) health.notStored(notStored.reason);
          if (entry.freshness === undefined) return pass.fail('not-cacheable');
          if (!pass.settle(await filler.store(redisKey, entry, held, guard))) return;
          locks.forget({ kind: 'load', name: redisKey });
          counts.loaded += 1;
          counts.bytes += answer.body.length;
          return;
        }
        case 'unchanged': {
          if (isFresh) {
            counts.current += 1;
            return;
          }
          if (held === undefined)
            throw new TypeError('The origin said "unchanged" without having been asked.');
          const head = filler.updated(held, answer, loadMs);
          if (head === undefined) return pass.fail('changed-meanwhile');
          return this.#renew(redisKey, held, head, pass);
        }
        case 'none':
          return pass.fail('not-found');
        case 'too-large':
          return pass.tally.failTooLarge(candidate.name);
        case 'not-admitted':
          throw new TypeError('The origin kept back what it was not asked to.');
      }
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (pass.signal.aborted) return;
      if (error.code !== 'origin-failed') return pass.fail('cache-unavailable');
      if (error.isOfOneEntry) {
        pass.answered();
        return pass.fail('unusable');
      }
      health.failed(error, candidate.name);
      pass.fail(noAnswer);
    }
  }

  #commandDeadline(): number {
    return this.#options.clock.nowMs() + commandLimitMs;
  }
}
