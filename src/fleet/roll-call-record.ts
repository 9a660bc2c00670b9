// How a roll call ended, in numbers and names: pure functions of who was there and who answered.

import type { FleetCounted, RollCallEnded } from '../telemetry/fleet-events.ts';
import type { Report, RollCallRecord } from './messages.ts';

/** Of the silent ones in an event, which is a line of the log. */
const maxNames = 20;

export interface RollCallResult extends Pick<RollCallRecord, 'id' | 'atMs' | 'nextAtMs'> {
  /** How many connections heard the announcement. */
  readonly receivers: number;
  /** Who was in the registry before; undefined where it could not be read. */
  readonly present: readonly string[] | undefined;
  readonly reports: ReadonlyMap<string, Report>;
}

export function recordOf(result: RollCallResult): RollCallRecord {
  const { id, atMs, nextAtMs, receivers, present, reports } = result;
  const answers = [...reports.values()];
  const timesLeftMs = answers.flatMap(({ tokenLeftMs }) => (tokenLeftMs === null ? [] : [tokenLeftMs]));
  return {
    id,
    atMs,
    nextAtMs,
    // Connections are a guess at instances: for a moment one may hear on two.
    expected:
      present === undefined
        ? Math.max(receivers, reports.size)
        : new Set([...present, ...reports.keys()]).size,
    answered: reports.size,
    rotated: answers.filter(({ rotated }) => rotated).length,
    failed: answers.filter(isFailing).length,
    silent: (present ?? []).filter((member) => !reports.has(member)),
    shortestTimeLeftMs: timesLeftMs.length === 0 ? null : Math.min(...timesLeftMs),
  };
}

export function eventOf(record: RollCallRecord, measures: FleetCounted | null): RollCallEnded {
  const { expected, answered, rotated, failed, silent, shortestTimeLeftMs } = record;
  const counts = { expected, answered, rotated, failed, silent: silent.length };
  const silentInstances = silent.slice(0, maxNames);
  return { type: 'rollCallEnded', ...counts, silentInstances, shortestTimeLeftMs, measures };
}

/** Whether it could not renew a token that was due, or re-authenticate a connection. */
export function isFailing({ failure, reauthenticationsFailed }: Report): boolean {
  return failure !== null || reauthenticationsFailed > 0;
}
