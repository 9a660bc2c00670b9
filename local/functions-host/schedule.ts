// Schedules of timer functions: NCRONTAB expressions, and TimeSpans for a fixed interval.
// https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions

import { firstTickAfterMs, isSchedule } from '../../src/util/schedule.ts';
import { parseTimeSpan } from './time-span.ts';

export interface Schedule {
  /** The first tick after a time. */
  nextAfter(date: Date): Date;
  readonly adjustsForDst: boolean;
  /** Whether the host keeps its status: not where it ticks more than once a minute (TimerSchedule.cs). */
  readonly isMonitored: boolean;
}

const never = new Date('9999-12-31T23:59:59.999Z');

export function createSchedule(text: string): Schedule {
  const intervalMs = text.includes(':') ? parseTimeSpan(text) : undefined;
  const schedule = intervalMs === undefined ? cronSchedule(text) : fixedInterval(intervalMs);
  const first = schedule.nextAfter(new Date());
  const second = schedule.nextAfter(first);
  return { ...schedule, isMonitored: second.getTime() - first.getTime() >= 60_000 };
}

function fixedInterval(intervalMs: number): Omit<Schedule, 'isMonitored'> {
  if (intervalMs <= 0) throw new Error('The interval of a schedule must be longer than nothing.');
  return { nextAfter: (date) => new Date(date.getTime() + intervalMs), adjustsForDst: false };
}

/** By the app's own reader of NCRONTAB, which is held to the tests of the host's parser. */
function cronSchedule(text: string): Omit<Schedule, 'isMonitored'> {
  if (!isSchedule(text)) throw new Error(`The schedule "${text}" is no NCRONTAB expression of six fields.`);
  return {
    nextAfter(date) {
      const atMs = firstTickAfterMs(text, date.getTime());
      return atMs === null ? never : new Date(atMs);
    },
    adjustsForDst: true,
  };
}
