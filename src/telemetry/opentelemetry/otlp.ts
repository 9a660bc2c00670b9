// Exporters by OTLP over HTTP. Where they send to, with which header fields and certificates, they read from the
// OTEL_EXPORTER_OTLP_ variables themselves.

import type { PushMetricExporter } from '@opentelemetry/sdk-metrics';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import { OTLPMetricExporter as JsonMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter as JsonTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import type { Protocol } from './sdk-options.ts';

export function otlpSpanExporter(protocol: Protocol): SpanExporter {
  return protocol === 'http/json' ? new JsonTraceExporter() : new OTLPTraceExporter();
}

export function otlpMetricExporter(protocol: Protocol): PushMetricExporter {
  return protocol === 'http/json' ? new JsonMetricExporter() : new OTLPMetricExporter();
}
