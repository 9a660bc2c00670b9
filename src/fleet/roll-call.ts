// Calls the roll: announces, waits for the reports, says who answered. Used by the reauthenticate timer.
// Knows the members only by their reports.

import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Redis } from '../redis/redis.ts';
import type { Emit } from '../telemetry/events.ts';
import { parseReport, type Announcement, type Report, type RollCallRecord } from './messages.ts';
import type { Roster } from './roster.ts';

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
   * Calls the roll once.
   * @param nextAtMs when the next one is due, for the log.
   * @throws AppError when Redis cannot be asked: then nobody was called.
   */
  async call(nextAtMs: number | null): Promise<RollCallOutcome> {
    const { roster, redis, clock, spreadMs = defaultSpreadMs, graceMs = defaultGraceMs } = this.#options;
    const announcement: Announcement = { id: randomUUID(), spreadMs };
    const reports = new Map<string, Report>();
    let heard = (): void => {};
    const stopListening = redis.subscribe(roster.reportsTo(announcement.id), (message) => {
      const report = parseReport(message);
      if (report !== undefined) reports.set(report.id, report);
      heard();
    });
    try {
      const listening = redis.listening(roster.reportsTo(announcement.id), this.#deadline());
      const [view] = await Promise.all([roster.read(this.#deadline()), listening]);
      const expected = new Set(
        view.entries.filter(({ status }) => status === 'answered').map(({ report }) => report.id),
      );
      const receivers = await redis.run(
        (client) => client.publish(roster.announcements, JSON.stringify(announcement)),
        { key: roster.announcements, deadlineAtMs: this.#deadline(), idempotent: false },
      );
      const isComplete = (): boolean =>
        reports.size >= receivers && [...expected].every((id) => reports.has(id));
      await new Promise<void>((resolve) => {
        const cancel = clock.after(spreadMs + graceMs, resolve);
        heard = (): void => {
          if (!isComplete()) return;
          cancel();
          resolve();
        };
        heard();
      });
      const outcome = summarize(announcement.id, view.nowMs, expected, reports, nextAtMs);
      this.#options.emit({ type: 'rollCallEnded', ...counts(outcome) });
      const gone = view.entries.map(({ report }) => report.id).filter((id) => !reports.has(id));
      const { failing: _failing, ...record } = outcome;
      await roster.close(record, gone, this.#deadline());
      return outcome;
    } finally {
      stopListening();
    }
  }

  #deadline(): number {
    return this.#options.clock.nowMs() + commandLimitMs;
  }
}

function summarize(
  id: string,
  atMs: number,
  expected: ReadonlySet<string>,
  reports: ReadonlyMap<string, Report>,
  nextAtMs: number | null,
): RollCallOutcome {
  const answers = [...reports.values()];
  const failing = answers
    .filter(({ failure, reauthenticationsFailed }) => failure !== null || reauthenticationsFailed > 0)
    .map((report) => report.id);
  const lefts = answers.flatMap(({ tokenLeftMs }) => (tokenLeftMs === null ? [] : [tokenLeftMs]));
  return {
    id,
    atMs,
    expected: new Set([...expected, ...reports.keys()]).size,
    answered: reports.size,
    rotated: answers.filter(({ rotated }) => rotated).length,
    failed: failing.length,
    failing,
    silent: [...expected].filter((member) => !reports.has(member)),
    shortestTimeLeftMs: lefts.length === 0 ? null : Math.min(...lefts),
    nextAtMs,
  };
}

function counts({ expected, answered, rotated, failed, silent, shortestTimeLeftMs }: RollCallOutcome) {
  return { expected, answered, rotated, failed, silent: silent.length, shortestTimeLeftMs };
}
