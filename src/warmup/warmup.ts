// Brings the warm set into the cache, page by page, with bounded concurrency and memory; deletes nothing.
// Used by functions/scheduled-warmup.ts. Knows no trigger and no HTTP.

import type { Filler } from '../cache/filler.ts';
import { isStored } from '../cache/filler.ts';
import type { LockAttempt, Locks } from '../cache/locks.ts';
import type { EntryStore, WriteResult } from '../cache/store.ts';
import type { Clock } from '../clock.ts';
import { AppError } from '../errors.ts';
import { Limiter } from '../limiter.ts';
import type { Origin } from '../origin/origin.ts';
import type { OriginHealth } from '../telemetry/origin-health.ts';
import type { Checkpoint } from './checkpoint.ts';
import { planFor, type Plan } from './plan.ts';
import { Tally, type WarmupReport } from './report.ts';
import type { Candidate, WarmPage, WarmSet } from './warm-set.ts';

export interface WarmupOptions {
  readonly warmSet: WarmSet;
  readonly origin: Origin;
  readonly store: EntryStore;
  readonly filler: Filler;
  readonly locks: Locks;
  readonly checkpoint: Checkpoint;
  readonly clock: Clock;
  /** The key in Redis; undefined for a name that cannot be a key. */
  readonly redisKeyOf: (name: string) => string | undefined;
  readonly maxValueBytes: number;
  readonly health: OriginHealth;
}

export interface WarmupRun {
  /** When the next run is due; what stays fresh until then is current. */
  readonly nextRunAtMs: number;
  /** No load is begun after this. */
  readonly deadlineAtMs: number;
  /** What is still under way is given up then. */
  readonly endsAtMs: number;
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
// Of bodies on their way. Each is in memory up to three times: as loaded, as stored, and as sent.
const maxBytesInFlight = 16 * 1024 * 1024;
const headsAtOnce = 250;
const commandLimitMs = 5000;
// One bad entry stops nothing; when so many in a row fail, it is the origin.
const maxFailuresInRow = 100;

export class Warmup {
  readonly #options: WarmupOptions;
  readonly #bytes = new Limiter(maxBytesInFlight);
  readonly #stopping = new AbortController();

  constructor(options: WarmupOptions) {
    this.#options = options;
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
    const attempt: LockAttempt = await locks.acquire(`warmup ${warmSet.scope}`, this.#commandDeadline());
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
    try {
      for (;;) {
        const { value: page, done } = await next;
        if (done === true) break;
        // The next page is on its way while this one is worked on.
        next = pages.next();
        next.catch(() => {});
        if (!(await this.#page(page, pass))) return false;
        const { continuationToken } = page;
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
    const { redisKeyOf } = this.#options;
    pass.tally.counts.listed += page.candidates.length;
    const valid = page.candidates.flatMap((candidate) => {
      const redisKey = redisKeyOf(candidate.name);
      if (redisKey === undefined) pass.tally.fail('invalid-key');
      return redisKey === undefined ? [] : [{ candidate, redisKey }];
    });
    // Lanes take one task after the other: a promise for each entry of the page would hold far more memory.
    const tasks = this.#tasks(valid, pass);
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
      for (const [index, { candidate, redisKey }] of some.entries()) {
        if (!pass.goesOn) return;
        const head = heads[index] ?? { kind: 'miss' };
        yield { candidate, redisKey, plan: planFor(head, candidate.listed?.validator, pass.run.nextRunAtMs) };
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
        const head = filler.extended(plan.held, undefined);
        if (head !== undefined && pass.settle(await filler.touch(redisKey, head))) counts.renewed += 1;
        return;
      }
      case 'load': {
        const bytes = candidate.listed?.bytes ?? maxValueBytes;
        if (bytes > maxValueBytes) return pass.tally.failTooLarge(candidate.name);
        return this.#bytes.run(Math.max(bytes, 1), async () => {
          if (pass.goesOn) await this.#load(candidate, redisKey, plan, pass);
        });
      }
    }
  }

  async #load(
    candidate: Candidate,
    redisKey: string,
    { held, isFresh }: Extract<Plan, { kind: 'load' }>,
    pass: Pass,
  ): Promise<void> {
    const { origin, filler, clock, maxValueBytes, health } = this.#options;
    const startedAtMs = clock.nowMs();
    try {
      const answer = await origin.load(candidate.name, {
        // A listing has said that it changed already.
        validator: candidate.listed === undefined ? held?.loaded?.validator : undefined,
        maxBytes: maxValueBytes,
        signal: pass.signal,
      });
      health.answered(candidate.name);
      pass.answered();
      const loadMs = clock.nowMs() - startedAtMs;
      const { counts } = pass.tally;
      switch (answer.kind) {
        case 'found': {
          const entry = filler.entryOf(answer, loadMs);
          if (entry.freshness === undefined) return pass.fail('not-cacheable');
          if (!pass.settle(await filler.store(redisKey, entry, held))) return;
          counts.loaded += 1;
          counts.bytes += answer.body.length;
          return;
        }
        case 'unchanged': {
          if (isFresh) {
            counts.current += 1;
            return;
          }
          const head = held && filler.extended(held, answer.storage, loadMs);
          if (head === undefined) return pass.fail('not-cacheable');
          if (pass.settle(await filler.touch(redisKey, head))) counts.renewed += 1;
          return;
        }
        case 'none':
          return pass.fail('not-found');
        case 'too-large':
          return pass.tally.failTooLarge(candidate.name);
      }
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (pass.signal.aborted) return;
      health.failed(error, candidate.name);
      pass.fail(error.code);
    }
  }

  #commandDeadline(): number {
    return this.#options.clock.nowMs() + commandLimitMs;
  }
}

/** One run's counts, and whether it goes on. */
class Pass {
  readonly tally = new Tally();
  readonly run: WarmupRun;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
  readonly #clock: Clock;
  #failuresInRow = 0;
  #cacheLost = false;

  constructor(signal: AbortSignal, run: WarmupRun, clock: Clock) {
    this.signal = signal;
    this.run = run;
    this.#clock = clock;
  }

  get goesOn(): boolean {
    return (
      !this.signal.aborted &&
      !this.#cacheLost &&
      this.#failuresInRow < maxFailuresInRow &&
      this.#clock.nowMs() < this.run.deadlineAtMs
    );
  }

  fail(cause: string): void {
    this.tally.fail(cause);
    if (cause === 'cache-unavailable') this.#cacheLost = true;
    if (cause === 'origin-failed') this.#failuresInRow += 1;
  }

  /** By the origin, whatever it said. */
  answered(): void {
    this.#failuresInRow = 0;
  }

  /** Counts what became of a write; true when it was done. */
  settle(result: WriteResult): boolean {
    if (result.kind === 'unavailable') this.fail('cache-unavailable');
    else if (result.kind === 'wrong-type') this.fail('wrong-type');
    // Somebody wrote it in between: theirs is newer.
    else if (result.kind === 'precondition-failed') this.tally.counts.kept += 1;
    return isStored(result);
  }
}
