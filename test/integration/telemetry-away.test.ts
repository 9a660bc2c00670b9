// A collector that refuses or hangs, and Application Insights: no answer waits for them, nor does the end of the app.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { listenOnLoopback, type Listening } from '../../local/listening.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalApp, type LocalApp } from '../support/local-app.ts';
import { startOtlpCollector, type OtlpCollector } from '../support/otlp-collector.ts';

let collector: OtlpCollector;
let ingestion: Listening;
let app: LocalApp;
/** What Application Insights was sent: envelopes, each with the type of its data. */
const envelopes: { readonly data?: { readonly baseType?: string } }[] = [];

function takeEnvelopes(request: IncomingMessage, response: ServerResponse): void {
  void request.toArray().then((parts) => {
    const sent = Buffer.concat(parts as Buffer[]);
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
    const items = JSON.parse(body.toString()) as typeof envelopes;
    envelopes.push(...items);
    const answer = { itemsReceived: items.length, itemsAccepted: items.length, errors: [] };
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer));
  });
}

beforeAll(async () => {
  collector = await startOtlpCollector();
  collector.behaviour = 'refuse';
  app = await startLocalApp({
    async prepare({ certificates: { server } }) {
      const certificate = { cert: server.certificatePem, key: server.keyPem };
      ingestion = await listenOnLoopback(createServer(certificate, takeEnvelopes));
    },
    settings: () => ({
      TELEMETRY: 'opentelemetry',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: '100',
      OTEL_METRIC_EXPORT_INTERVAL: '200',
      OTEL_BSP_MAX_QUEUE_SIZE: '50',
      APPLICATIONINSIGHTS_CONNECTION_STRING: `InstrumentationKey=00000000-0000-0000-0000-000000000000;IngestionEndpoint=https://localhost:${ingestion.port}/`,
      // Its exporter's reports to Microsoft.
      APPLICATION_INSIGHTS_NO_STATSBEAT: 'true',
      APPLICATIONINSIGHTS_STATSBEAT_DISABLED: 'true',
      APPLICATIONINSIGHTS_SDKSTATS_DISABLED: 'true',
    }),
  });
});
afterAll(async () => {
  await app?.stop();
  await Promise.all([collector?.stop(), ingestion?.close()]);
});

const lines = (event: string): readonly string[] =>
  app.host
    .logs()
    .map(({ message }) => message)
    .filter((message) => message.startsWith(event));

async function readMany(count: number): Promise<void> {
  for (let done = 0; done < count; done += 1) expect((await app.fetch('/api/cache/absent')).status).toBe(404);
}

it('one that refuses is told of once for each signal, and so is that it works again', async () => {
  await readMany(20);
  await eventually(() => expect(lines('telemetryExportFailing')).toHaveLength(2), 15_000);
  await readMany(200);
  expect(lines('telemetryExportFailing').toSorted()).toEqual([
    expect.stringContaining('"signal":"metrics","to":"otlp","reason":"HTTP 401"'),
    expect.stringContaining('"signal":"traces","to":"otlp","reason":"HTTP 401"'),
  ]);
  collector.behaviour = 'normal';
  await readMany(5);
  await eventually(() => expect(lines('telemetryExportRecovered')).toHaveLength(2), 15_000);
  await eventually(() => expect(collector.total('cache.reads')).toBe(225), 15_000);
});

it('Application Insights gets spans and metrics as well', async () => {
  await readMany(5);
  const types = (): readonly unknown[] => envelopes.map(({ data }) => data?.baseType);
  await eventually(
    () => expect(types()).toEqual(expect.arrayContaining(['RemoteDependencyData', 'MetricData'])),
    20_000,
  );
  expect(JSON.stringify(envelopes)).not.toContain('absent');
});

it('one that hangs keeps neither answers nor the end of the app waiting', async () => {
  collector.behaviour = 'hang';
  await readMany(200);
  const startedAtMs = performance.now();
  await app.host.stop();
  // 3 seconds of its own, beside all else that ends.
  expect(performance.now() - startedAtMs).toBeLessThan(8000);
  expect(app.host.crashes).toBe(0);
});
