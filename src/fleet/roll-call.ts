// Calls the roll: announces, collects the reports, and records who answered.

import { randomUUID } from 'node:crypto';
import type { Clock } from '../util/clock.ts';
import { AppError } from '../util/errors.ts';
import type { Emit } from '../telemetry/events.ts';
import type { FleetCounted } from '../telemetry/fleet-events.ts';
import { Answers } from './answers.ts';
import { countedBetween } from './counted-between.ts';
import type { RollCallRecord } from './messages.ts';
import type { Registry } from './registry.ts';
import { eventOf, isFailing, recordOf } from './roll-call-record.ts';

export interface RollCallOptions {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Members answer at a random moment within this, so that a fleet does not AUTH all at once. */
  readonly spreadMs?: number;
  /** After the spread, for a renewal and the report. */
  readonly graceMs?: number;
}

export interface RollCallOutcome extends RollCallRecord {
  /** Instances that answered but could not renew a token that was due, or re-authenticate a connection. */
  readonly failing: readonly string[];
  /** Why the registry could not be read before, or written after; null where both succeeded. */
  readonly unrecorded: string | null;
}

type Attempt<T> =
  { readonly kind: 'done'; readonly value: T } | { readonly kind: 'failed'; readonly error: AppError };

const defaultSpreadMs = 2000;
const defaultGraceMs = 3000;
const commandLimitMs = 5000;

export class RollCall {
  readonly #options: RollCallOptions;

  constructor(options: RollCallOptions) {
    this.#options = options;
  }

  /**
   * Calls the roll once. The announcement is what reaches the instances; the registry only says who is missing, so a
   * roll call goes on without it.
   * @param nextAtMs when the next one is due, for the record.
   * @throws AppError when nobody could be called.
   */
  async call(nextAtMs: number | null): Promise<RollCallOutcome> {
    try {
      return await this.#call(nextAtMs);
    } catch (error) {
      if (error instanceof AppError)
        this.#options.emit({ type: 'rollCallFailed', code: error.code, reason: error.message });
      throw error;
    }
  }

  async #call(nextAtMs: number | null): Promise<RollCallOutcome> {
    const { registry, clock, emit } = this.#options;
    const { spreadMs = defaultSpreadMs, graceMs = defaultGraceMs } = this.#options;
    const id = randomUUID();
    const answers = new Answers();
    const subscription = registry.onReport(id, (report) => answers.add(report));
    try {
      // Nobody hears a report that is published before the subscription is ready.
      const [before] = await Promise.all([
        attempt(registry.read(this.#deadline())),
        subscription.ready(this.#deadline()),
      ]);
      const { entries, nowMs: atMs } =
        before.kind === 'done' ? before.value : { entries: [], nowMs: clock.wallMs() };
      const answered = entries.filter(({ status }) => status === 'answered').map(({ report }) => report.id);
      const present = before.kind === 'done' ? answered : undefined;
      const announcement = { id, spreadMs, expected: present?.length };
      const receivers = await registry.announce(announcement, this.#deadline());

      await answers.all(receivers, answered, clock, spreadMs + graceMs);

      const { reports } = answers;
      const record = recordOf({ id, atMs, nextAtMs, receivers, present, reports });
      const failing = [...reports.values()].filter(isFailing).map((report) => report.id);
      const unanswered = entries.map(({ report }) => report.id).filter((member) => !reports.has(member));
      const recorded = await attempt(registry.recordRollCall(record, unanswered, this.#deadline()));
      const failed = [before, recorded].find((one) => one.kind === 'failed');
      const rollCalls = before.kind === 'done' ? before.value.rollCalls : [];
      // Those of a roll call that is not recorded are told by the next one.
      const isKnown = failed === undefined;
      emit(eventOf(record, isKnown ? await this.#countedSince(rollCalls[0]?.atMs, atMs) : null));
      return { ...record, failing, unrecorded: failed?.error.message ?? null };
    } finally {
      subscription.stop();
    }
  }

  async #countedSince(fromMs: number | undefined, toMs: number): Promise<FleetCounted | null> {
    const measures = await attempt(this.#options.registry.readMeasures(this.#deadline()));
    return measures.kind === 'done' ? countedBetween(measures.value, fromMs, toMs) : null;
  }

  #deadline(): number {
    return this.#options.clock.nowMs() + commandLimitMs;
  }
}

async function attempt<T>(work: Promise<T>): Promise<Attempt<T>> {
  try {
    return { kind: 'done', value: await work };
  } catch (error) {
    if (error instanceof AppError) return { kind: 'failed', error };
    throw error;
  }
}
