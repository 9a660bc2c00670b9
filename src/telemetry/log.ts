// Events -> log lines, at a fitting level. Switched on by main.ts.
// Knows no part that tells events.

import { redactTokens } from '../util/errors.ts';
import {
  onEvent,
  type AppEvent,
  type AppEventType,
  type Emit,
  type RollCallEnded,
  type RollCallHeard,
} from './events.ts';
import { LogLimiter, type LogLimiterOptions, type Passage } from './log-limiter.ts';

type Level = 'info' | 'warn' | 'error';

/** `console` fits. */
export type LogSink = Readonly<Record<Level, (line: string) => void>>;

type LoggedType = Exclude<AppEventType, (RollCallEnded | RollCallHeard)['type']>;

/** Of every event that is a line. */
export const levels: Readonly<Record<LoggedType, Level>> = {
  tokenRotated: 'info',
  tokenRenewalFailed: 'warn',
  tokenNotAdvancing: 'info',
  tokenExpired: 'error',
  connectionReady: 'info',
  connectionLost: 'warn',
  connectionFailed: 'warn',
  connectionReplaced: 'info',
  connectionReauthenticated: 'info',
  connectionReauthenticationFailed: 'warn',
  topologyChanged: 'info',
  clusteringPolicyWrong: 'error',
  entryInvalid: 'warn',
  entryNewer: 'warn',
  cacheShared: 'warn',
  commandRefused: 'warn',
  commandAccepted: 'info',
  sheddingStarted: 'warn',
  sheddingEnded: 'info',
  originFailing: 'warn',
  originRecovered: 'info',
  answerNotStored: 'info',
};

/** Logs what an instance tells from now on; returns how to stop. */
export function logEvents(sink: LogSink, options: LogLimiterOptions): () => void {
  const log = eventLog(sink, options);
  const types = ['rollCallHeard', ...Object.keys(levels)] as AppEventType[];
  const stops = types.map((type) => onEvent(type, log));
  return () => {
    for (const stop of stops) stop();
  };
}

/**
 * Logs events as `<type> {fields}`, in a large fleet not each of them (see log-limiter.ts). Lines of a level above
 * `info` name it: the Functions host takes what a worker writes to stderr for a warning where it contains "warn", else
 * for an error where it contains "error" or "fail", else for information.
 * https://github.com/Azure/azure-functions-host/blob/dev/src/WebJobs.Script/Workers/ProcessManagement/WorkerProcess.cs
 */
export function eventLog(sink: LogSink, options: LogLimiterOptions): Emit {
  const limiter = new LogLimiter(options);
  return (event) => {
    if (event.type === 'rollCallHeard') limiter.instances = event.expected;
    if (!isLogged(event)) return;
    const level = levels[event.type];
    const write = ({ omitted, heldMs }: Passage): void => {
      const heldBack = heldMs === 0 ? {} : { atMs: options.clock.wallMs() - heldMs };
      const leftOut = omitted === 0 ? {} : { omitted };
      sink[level](formatEvent({ ...event, ...heldBack, ...leftOut }, level));
    };
    limiter.pass(causeOf(event), write, endedBy(event));
  };
}

function isLogged(event: AppEvent): event is Extract<AppEvent, { type: LoggedType }> {
  return Object.hasOwn(levels, event.type);
}

/** What events have in common that can stand for each other. */
function causeOf(event: AppEvent): string {
  if ('code' in event) return `${event.type} ${event.code}`;
  return 'cause' in event ? `${event.type} ${event.cause}` : event.type;
}

/** Whose lines make no sense after this event. */
function endedBy(event: AppEvent): readonly string[] {
  if (event.type === 'commandAccepted') return [`commandRefused ${event.cause}`];
  return ends[event.type] ?? [];
}

const ends: Partial<Record<AppEventType, readonly string[]>> = {
  connectionReady: ['connectionFailed ', 'connectionLost'],
  originRecovered: ['originFailing '],
  sheddingEnded: ['sheddingStarted'],
  tokenRotated: ['tokenRenewalFailed', 'tokenNotAdvancing', 'tokenExpired'],
};

/** Times as ISO 8601, durations in whole milliseconds. */
export function formatEvent({ type, ...fields }: AppEvent, level: Level = 'info'): string {
  const readable = Object.entries(fields).map(([name, value]) => {
    if (typeof value !== 'number') return [name, value];
    return /(?:^a|A)tMs$/u.test(name)
      ? [name.slice(0, -2), new Date(value).toISOString()]
      : [name, Math.round(value)];
  });
  const named = level === 'info' ? readable : [['level', level], ...readable];
  return redactTokens(`${type} ${JSON.stringify(Object.fromEntries(named))}`);
}
