// Exporters to Azure Monitor (Application Insights), which takes no OTLP from an app. Nothing is kept on the disk.

import type { TokenCredential } from '@azure/identity';
import { AzureMonitorMetricExporter, AzureMonitorTraceExporter } from '@azure/monitor-opentelemetry-exporter';
import type { Exporter } from './late-exporter.ts';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';

interface Options {
  readonly connectionString: string;
  /** Where the resource accepts tokens only. */
  readonly credential: TokenCredential | undefined;
}

export function azureSpanExporter(options: Options): Exporter<ReadableSpan[]> {
  return new AzureMonitorTraceExporter(optionsOf(options));
}

export function azureMetricExporter(options: Options): Exporter<ResourceMetrics> {
  return new AzureMonitorMetricExporter(optionsOf(options));
}

function optionsOf({ connectionString, credential }: Options) {
  return {
    connectionString,
    ...(credential === undefined ? {} : { credential }),
    disableOfflineStorage: true,
    // What is sent is what OTEL_TRACES_SAMPLER says.
    samplingRatio: 1,
  };
}
