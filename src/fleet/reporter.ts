// What this instance reports of itself: its token, its connections, and what it did since its last report.

import type { TokenKeeper } from '../auth/token-keeper.ts';
import type { Redis } from '../redis/redis.ts';
import type { Clock } from '../util/clock.ts';
import { countedIn, countedSince, nothingCounted, type CountedSoFar } from './counted.ts';
import { History } from './history.ts';
import type { MeasuresReport, MemoryUse } from './instance-measures.ts';
import type { InstanceIdentity } from './messages.ts';
import type { Registry } from './registry.ts';
import type { SelfCheck } from './self-check.ts';

export interface ReporterOptions {
  readonly identity: InstanceIdentity;
  readonly registry: Pick<Registry, 'report' | 'remove'>;
  readonly keeper: Pick<TokenKeeper, 'status'>;
  readonly redis: Pick<Redis, 'status'>;
  /** Keys read over HTTP since the start. */
  readonly readCount: () => number;
  /** Its counts only grow. */
  readonly measures: CountedSoFar;
  /** Null where nothing is kept in memory. */
  readonly memory: () => MemoryUse | null;
  readonly clock: Clock;
}

export class Reporter {
  readonly #options: ReporterOptions;
  /** The totals at the last report that got through. */
  #reported = { reads: 0, reauthenticated: 0, reauthenticationsFailed: 0 };
  /** At the last report that is stored. */
  #stored = nothingCounted;
  readonly #history = new History();
  /** Up to where the history goes. */
  #remembered = nothingCounted;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** @throws AppError when the report reached neither the registry nor a roll call. */
  async report(check: SelfCheck, rollCallIds: readonly string[], deadlineAtMs: number): Promise<void> {
    const { identity, registry, keeper, redis, readCount } = this.#options;
    const token = keeper.status();
    const { connections, reauthenticated, reauthenticationsFailed } = redis.status();
    const totals = { reads: readCount(), reauthenticated, reauthenticationsFailed };
    const before = this.#reported;
    const report = {
      ...identity,
      ...check,
      tokenExpiresAtMs: token.expiresAtMs ?? null,
      tokenLeftMs: token.timeLeftMs ?? null,
      lastRotationAtMs: token.lastRotationAtMs ?? null,
      connections,
      reauthenticated: totals.reauthenticated - before.reauthenticated,
      reauthenticationsFailed: totals.reauthenticationsFailed - before.reauthenticationsFailed,
      reads: totals.reads - before.reads,
    };
    const measures = this.#measures();
    const isStored = await registry.report(report, measures, rollCallIds, deadlineAtMs);
    this.#reported = totals;
    if (isStored) this.#stored = measures.now;
  }

  /** @throws AppError when the registry cannot be told. */
  async leave(deadlineAtMs: number): Promise<void> {
    const { identity, registry } = this.#options;
    await registry.remove(identity.id, this.#measures(), deadlineAtMs);
  }

  #measures(): MeasuresReport {
    const { measures, memory, clock } = this.#options;
    const now = countedIn(measures);
    this.#history.add(countedSince(now, this.#remembered), clock.nowMs());
    this.#remembered = now;
    return { now, before: this.#stored, memory: memory(), history: this.#history.points(clock.nowMs()) };
  }
}
