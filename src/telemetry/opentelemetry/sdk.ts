// The OpenTelemetry SDK of the app: what makes spans and metrics of this process, and sends them. Loaded only where
// telemetry is switched on.

import type { TokenCredential } from '@azure/identity';
import { context, propagation } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Clock } from '../../util/clock.ts';
import { fulfilledWithin } from '../../util/deadline.ts';
import type { Emit } from '../events.ts';
import { metricReaders, spanExporters } from './exporters.ts';
import { createResource, type ResourceOptions } from './resource.ts';
import { createSampler } from './sampling.ts';
import type { SdkOptions } from './sdk-options.ts';
import { startTelemetry } from './telemetry.ts';

export interface SdkDeps extends ResourceOptions {
  readonly clock: Clock;
  readonly emit: Emit;
  /** Signs in at Azure Monitor as this identity. */
  readonly credentialOf: (clientId: string | undefined) => TokenCredential;
}

// The platform gives an ending worker about ten seconds, and a collector that hangs must not take them from others.
const stopLimitMs = 3000;
const name = 'redis-entra-functions';

/** Begins; returns what sends the rest and ends, within 3 s. */
export function startSdk(options: SdkOptions, deps: SdkDeps): () => Promise<void> {
  const { keys, traces, metrics } = options;
  const { clock, site, serviceVersion } = deps;
  const resource = createResource(deps);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());

  const tracing =
    traces &&
    new TracerProvider({
      resource,
      sampler: createSampler(traces.sampler, traces.ratio),
      spanProcessors: spanExporters(options, deps).map(
        (exporter) => new BatchSpanProcessor({ exporter, ...traces.batch }),
      ),
    });
  const metering = metrics && new MeterProvider({ resource, readers: metricReaders(options, deps) });
  const stop = startTelemetry({
    tracer: tracing?.getTracer(name, serviceVersion),
    meter: metering?.getMeter(name, serviceVersion),
    keys,
    commands: true,
    functionApp: site,
  });

  return async () => {
    const sent = Promise.allSettled([tracing?.shutdown(), metering?.shutdown()]);
    // What cannot be sent by then is lost, as where the collector is away.
    await fulfilledWithin(clock, stopLimitMs, sent);
    stop();
  };
}
