// Events -> log lines, each type at its level or not at all.

import { redactTokens } from '../util/errors.ts';
import { onEvent, type AppEvent, type AppEventType, type Emit } from './events.ts';
import { LogLimiter, type Delayed, type LogLimiterOptions } from './log-limiter.ts';

type Level = 'info' | 'warn' | 'error';

/** `console` fits. */
export type LogSink = Readonly<Record<Level, (line: string) => void>>;

/** An event without a level here has no line. */
export const logLevels: Readonly<Partial<Record<AppEventType, Level>>> = {
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
  purged: 'info',
  rollCallEnded: 'info',
  rollCallFailed: 'warn',
  cacheShared: 'warn',
  commandRefused: 'warn',
  commandAccepted: 'info',
  trackingRefused: 'warn',
  sheddingStarted: 'warn',
  sheddingEnded: 'info',
  telemetryExportFailing: 'warn',
  telemetryExportRecovered: 'info',
  originFailing: 'warn',
  originRecovered: 'info',
  answerNotStored: 'info',
  signingKeysRead: 'info',
  signingKeysUnavailable: 'warn',
};

/** Logs the events of this instance from now on; returns how to stop. */
export function logEvents(sink: LogSink, options: LogLimiterOptions): () => void {
  const log = eventLog(sink, options);
  const types = ['rollCallHeard', ...Object.keys(logLevels)] as AppEventType[];
  const stops = types.map((type) => onEvent(type, log));
  return () => {
    for (const stop of stops) stop();
  };
}

/**
 * Logs events as `<type> {fields}`, in a large fleet not each of them (log-limiter.ts). Lines of a level above `info`
 * name it: the Functions host takes a worker's line on stderr for a warning if it contains "warn", else for an error if
 * it contains "error" or "fail", else for information.
 * https://github.com/Azure/azure-functions-host/blob/dev/src/WebJobs.Script/Workers/ProcessManagement/WorkerProcess.cs
 */
export function eventLog(sink: LogSink, options: LogLimiterOptions): Emit {
  const limiter = new LogLimiter(options);
  return (event) => {
    if (event.type === 'rollCallHeard') limiter.instances = event.expected;
    const level = logLevels[event.type];
    if (level === undefined) return;
    const write = ({ omitted, delayMs }: Delayed): void => {
      const at = delayMs === 0 ? {} : { atMs: options.clock.wallMs() - delayMs };
      sink[level](formatEvent({ ...event, ...at, ...(omitted === 0 ? {} : { omitted }) }, level));
    };
    if (ofWholeFleet.has(event.type)) write({ omitted: 0, delayMs: 0 });
    else limiter.log(causeOf(event), write, endedBy(event));
  };
}

/** Of these there is one for all instances already, and each has counts of its own. */
const ofWholeFleet: ReadonlySet<AppEventType> = new Set(['rollCallEnded', 'rollCallFailed']);

/** Events of one cause can stand for each other in the log. */
function causeOf(event: AppEvent): string {
  if (event.type === 'originFailing') return `${event.type} ${event.origin ?? ''} ${event.code}`;
  if (event.type === 'originRecovered') return `${event.type} ${event.origin ?? ''}`;
  if (event.type === 'telemetryExportFailing' || event.type === 'telemetryExportRecovered')
    return `${event.type} ${event.signal} ${event.to}`;
  if ('code' in event) return `${event.type} ${event.code}`;
  return 'cause' in event ? `${event.type} ${event.cause}` : event.type;
}

/** Causes whose lines make no sense after this event. */
function endedBy(event: AppEvent): readonly string[] {
  if (event.type === 'commandAccepted') return [`commandRefused ${event.cause}`];
  if (event.type === 'originRecovered') return [`originFailing ${event.origin ?? ''} `];
  return ends[event.type] ?? [];
}

const ends: Partial<Record<AppEventType, readonly string[]>> = {
  connectionReady: ['connectionFailed ', 'connectionLost'],
  sheddingEnded: ['sheddingStarted'],
  signingKeysRead: ['signingKeysUnavailable'],
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
