// Exporters to Azure Monitor (Application Insights), which takes no OTLP from an app. Nothing is kept on the disk.

import type { TokenCredential } from '@azure/identity';
import { AzureMonitorMetricExporter, AzureMonitorTraceExporter } from '@azure/monitor-opentelemetry-exporter';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import type { Exporter } from './late-exporter.ts';
import { byResponse, RequestOutcomes } from './request-outcomes.ts';

interface Options {
  readonly connectionString: string;
  /** Where the resource accepts tokens only. */
  readonly credential: TokenCredential | undefined;
  /** Of each attempt: the exporter itself waits for as long as the connection lives. */
  readonly timeoutMs: number;
}

export function azureSpanExporter(options: Options): Exporter<ReadableSpan[]> {
  const outcomes = new RequestOutcomes(options.timeoutMs);
  return byResponse(new AzureMonitorTraceExporter(optionsOf(options, outcomes)), outcomes);
}

export function azureMetricExporter(options: Options): Exporter<ResourceMetrics> {
  const outcomes = new RequestOutcomes(options.timeoutMs);
  return byResponse(new AzureMonitorMetricExporter(optionsOf(options, outcomes)), outcomes);
}

function optionsOf({ connectionString, credential }: Options, outcomes: RequestOutcomes) {
  return {
    connectionString,
    ...(credential === undefined ? {} : { credential }),
    disableOfflineStorage: true,
    // Outside of the one that tries again: how the last attempt ended is what counts.
    additionalPolicies: [{ policy: outcomes, position: 'perCall' as const }],
    // What is sent is what OTEL_TRACES_SAMPLER says.
    samplingRatio: 1,
  };
}
