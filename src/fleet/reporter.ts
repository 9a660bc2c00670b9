// What this instance reports of itself: its token, its connections, and what it did since its last report.

import type { TokenKeeper } from '../auth/token-keeper.ts';
import type { Redis } from '../redis/redis.ts';
import type { InstanceIdentity } from './messages.ts';
import type { Registry } from './registry.ts';
import type { SelfCheck } from './self-check.ts';

export interface ReporterOptions {
  readonly identity: InstanceIdentity;
  readonly registry: Pick<Registry, 'report'>;
  readonly keeper: Pick<TokenKeeper, 'status'>;
  readonly redis: Pick<Redis, 'status'>;
  /** Keys read over HTTP since the start. */
  readonly readCount: () => number;
}

export class Reporter {
  readonly #options: ReporterOptions;
  /** The totals at the last report that got through. */
  #reported = { reads: 0, reauthenticated: 0, reauthenticationsFailed: 0 };

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
    await registry.report(report, rollCallIds, deadlineAtMs);
    this.#reported = totals;
  }
}
