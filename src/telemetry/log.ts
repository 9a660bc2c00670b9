// Events -> one log line each, at a fitting level. Switched on by main.ts.
// Knows no part that tells events.

import { redactTokens } from '../errors.ts';
import { onEvent, type AppEvent, type AppEventType, type RollCallEnded } from './events.ts';

type Level = 'info' | 'warn' | 'error';

/** `console` fits. */
export type LogSink = Readonly<Record<Level, (line: string) => void>>;

type LoggedType = Exclude<AppEventType, RollCallEnded['type']>;

const levels: Readonly<Record<LoggedType, Level>> = {
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
  originFailing: 'warn',
  originRecovered: 'info',
  answerNotStored: 'info',
};

/**
 * Logs every event of a token, a connection or the origin as `<type> {fields}`; returns how to stop. Lines of a level
 * above `info` name it: the Functions host takes what a worker writes to stderr for a warning where it contains
 * "warn", else for an error where it contains "error" or "fail", else for information.
 * https://github.com/Azure/azure-functions-host/blob/dev/src/WebJobs.Script/Workers/ProcessManagement/WorkerProcess.cs
 */
export function logEvents(sink: LogSink): () => void {
  const types = Object.keys(levels) as LoggedType[];
  const stops = types.map((type) =>
    onEvent(type, (event) => sink[levels[type]](formatEvent(event, levels[type]))),
  );
  return () => {
    for (const stop of stops) stop();
  };
}

/** Times as ISO 8601, durations in whole milliseconds. */
export function formatEvent({ type, ...fields }: AppEvent, level: Level = 'info'): string {
  const readable = Object.entries(fields).map(([name, value]) => {
    if (typeof value !== 'number') return [name, value];
    return name.endsWith('AtMs')
      ? [name.slice(0, -2), new Date(value).toISOString()]
      : [name, Math.round(value)];
  });
  const named = level === 'info' ? readable : [['level', level], ...readable];
  return redactTokens(`${type} ${JSON.stringify(Object.fromEntries(named))}`);
}
