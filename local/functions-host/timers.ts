// Fires timer functions on their schedules, each on one instance, never twice at once. Used by host.ts.
// Held to https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer and to TimerListener.cs,
// https://github.com/Azure/azure-webjobs-sdk-extensions/tree/dev/src/WebJobs.Extensions/Extensions/Timers

import { Cron, type CronOptions } from 'croner';
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

/**
 * What the host hands to a timer function; the library turns the names into camelCase. The status is the one of
 * before the run: its `Next` is the tick that is being run. Schedules that tick twice a minute have none
 * (TimerSchedule.cs).
 * @param lastAt when the schedule last ran; undefined where it has not since the host started at `startedAt`.
 */
export function timerInput(timer: TimerFunction, startedAt: Date, lastAt: Date | undefined): TypedData {
  const schedule = cron(timer.schedule, { paused: true });
  const now = new Date();
  const [, second] = schedule.nextRuns(2, now);
  const isMonitored = second === undefined || second.getTime() - now.getTime() >= 60_000;
  const last = lastAt?.toISOString() ?? '0001-01-01T00:00:00+00:00';
  const next = schedule.nextRun(lastAt ?? startedAt)?.toISOString() ?? '9999-12-31T23:59:59.9999999+00:00';
  const input = {
    Schedule: { AdjustForDST: true },
    ScheduleStatus: isMonitored ? { Last: last, Next: next, LastUpdated: last } : null,
    IsPastDue: false,
  };
  return { json: JSON.stringify(input) };
}

/** Starts the schedules; returns how to stop them. A tick that comes while a run is outstanding is skipped. */
export function startSchedules(
  timers: readonly TimerFunction[],
  run: (timer: TimerFunction) => Promise<void>,
): () => void {
  const jobs = timers.map((timer) => {
    if (timer.runOnStartup) void run(timer);
    return cron(timer.schedule, { unref: true, protect: true }, () => run(timer));
  });
  return () => {
    for (const job of jobs) job.stop();
  };
}

/** As NCRONTAB: in UTC, and a day must be both a day of the month and a day of the week that are named. */
function cron(schedule: string, options: CronOptions, onTick?: () => Promise<void>): Cron {
  return new Cron(schedule, { timezone: 'UTC', domAndDow: true, ...options }, onTick);
}
