// logEvents: what happens to tokens, connections and origins, as lines of the log.

import { logEvents as startLog, type LogSink } from '../telemetry/log.ts';
import { systemClock as clock } from '../util/clock.ts';
import { onePerProcess } from '../util/one-per-process.ts';

export type { LogSink } from '../telemetry/log.ts';

/**
 * Logs the events of this process from now on, as the app does: `connectionLost {"level":"warn",...}`. Of events with one
 * cause there is about a line a second in a whole fleet. docs/operations.md says what each means, and what to do. No line
 * has a token or a cached value in it.
 *
 * @param sink where to; `console` where undefined, whose lines the Functions host takes. Called again, also by another
 * build of this package, it changes nothing.
 * @returns how to stop.
 * @example
 * ```ts
 * logEvents();
 * ```
 */
export function logEvents(sink: LogSink = console): () => void {
  const log = onePerProcess('log of events', (): { stop: (() => void) | undefined } => ({ stop: undefined }));
  log.stop ??= startLog(sink, { clock, random: Math.random });
  return () => {
    log.stop?.();
    log.stop = undefined;
  };
}
