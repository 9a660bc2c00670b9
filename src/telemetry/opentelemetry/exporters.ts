// Where spans and metrics go: by OTLP, to Azure Monitor, or to both. None is loaded before there is something to send.

import type { TokenCredential } from '@azure/identity';
import {
  AggregationTemporality,
  InstrumentType,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import type { Emit } from '../events.ts';
import { LateExporter, type Exporter, type Watch } from './late-exporter.ts';
import type { SdkOptions, Temporality } from './sdk-options.ts';

export interface ExportersDeps {
  readonly emit: Emit;
  readonly credentialOf: (clientId: string | undefined) => TokenCredential;
}

type Target = 'otlp' | 'azure-monitor';

export function spanExporters(options: SdkOptions, deps: ExportersDeps): readonly SpanExporter[] {
  const { traces } = options;
  if (traces === undefined) return [];
  const { otlp, batch } = traces;
  const late = (to: Target, load: () => Promise<Exporter<ReadableSpan[]>>): SpanExporter =>
    new LateExporter(load, watchOf(deps.emit, 'traces', to));
  const exporters: SpanExporter[] = [];
  if (otlp !== undefined)
    exporters.push(late('otlp', async () => (await import('./otlp.ts')).otlpSpanExporter(otlp)));
  const azure = azureOptions(options, deps, batch.exportTimeoutMillis);
  if (azure !== undefined)
    exporters.push(
      late('azure-monitor', async () => (await import('./azure-monitor.ts')).azureSpanExporter(azure())),
    );
  return exporters;
}

export function metricReaders(options: SdkOptions, deps: ExportersDeps): PeriodicExportingMetricReader[] {
  const { metrics } = options;
  if (metrics === undefined) return [];
  const { otlp, intervalMs, timeoutMs, temporality } = metrics;
  const readerOf = (
    to: Target,
    select: (type: InstrumentType) => AggregationTemporality,
    load: () => Promise<Exporter<ResourceMetrics>>,
  ): PeriodicExportingMetricReader => {
    const late = new LateExporter(load, watchOf(deps.emit, 'metrics', to));
    const exporter = Object.assign(late, {
      selectAggregationTemporality: select,
    }) satisfies PushMetricExporter;
    return new PeriodicExportingMetricReader({
      exporter,
      exportIntervalMillis: intervalMs,
      exportTimeoutMillis: Math.min(timeoutMs, intervalMs),
    });
  };
  const readers: PeriodicExportingMetricReader[] = [];
  if (otlp !== undefined)
    readers.push(
      readerOf('otlp', selectors[temporality], async () =>
        (await import('./otlp.ts')).otlpMetricExporter(otlp),
      ),
    );
  const azure = azureOptions(options, deps, timeoutMs);
  if (azure !== undefined)
    // As the exporter itself would ask for: Azure Monitor adds up what it gets.
    readers.push(
      readerOf('azure-monitor', selectors.delta, async () =>
        (await import('./azure-monitor.ts')).azureMetricExporter(azure()),
      ),
    );
  return readers;
}

function azureOptions({ azureMonitor }: SdkOptions, { credentialOf }: ExportersDeps, timeoutMs: number) {
  if (azureMonitor === undefined) return undefined;
  const { connectionString, identity } = azureMonitor;
  return () => ({
    connectionString,
    credential: identity === undefined ? undefined : credentialOf(identity.clientId),
    timeoutMs,
  });
}

function watchOf(emit: Emit, signal: 'traces' | 'metrics', to: Target): Watch {
  return {
    onFailing: (reason) => emit({ type: 'telemetryExportFailing', signal, to, reason }),
    onRecovered: () => emit({ type: 'telemetryExportRecovered', signal, to }),
  };
}

const { CUMULATIVE, DELTA } = AggregationTemporality;

/**
 * What goes up and down is cumulative always.
 * https://opentelemetry.io/docs/specs/otel/metrics/sdk_exporters/otlp/#additional-environment-variable-configuration
 */
const selectors: Readonly<Record<Temporality, (type: InstrumentType) => AggregationTemporality>> = {
  cumulative: () => CUMULATIVE,
  delta: (type) => (upAndDown.has(type) ? CUMULATIVE : DELTA),
  lowmemory: (type) =>
    type === InstrumentType.COUNTER || type === InstrumentType.HISTOGRAM ? DELTA : CUMULATIVE,
};

const upAndDown: ReadonlySet<InstrumentType> = new Set([
  InstrumentType.UP_DOWN_COUNTER,
  InstrumentType.OBSERVABLE_UP_DOWN_COUNTER,
]);
