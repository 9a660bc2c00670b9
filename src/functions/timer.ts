// What a timer's input says, and how long an invocation may take. Used by the timer functions and app.ts.

import type { Timer } from '@azure/functions';

/** When the next tick is due, in milliseconds since the epoch; null where the host does not say. */
export function nextTickAtMs(timer: Timer): number | null {
  // Absent when schedules are not monitored, and in a run by the admin endpoint of some hosts.
  const text = (timer.scheduleStatus as Timer['scheduleStatus'] | undefined)?.next;
  const ms = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isFinite(ms) ? ms : null;
}

/**
 * What an invocation may take: `functionTimeout` of host.json, which the host tells no worker, or the setting
 * that overrides it (https://learn.microsoft.com/azure/azure-functions/functions-host-json#override-hostjson-values).
 */
export function functionTimeoutMs(environment: Readonly<Record<string, string | undefined>>): number {
  const text = environment['AzureFunctionsJobHost__functionTimeout'] ?? '';
  const [, hours, minutes, seconds] = /^(\d{2}):(\d{2}):(\d{2})$/u.exec(text) ?? [text, 0, 5, 0];
  return (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
}
