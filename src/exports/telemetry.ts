// redis-entra-functions/telemetry: what clients and caches do, as spans and metrics of your own OpenTelemetry SDK.

import type { Meter, Tracer } from '@opentelemetry/api';
import { keyModes } from '../telemetry/opentelemetry/shown-key.ts';
import { startTelemetry as start } from '../telemetry/opentelemetry/telemetry.ts';
import { checkOptions, oneOf, text, trueOrFalse, type Rule, type Rules } from './options.ts';

export { AppError, type ErrorCode } from '../util/errors.ts';

/** Of startTelemetry. Without a tracer there are no spans, without a meter no metrics. */
export interface TelemetryOptions {
  /** Makes the spans: `trace.getTracer('my-app')` of `@opentelemetry/api`. */
  readonly tracer?: Tracer;
  /** Makes the metrics: `metrics.getMeter('my-app')`. */
  readonly meter?: Meter;
  /**
   * Keys in spans, as `cache.key`: `none` unless set; `hashed` are the first 16 hex digits of the SHA-256; `plain`.
   */
  readonly keys?: 'none' | 'hashed' | 'plain';
  /**
   * Whether commands of node-redis that are sent within a span are spans, without their arguments; true unless set. These
   * are the commands of every client of node-redis in the process: false where another instrumentation makes spans of them.
   */
  readonly commands?: boolean;
  /** The name of the Function App, which then stands before the function's in `faas.name`, as on Azure it should. */
  readonly functionApp?: string;
}

/**
 * Fills spans and metrics from now on; docs/telemetry.md of the project has their names. They are of all clients and
 * caches of this package in the process. Parents of spans are known where your SDK has registered a context manager, and
 * a request to an HTTP origin takes the trace along where it has a propagator, as with the NodeSDK.
 *
 * No span and no metric has a value, a tag, a token or who calls in it, nor a key unless `keys` says so.
 *
 * @returns how to stop.
 * @throws AppError `options-invalid`.
 * @example
 * ```ts
 * import { metrics, trace } from '@opentelemetry/api';
 *
 * startTelemetry({ tracer: trace.getTracer('shop'), meter: metrics.getMeter('shop') });
 * ```
 */
export function startTelemetry(options: TelemetryOptions): () => void {
  checkOptions('startTelemetry', options, rules);
  const { tracer, meter, keys = 'none', commands = true, functionApp } = options;
  return start({ tracer, meter, keys, commands, functionApp });
}

function having(expected: string, method: string): Rule {
  return {
    expected,
    holds: (value) =>
      typeof value === 'object' &&
      value !== null &&
      typeof (value as Readonly<Record<string, unknown>>)[method] === 'function',
  };
}

const rules: Rules<TelemetryOptions> = {
  tracer: having('a tracer of @opentelemetry/api', 'startSpan'),
  meter: having('a meter of @opentelemetry/api', 'createObservableCounter'),
  keys: oneOf(...keyModes),
  commands: trueOrFalse,
  functionApp: text('the name of a Function App', /^[\w.-]{1,128}$/u),
};
