// Calls the roll: announces, waits for the reports, says who answered. Used by the reauthenticate timer.
// Knows the members only by their reports.

import { randomUUID } from 'node:crypto';
import type { Clock } from '../util/clock.ts';
import { AppError } from '../util/errors.ts';
import type { Redis } from '../redis/redis.ts';
import type { Emit } from '../telemetry/events.ts';
import { parseReport, type Report, type RollCallRecord } from './messages.ts';
import type { Roster } from './registry.ts';

export interface RollCallOptions {
  readonly roster: Roster;
  readonly redis: Redis;
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
  /** Why this could not be written down, or who was there before not be read; null where both were. */
  readonly unrecorded: string | null;
}

const defaultSpreadMs = 2000;
const defaultGraceMs = 3000;
const commandLimitMs = 5000;

export class RollCall {
  readonly #options: RollCallOptions;

  constructor(options: RollCallOptions) {
    this.#options = options;
  }

  /**
   * Calls the roll once. Who hears it is told by the announcement, who is missed by the roster: without the one
   * nobody is called, without the other nobody can be missed by name.
   * @param nextAtMs when the next one is due, for the log.
   * @throws AppError when nobody could be called.
   */
  async call(nextAtMs: number | null): Promise<RollCallOutcome> {
    const { roster, redis, clock, emit, spreadMs = defaultSpreadMs } = this.#options;
    const id = randomUUID();
    const reports = new Map<string, Report>();
    let heard = (): void => {};
    const stopListening = redis.subscribe(roster.reportsTo(id), (message) => {
      const report = parseReport(message);
      if (report !== undefined) reports.set(report.id, report);
      heard();
    });
    try {
      // Reports come to who listens: an announcement before that would make everybody silent.
      const listening = redis.listening(roster.reportsTo(id), this.#deadline());
      const [view] = await Promise.all([orFailure(roster.read(this.#deadline())), listening]);
      const entries = view instanceof AppError ? [] : view.entries;
      const present = entries.filter(({ status }) => status === 'answered').map(({ report }) => report.id);
      const expected = view instanceof AppError ? {} : { expected: present.length };
      const receivers = await roster.announce({ id, spreadMs, ...expected }, this.#deadline());
      await this.#heardAll(
        () => reports.size >= receivers && present.every((member) => reports.has(member)),
        (listener) => (heard = listener),
      );
      const startedAtMs = view instanceof AppError ? clock.wallMs() : view.nowMs;
      const known = view instanceof AppError ? undefined : present;
      const record = summarize({ id, atMs: startedAtMs, nextAtMs }, known, receivers, reports);
      emit({ type: 'rollCallEnded', ...counts(record) });
      const gone = entries.map(({ report }) => report.id).filter((member) => !reports.has(member));
      const closed = await orFailure(roster.close(record, gone, this.#deadline()));
      const failure = [view, closed].find((result) => result instanceof AppError);
      const failing = [...reports.values()].filter(isFailing).map((report) => report.id);
      return { ...record, failing, unrecorded: failure?.message ?? null };
    } finally {
      stopListening();
    }
  }

  /** Resolves when all have been heard, or the time for it is up. */
  async #heardAll(isComplete: () => boolean, onReport: (listener: () => void) => void): Promise<void> {
    const { clock, spreadMs = defaultSpreadMs, graceMs = defaultGraceMs } = this.#options;
    await new Promise<void>((resolve) => {
      const cancel = clock.after(spreadMs + graceMs, resolve);
      const listener = (): void => {
        if (!isComplete()) return;
        cancel();
        resolve();
      };
      onReport(listener);
      listener();
    });
  }

  #deadline(): number {
    return this.#options.clock.nowMs() + commandLimitMs;
  }
}

/** Redis answers, refuses, or is not there: that is no reason to stop here. Anything else is a bug. */
async function orFailure<T>(asked: Promise<T>): Promise<T | AppError> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

function isFailing({ failure, reauthenticationsFailed }: Report): boolean {
  return failure !== null || reauthenticationsFailed > 0;
}

function summarize(
  call: Pick<RollCallRecord, 'id' | 'atMs' | 'nextAtMs'>,
  present: readonly string[] | undefined,
  receivers: number,
  reports: ReadonlyMap<string, Report>,
): RollCallRecord {
  const answers = [...reports.values()];
  const lefts = answers.flatMap(({ tokenLeftMs }) => (tokenLeftMs === null ? [] : [tokenLeftMs]));
  return {
    ...call,
    // For a moment an instance may hear on two connections: that is the next best only.
    expected:
      present === undefined
        ? Math.max(receivers, reports.size)
        : new Set([...present, ...reports.keys()]).size,
    answered: reports.size,
    rotated: answers.filter(({ rotated }) => rotated).length,
    failed: answers.filter(isFailing).length,
    silent: (present ?? []).filter((member) => !reports.has(member)),
    shortestTimeLeftMs: lefts.length === 0 ? null : Math.min(...lefts),
  };
}

function counts({ expected, answered, rotated, failed, silent, shortestTimeLeftMs }: RollCallRecord) {
  return { expected, answered, rotated, failed, silent: silent.length, shortestTimeLeftMs };
}
