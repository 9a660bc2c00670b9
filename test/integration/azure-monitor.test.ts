// Azure Monitor that refuses, hangs or is away: it is told as it is, though the exporter of the SDK calls success what it
// would keep on the disk for later, and keeps nothing there.

import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { CredentialUnavailableError, type TokenCredential } from '@azure/identity';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeServerCertificates, type ServerCertificates } from '../../local/certificates.ts';
import { listenOnLoopback } from '../../local/listening.ts';
import type { AppEvent } from '../../src/telemetry/events.ts';
import { metricReaders, spanExporters } from '../../src/telemetry/opentelemetry/exporters.ts';
import type { SdkOptions } from '../../src/telemetry/opentelemetry/sdk-options.ts';
import { eventually } from '../support/eventually.ts';

let certificates: ServerCertificates;
const trusted = getCACertificates();

beforeAll(async () => {
  certificates = await makeServerCertificates();
  setDefaultCACertificates([...trusted, certificates.caPem]);
});
afterAll(() => setDefaultCACertificates(trusted));

type Answer = (response: ServerResponse) => void;

const accepts: Answer = (response) => {
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.end('{"itemsReceived":1,"itemsAccepted":1,"errors":[]}');
};
const answers =
  (status: number, body?: string): Answer =>
  (response) =>
    void response.writeHead(status, { 'Content-Type': 'application/json' }).end(body);

const refusesSome =
  '{"itemsReceived":1,"itemsAccepted":0,"errors":[{"index":0,"statusCode":439,"message":"Quota"}]}';

async function startAzureMonitor(identity?: { readonly clientId: undefined }) {
  const { certificatePem: cert, keyPem: key } = certificates.server;
  const state = { answer: accepts, events: [] as AppEvent[] };
  const server = createServer({ cert, key }, (request, response) => {
    request.resume().once('end', () => state.answer(response));
  });
  const listening = await listenOnLoopback(server);
  const timeoutMs = 2000;
  const connectionString = `InstrumentationKey=00000000-0000-0000-0000-000000000000;IngestionEndpoint=https://localhost:${listening.port}/`;
  const options: SdkOptions = {
    keys: 'none',
    traces: {
      otlp: undefined,
      sampler: 'always_on',
      ratio: 1,
      batch: {
        scheduledDelayMillis: 60_000,
        exportTimeoutMillis: timeoutMs,
        maxQueueSize: 10,
        maxExportBatchSize: 10,
      },
    },
    metrics: { otlp: undefined, temporality: 'delta', intervalMs: 60_000, timeoutMs },
    azureMonitor: { connectionString, identity },
  };
  const credentialOf = (): TokenCredential => ({
    getToken: async () => Promise.reject(new CredentialUnavailableError('There is no identity.')),
  });
  const deps = { emit: (event: AppEvent) => void state.events.push(event), credentialOf };
  const metering = new MeterProvider({ readers: metricReaders(options, deps) });
  const counter = metering.getMeter('test').createCounter('count');
  const spanProcessors = spanExporters(options, deps).map(
    (exporter) => new BatchSpanProcessor({ exporter, ...options.traces?.batch }),
  );
  const tracing = new TracerProvider({ spanProcessors });
  const send = async (): Promise<void> => {
    counter.add(1);
    tracing.getTracer('test').startSpan('span').end();
    await Promise.allSettled([metering.forceFlush(), tracing.forceFlush()]);
  };
  const stop = async (): Promise<void> => {
    await listening.close();
    await Promise.allSettled([metering.shutdown(), tracing.shutdown()]);
  };
  return { state, send, close: async () => listening.close(), [Symbol.asyncDispose]: stop };
}

describe.concurrent('Azure Monitor', () => {
  it.each([
    // The role Monitoring Metrics Publisher is missing, say.
    ['lets the identity not in', answers(403, '{}'), 'HTTP 403'],
    ['takes only some of it', answers(206, refusesSome), 'HTTP 206'],
    ['fails without saying why', answers(503), 'HTTP 503'],
    ['does not know the instrumentation key', answers(400, '"Invalid instrumentation key"'), 'HTTP 400'],
    ['does not answer', () => {}, 'ETIMEDOUT'],
  ])('that %s is told of once for each signal, and so is that it works again', async (_, answer, reason) => {
    await using monitor = await startAzureMonitor();
    const { state, send } = monitor;
    await send();
    expect(state.events).toEqual([]);
    state.answer = answer;
    await send();
    await eventually(() => expect(state.events).toHaveLength(2));
    await send();
    const of = { to: 'azure-monitor', reason };
    expect(state.events).toEqual(
      expect.arrayContaining([
        { type: 'telemetryExportFailing', signal: 'metrics', ...of },
        { type: 'telemetryExportFailing', signal: 'traces', ...of },
      ]),
    );
    state.answer = accepts;
    await send();
    await eventually(() => expect(state.events).toHaveLength(4));
    expect(state.events.slice(2).map(({ type }) => type)).toEqual(
      Array.from({ length: 2 }, () => 'telemetryExportRecovered'),
    );
  });

  it('that cannot be reached is told of', async () => {
    await using monitor = await startAzureMonitor();
    await monitor.close();
    await monitor.send();
    await eventually(() => expect(monitor.state.events).toHaveLength(2));
    expect(monitor.state.events[0]).toMatchObject({ type: 'telemetryExportFailing', reason: 'ECONNREFUSED' });
  });

  it('that nobody can sign in to is told of', async () => {
    await using monitor = await startAzureMonitor({ clientId: undefined });
    await monitor.send();
    await eventually(() => expect(monitor.state.events).toHaveLength(2));
    expect(monitor.state.events[0]).toMatchObject({ reason: 'CredentialUnavailableError' });
  });
});
