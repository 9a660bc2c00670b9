// What the OpenTelemetry SDK of the app is told: typed here, for whoever reads settings without loading the SDK.

import type { KeyMode } from './shown-key.ts';

export const samplerNames = [
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
  'always_on',
  'always_off',
  'traceidratio',
] as const;
export type SamplerName = (typeof samplerNames)[number];

export const protocols = ['http/protobuf', 'http/json'] as const;
export type Protocol = (typeof protocols)[number];

export const temporalities = ['cumulative', 'delta', 'lowmemory'] as const;
export type Temporality = (typeof temporalities)[number];

export interface AzureMonitorOptions {
  readonly connectionString: string;
  /** How to sign in, where the resource asks for that; undefined: the connection string is enough. */
  readonly identity: { readonly clientId: string | undefined } | undefined;
}

export interface TracesOptions {
  /** Undefined: not sent by OTLP. */
  readonly otlp: Protocol | undefined;
  readonly sampler: SamplerName;
  readonly ratio: number;
  readonly batch: {
    readonly scheduledDelayMillis: number;
    readonly exportTimeoutMillis: number;
    readonly maxQueueSize: number;
    readonly maxExportBatchSize: number;
  };
}

export interface MetricsOptions {
  readonly otlp: Protocol | undefined;
  readonly temporality: Temporality;
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

export interface SdkOptions {
  readonly keys: KeyMode;
  /** Undefined: there are none. */
  readonly traces: TracesOptions | undefined;
  readonly metrics: MetricsOptions | undefined;
  readonly azureMonitor: AzureMonitorOptions | undefined;
}
