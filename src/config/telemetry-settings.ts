// Reads where telemetry goes: TELEMETRY, and the standard OTEL_ variables of what the SDK here can do.
// https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/

import {
  protocols,
  samplerNames,
  temporalities,
  type AzureMonitorOptions,
  type MetricsOptions,
  type Protocol,
  type SdkOptions,
  type TracesOptions,
} from '../telemetry/opentelemetry/sdk-options.ts';
import { keyModes } from '../telemetry/opentelemetry/shown-key.ts';
import type { SettingsReader } from './settings-reader.ts';

/** `undefined`: log lines only. */
export type TelemetrySettings = SdkOptions | undefined;

const samplersOfHost = ['microsoft.rate_limited', 'microsoft.fixed_percentage'] as const;

type Signal = 'TRACES' | 'METRICS';

export function readTelemetry(reader: SettingsReader): TelemetrySettings {
  const mode = reader.choice('TELEMETRY', ['logs', 'opentelemetry'], 'logs');
  const keys = reader.choice('TELEMETRY_KEYS', keyModes, 'none');
  // What is set for others, such as the Functions host, is none of the app's business.
  if (mode === 'logs') return undefined;
  const isDisabled = flag(reader, 'OTEL_SDK_DISABLED');
  const azureMonitor = readAzureMonitor(reader);
  const otlp = readOtlp(reader);
  const traces = readTraces(reader, otlp.TRACES);
  const metrics = readMetrics(reader, otlp.METRICS);
  checkCommon(reader);
  const isSent = azureMonitor ?? traces?.otlp ?? metrics?.otlp;
  if (!isDisabled && isSent === undefined && (traces ?? metrics) !== undefined)
    reader.add('OTEL_EXPORTER_OTLP_ENDPOINT', endpointMissing);
  return isDisabled ? undefined : { keys, traces, metrics, azureMonitor };
}

const endpointMissing =
  'where to send telemetry to, because TELEMETRY is opentelemetry: the base URL of a collector, unless APPLICATIONINSIGHTS_CONNECTION_STRING is set';

function readTraces(reader: SettingsReader, otlp: Protocol | undefined): TracesOptions | undefined {
  const isOn = readExporter(reader, 'TRACES');
  const { sampler, ratio } = readSampler(reader);
  const maxQueueSize = reader.integer('OTEL_BSP_MAX_QUEUE_SIZE', 2048, 1, 1_000_000);
  const batch = {
    scheduledDelayMillis: reader.integer('OTEL_BSP_SCHEDULE_DELAY', 5000, 1, longestMs),
    exportTimeoutMillis: reader.integer('OTEL_BSP_EXPORT_TIMEOUT', 30_000, 1, longestMs),
    maxQueueSize,
    maxExportBatchSize: reader.integer(
      'OTEL_BSP_MAX_EXPORT_BATCH_SIZE',
      Math.min(512, maxQueueSize),
      1,
      maxQueueSize,
    ),
  };
  return isOn ? { otlp, sampler, ratio, batch } : undefined;
}

function readMetrics(reader: SettingsReader, otlp: Protocol | undefined): MetricsOptions | undefined {
  const isOn = readExporter(reader, 'METRICS');
  const temporality = reader.choice(
    'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE',
    temporalities,
    'cumulative',
  );
  const intervalMs = reader.integer('OTEL_METRIC_EXPORT_INTERVAL', 60_000, 100, longestMs);
  const timeoutMs = reader.integer('OTEL_METRIC_EXPORT_TIMEOUT', 30_000, 1, longestMs);
  return isOn ? { otlp, temporality, intervalMs, timeoutMs } : undefined;
}

function readExporter(reader: SettingsReader, signal: Signal): boolean {
  return reader.choice(`OTEL_${signal}_EXPORTER`, ['otlp', 'none'], 'otlp') === 'otlp';
}

/** Undefined where no endpoint is named: nothing of a Function App listens on the conventional one of this machine. */
function readOtlp(reader: SettingsReader): Readonly<Record<Signal, Protocol | undefined>> {
  const prefix = 'OTEL_EXPORTER_OTLP_';
  const endpoint = readVariables(reader, prefix);
  const common = readProtocol(reader, `${prefix}PROTOCOL`, 'http/protobuf');
  const of = (signal: Signal): Protocol | undefined => {
    const own = readVariables(reader, `${prefix}${signal}_`);
    const protocol = readProtocol(reader, `${prefix}${signal}_PROTOCOL`, common);
    return (own ?? endpoint) === undefined ? undefined : protocol;
  };
  return { TRACES: of('TRACES'), METRICS: of('METRICS') };
}

/** What the exporters read by themselves, they would take as it is, or leave without a word. */
function readVariables(reader: SettingsReader, prefix: string): string | undefined {
  reader.text(
    `${prefix}HEADERS`,
    '',
    'header fields as name=value, separated by commas, percent-encoded where they have other signs',
    arePairs,
  );
  reader.integer(`${prefix}TIMEOUT`, 10_000, 1, longestMs);
  reader.choice(`${prefix}COMPRESSION`, ['gzip', 'none'], 'none');
  for (const file of ['CERTIFICATE', 'CLIENT_CERTIFICATE', 'CLIENT_KEY']) reader.optional(`${prefix}${file}`);
  return reader.url(`${prefix}ENDPOINT`, 'an http:// or https:// URL', ['http:', 'https:']);
}

function readProtocol(reader: SettingsReader, name: string, fallback: Protocol): Protocol {
  const value = reader.optional(name);
  if (value === undefined) return fallback;
  const protocol = protocols.find((known) => known === value);
  if (protocol === undefined) {
    const instead =
      value === 'grpc' ? ': gRPC is not in this app, and collectors take either at port 4318' : '';
    reader.add(name, `"http/protobuf" or "http/json"${instead}`);
  }
  return protocol ?? fallback;
}

/**
 * Those that only Microsoft's exporters know decide in the Functions host, and the app follows the host.
 * https://github.com/Azure/azure-functions-host/pull/11568
 */
function readSampler(reader: SettingsReader): Pick<TracesOptions, 'sampler' | 'ratio'> {
  const name = 'OTEL_TRACES_SAMPLER';
  const chosen = reader.choice(name, [...samplerNames, ...samplersOfHost], 'parentbased_always_on');
  const sampler = samplerNames.find((known) => known === chosen);
  if (sampler === undefined) {
    reader.text(`${name}_ARG`, '1', 'a number: of traces a second, or a share of them', isPositive);
    return { sampler: 'parentbased_always_on', ratio: 1 };
  }
  return {
    sampler,
    ratio: Number(reader.text(`${name}_ARG`, '1', 'a share of traces from 0 to 1, like 0.1', isRatio)),
  };
}

/** As the Functions host is told. */
function readAzureMonitor(reader: SettingsReader): AzureMonitorOptions | undefined {
  const connectionString = reader.text(
    'APPLICATIONINSIGHTS_CONNECTION_STRING',
    '',
    'the connection string of Application Insights, which begins with InstrumentationKey=',
    (value) => /(?:^|;)\s*InstrumentationKey=[\da-f-]{36}(?:;|$)/iu.test(value),
  );
  const name = 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING';
  const authentication = reader.optional(name);
  const groups = /^(?:ClientId=(?<first>[\w-]+);)?Authorization=AAD(?:;ClientId=(?<last>[\w-]+))?;?$/iu.exec(
    authentication ?? '',
  );
  if (authentication !== undefined && groups === null)
    reader.add(name, '"Authorization=AAD", and ";ClientId=" with the id of a user-assigned identity');
  if (connectionString === '') return undefined;
  const clientId = groups?.groups?.['first'] ?? groups?.groups?.['last'];
  return { connectionString, identity: groups === null ? undefined : { clientId } };
}

function checkCommon(reader: SettingsReader): void {
  reader.optional('OTEL_SERVICE_NAME');
  reader.text('OTEL_RESOURCE_ATTRIBUTES', '', 'attributes as name=value, separated by commas', arePairs);
}

function flag(reader: SettingsReader, name: string): boolean {
  return reader.choice(name, ['true', 'false'], 'false') === 'true';
}

const longestMs = 3_600_000;

function arePairs(value: string): boolean {
  return value.split(',').every((pair) => /^\s*[^\s=,;]+\s*=[^,;]*$/u.test(pair));
}

function isPositive(value: string): boolean {
  return /^\d{0,6}(?:\.\d+)?$/u.test(value) && Number(value) > 0;
}

function isRatio(value: string): boolean {
  return /^(?:0?\.\d+|[01](?:\.0*)?)$/u.test(value);
}
