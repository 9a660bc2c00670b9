import { describe, expect, it } from 'vitest';
import { readSettings } from '../../../src/config/settings.ts';

const least = { REDIS_HOSTNAME: 'cache.example.org', TELEMETRY: 'opentelemetry' };
const sent = { ...least, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.example:4318' };
const insights = {
  ...least,
  APPLICATIONINSIGHTS_CONNECTION_STRING: `InstrumentationKey=${'0'.repeat(8)}-0000-0000-0000-${'0'.repeat(12)};IngestionEndpoint=https://x`,
};

function faultsOf(environment: Record<string, string>): string {
  try {
    readSettings(environment);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('settings of telemetry', () => {
  it('are not looked at where there are log lines only', () => {
    expect(readSettings({ ...sent, TELEMETRY: 'logs', OTEL_TRACES_SAMPLER: 'x' }).telemetry).toBeUndefined();
    expect(faultsOf({ ...sent, TELEMETRY: 'otel' })).toContain(
      'TELEMETRY: expected "logs" or "opentelemetry"',
    );
  });

  it('need to know where to send to', () => {
    expect(faultsOf(least)).toContain('OTEL_EXPORTER_OTLP_ENDPOINT: expected where to send telemetry to');
    expect(readSettings({ ...least, OTEL_SDK_DISABLED: 'true' }).telemetry).toBeUndefined();
    const nothing = { ...least, OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none' };
    expect(readSettings(nothing).telemetry).toMatchObject({ traces: undefined, metrics: undefined });
  });

  it('send both signals by OTLP, or each on its own, in the protocol of each', () => {
    expect(readSettings(sent).telemetry).toMatchObject({
      keys: 'none',
      traces: { otlp: 'http/protobuf', sampler: 'parentbased_always_on', ratio: 1 },
      metrics: { otlp: 'http/protobuf', temporality: 'cumulative', intervalMs: 60_000 },
      azureMonitor: undefined,
    });
    const one = { ...least, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://collector.example/v1/traces' };
    expect(readSettings(one).telemetry).toMatchObject({
      traces: { otlp: 'http/protobuf' },
      metrics: { otlp: undefined },
    });
    const protocols = {
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/protobuf',
    };
    expect(readSettings({ ...sent, ...protocols }).telemetry).toMatchObject({
      traces: { otlp: 'http/protobuf' },
      metrics: { otlp: 'http/json' },
    });
  });

  it('send to Application Insights, with the identity that the host is told', () => {
    expect(readSettings(insights).telemetry).toMatchObject({
      traces: { otlp: undefined },
      azureMonitor: { identity: undefined },
    });
    const identity = (value: string) =>
      readSettings({ ...insights, APPLICATIONINSIGHTS_AUTHENTICATION_STRING: value }).telemetry?.azureMonitor
        ?.identity;
    expect(identity('Authorization=AAD')).toEqual({ clientId: undefined });
    expect(identity('Authorization=AAD;ClientId=1234-ab')).toEqual({ clientId: '1234-ab' });
    // As infra/ sets it.
    expect(identity('ClientId=1234-ab;Authorization=AAD')).toEqual({ clientId: '1234-ab' });
  });

  it('follow the Functions host where it samples in a way of its own', () => {
    for (const [name, arg] of [
      ['microsoft.rate_limited', '5'],
      ['microsoft.fixed_percentage', '0.1'],
    ] as const) {
      const settings = { ...insights, OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: arg };
      const { sampler, ratio } = readSettings(settings).telemetry?.traces ?? {};
      expect({ sampler, ratio }).toEqual({ sampler: 'parentbased_always_on', ratio: 1 });
      expect(faultsOf({ ...settings, OTEL_TRACES_SAMPLER_ARG: 'five' })).toContain('expected a number');
    }
  });

  it('say what to set instead of gRPC', () => {
    expect(faultsOf({ ...sent, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' })).toContain(
      'OTEL_EXPORTER_OTLP_PROTOCOL: expected "http/protobuf" or "http/json": gRPC is not in this app',
    );
  });

  it.each([
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
    ['OTEL_EXPORTER_OTLP_METRICS_ENDPOINT', 'grpc://secret'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'api-key secret'],
    ['OTEL_EXPORTER_OTLP_TRACES_HEADERS', 'secret'],
    ['OTEL_EXPORTER_OTLP_TIMEOUT', '10s'],
    ['OTEL_EXPORTER_OTLP_COMPRESSION', 'zstd'],
    ['OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE', 'both'],
    ['OTEL_TRACES_EXPORTER', 'zipkin'],
    ['OTEL_METRICS_EXPORTER', 'prometheus'],
    ['OTEL_TRACES_SAMPLER', 'jaeger_remote'],
    ['OTEL_TRACES_SAMPLER_ARG', '1.5'],
    ['OTEL_BSP_MAX_EXPORT_BATCH_SIZE', '4096'],
    ['OTEL_METRIC_EXPORT_INTERVAL', '0'],
    ['OTEL_RESOURCE_ATTRIBUTES', 'team'],
    ['OTEL_SDK_DISABLED', 'yes'],
    ['APPLICATIONINSIGHTS_CONNECTION_STRING', 'secret'],
    ['APPLICATIONINSIGHTS_AUTHENTICATION_STRING', 'Authorization=secret'],
    ['TELEMETRY_KEYS', 'all'],
  ])('that are wrong are named without their value: %s', (name, value) => {
    const message = faultsOf({ ...sent, [name]: value });
    expect(message).toMatch(new RegExp(`^1 setting\\(s\\) missing or wrong:\n {2}${name}: expected `, 'u'));
    expect(message).not.toContain('secret');
  });

  it.each(['0', '1', '0.25', '.5', '1.0'])('take a share of %s', (value) => {
    expect(readSettings({ ...sent, OTEL_TRACES_SAMPLER_ARG: value }).telemetry?.traces?.ratio).toBe(
      Number(value),
    );
  });
});
