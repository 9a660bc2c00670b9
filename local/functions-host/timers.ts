// Fires timer functions on their schedules, each on one instance, never twice at once. Used by host.ts.
// Held to https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer

import { Cron } from 'croner';
import type { FunctionMetadata, TypedData } from './protocol.ts';

export interface TimerFunction {
  readonly name: string;
  readonly bindingName: string;
  readonly schedule: string;
  readonly runOnStartup: boolean;
}

export function timerFunctions(functions: readonly FunctionMetadata[]): readonly TimerFunction[] {
  return functions.flatMap(({ name, bindings }) =>
    Object.entries(bindings)
      .filter(([, binding]) => binding.type === 'timerTrigger')
      .map(([bindingName, { schedule = '', runOnStartup = false }]) => ({
        name,
        bindingName,
        schedule,
        runOnStartup,
      })),
  );
}

/** What the host hands to a timer function; the library turns the names into camelCase. */
export function timerInput(timer: TimerFunction, lastAt: Date | undefined, isPastDue: boolean): TypedData {
  const next = new Cron(timer.schedule, { paused: true, timezone: 'UTC' }).nextRun();
  const schedule = {
    Schedule: { AdjustForDST: true },
    ScheduleStatus: {
      Last: (lastAt ?? new Date(0)).toISOString(),
      LastUpdated: (lastAt ?? new Date(0)).toISOString(),
      Next: next?.toISOString() ?? null,
    },
    IsPastDue: isPastDue,
  };
  return { json: JSON.stringify(schedule) };
}

/** Starts the schedules; returns how to stop them. A tick that comes while a run is outstanding is skipped. */
export function startSchedules(
  timers: readonly TimerFunction[],
  run: (timer: TimerFunction) => Promise<void>,
): () => void {
  const jobs = timers.map((timer) => {
    if (timer.runOnStartup) void run(timer);
    return new Cron(timer.schedule, { timezone: 'UTC', unref: true, protect: true }, () => run(timer));
  });
  return () => {
    for (const job of jobs) job.stop();
  };
}
