// Spans and metrics of this process, by whatever tracer and meter there are.

import type { Meter, Tracer } from '@opentelemetry/api';
import { meterMeasures } from './metrics.ts';
import { traceOperations } from './operation-spans.ts';
import { traceCommands } from './redis-spans.ts';
import { showKey, type KeyMode } from './shown-key.ts';

export interface TelemetryOptions {
  readonly tracer?: Tracer | undefined;
  readonly meter?: Meter | undefined;
  readonly keys: KeyMode;
  /** Whether commands of node-redis are traced. */
  readonly commands: boolean;
  readonly functionApp: string | undefined;
}

/** Begins; returns how to stop. */
export function startTelemetry(options: TelemetryOptions): () => void {
  const { tracer, meter, keys, commands, functionApp } = options;
  const stops: (() => void)[] = [];
  if (tracer !== undefined) {
    stops.push(traceOperations(tracer, { functionApp, showKey: showKey(keys) }));
    if (commands) stops.push(traceCommands(tracer));
  }
  if (meter !== undefined) stops.push(meterMeasures(meter));
  return () => {
    for (const stop of stops.splice(0)) stop();
  };
}
