// Brings the warm set into the cache, page by page, and remembers how far it got; deletes nothing.

import type { Locks } from '../cache/locks.ts';
import type { Clock } from '../util/clock.ts';
import { AppError } from '../util/errors.ts';
import type { Checkpoint } from './checkpoint.ts';
import { PageWarmer, type PageWarmerOptions } from './page.ts';
import { prefetched } from './prefetched.ts';
import type { WarmupReport } from './report.ts';
import { Run, type RunLimits } from './run.ts';
import type { WarmSet } from './warm-set.ts';

export interface WarmupOptions extends PageWarmerOptions {
  readonly warmSet: WarmSet;
  readonly checkpoint: Pick<Checkpoint, 'read' | 'write'>;
  readonly locks: Pick<Locks, 'acquire'>;
  readonly clock: Clock;
}

export type WarmupOutcome =
  | { readonly kind: 'ended'; readonly report: WarmupReport }
  /** Another instance is warming. */
  | { readonly kind: 'held' };

/** Continuation tokens; undefined for the start and the end of the warm set. */
interface Section {
  readonly from: string | undefined;
  readonly to: string | undefined;
}

const wholeSet: Section = { from: undefined, to: undefined };
const commandLimitMs = 5000;

export class Warmup {
  readonly #options: WarmupOptions;
  readonly #pageWarmer: PageWarmer;
  readonly #stopping = new AbortController();

  constructor(options: WarmupOptions) {
    this.#options = options;
    this.#pageWarmer = new PageWarmer(options);
  }

  /** Ends a run that is under way; the next one continues where it stopped. */
  stop(): void {
    this.#stopping.abort();
  }

  /** @throws AppError when Redis cannot be asked before anything has been done. */
  async run(limits: RunLimits): Promise<WarmupOutcome> {
    const { locks, warmSet, clock } = this.#options;
    const subject = { kind: 'warmup', name: warmSet.scope } as const;
    const attempt = await locks.acquire(subject, this.#commandDeadline());
    if (attempt.kind !== 'acquired') return { kind: 'held' };
    const ending = new AbortController();
    const cancelEnding = clock.after(limits.endsAtMs - clock.nowMs(), () => ending.abort());
    const run = new Run(limits, AbortSignal.any([this.#stopping.signal, ending.signal]), clock);
    try {
      return { kind: 'ended', report: run.report(await this.#warmAll(run)) };
    } finally {
      cancelEnding();
      attempt.lock.release();
    }
  }

  /** Continues at the checkpoint, if there is one; true when the whole warm set has been worked on. */
  async #warmAll(run: Run): Promise<boolean> {
    const from = await this.#options.checkpoint.read(this.#commandDeadline());
    if (from === undefined) return this.#warmSection(wholeSet, run);
    // The rest of the warm set first, then what comes before it.
    if (await this.#warmSection({ from, to: undefined }, run))
      return this.#warmSection({ from: undefined, to: from }, run);
    // Where nothing was listed, the origin does not know the checkpoint any more.
    const isUnknown = run.counts.listed === 0 && run.mayContinue;
    return isUnknown && this.#warmSection(wholeSet, run);
  }

  /** False when it had to stop before the end of the section. */
  async #warmSection({ from, to }: Section, run: Run): Promise<boolean> {
    const { warmSet } = this.#options;
    let isFirst = true;
    try {
      for await (const page of prefetched(warmSet.pages(from, run.signal))) {
        const { candidates, continuationToken, isPartMissing = false } = page;
        if (isPartMissing) run.missPart();
        await this.#pageWarmer.warm(candidates, run);
        if (!run.mayContinue) {
          // What kept this run on its first page would keep the next one there, too: that one begins after it.
          if (isFirst && !this.#stopping.signal.aborted) await this.#save(continuationToken);
          return false;
        }
        isFirst = false;
        if (continuationToken === undefined || continuationToken === to) break;
        await this.#save(continuationToken);
      }
      await this.#save(undefined);
      return true;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (error.code !== 'origin-failed') run.fail('cache-unavailable');
      else if (!run.signal.aborted) run.fail('listing-failed');
      return false;
    }
  }

  #save(continuationToken: string | undefined): Promise<void> {
    return this.#options.checkpoint.write(continuationToken, this.#commandDeadline());
  }

  #commandDeadline(): number {
    return this.#options.clock.nowMs() + commandLimitMs;
  }
}
