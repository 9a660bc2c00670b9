// Timer functions: what the app has registered, and what the host hands to one.
// https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer

import { createSchedule, type Schedule } from './schedule.ts';
import type { FunctionMetadata, TypedData } from './protocol.ts';

export interface TimerFunction {
  readonly name: string;
  readonly bindingName: string;
  readonly schedule: Schedule;
  readonly runOnStartup: boolean;
}

/** When a schedule last ran, and runs next. */
export interface ScheduleStatus {
  /** Undefined before the first run. */
  readonly last: Date | undefined;
  readonly next: Date;
  readonly lastUpdated: Date | undefined;
}

/**
 * Those whose schedules can be read: a name between percent signs is that of a setting. For another one the host says
 * why by `onError`, and goes on without it.
 */
export function timerFunctions(
  functions: readonly FunctionMetadata[],
  settings: Readonly<Record<string, string>>,
  onError: (functionName: string, error: unknown) => void,
): readonly TimerFunction[] {
  return functions.flatMap(({ name, bindings }) =>
    Object.entries(bindings).flatMap(([bindingName, { type, schedule = '', runOnStartup = false }]) => {
      if (type !== 'timerTrigger') return [];
      try {
        const text = resolveSettings(schedule, settings);
        return [{ name, bindingName, schedule: createSchedule(text), runOnStartup }];
      } catch (error) {
        onError(name, error);
        return [];
      }
    }),
  );
}

function resolveSettings(text: string, settings: Readonly<Record<string, string>>): string {
  return text.replaceAll(/%(?<name>[^%]+)%/gu, (_whole, name: string) => {
    const value = settings[name];
    if (value === undefined) throw new Error(`'%${name}%' does not resolve to a value.`);
    return value;
  });
}

/**
 * What the host hands to a timer function; the library turns the names into camelCase. The status is the one of
 * before the run: its `Next` is the tick that is being run.
 */
export function timerInput(
  { schedule }: TimerFunction,
  status: ScheduleStatus | undefined,
  isPastDue: boolean,
): TypedData {
  const input = {
    Schedule: { AdjustForDST: schedule.adjustsForDst },
    ScheduleStatus: status && schedule.isMonitored ? statusToJson(status) : null,
    IsPastDue: isPastDue,
  };
  return { json: JSON.stringify(input) };
}

/** As .NET writes it; also what the host stores. */
export function statusToJson({ last, next, lastUpdated }: ScheduleStatus): Record<string, string> {
  return { Last: dateToJson(last), Next: dateToJson(next), LastUpdated: dateToJson(lastUpdated) };
}

export function statusFromJson(status: Readonly<Record<string, string>>): ScheduleStatus | undefined {
  const [last, next, lastUpdated] = ['Last', 'Next', 'LastUpdated'].map((name) => {
    const atMs = Date.parse(status[name] ?? '');
    return atMs > 0 ? new Date(atMs) : undefined;
  });
  return next && { last, next, lastUpdated };
}

/** Newtonsoft.Json: no zeros at the end of a fraction, and the offset of a host that runs in UTC. */
function dateToJson(date: Date | undefined): string {
  if (date === undefined) return '0001-01-01T00:00:00+00:00';
  return date.toISOString().replace(/\.?0*Z$/u, '+00:00');
}
