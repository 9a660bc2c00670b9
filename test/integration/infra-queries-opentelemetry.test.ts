// The queries about what the app itself sends with TELEMETRY=opentelemetry: they ask for metrics, spans and attributes
// that Application Insights really gets from the packaged app.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readResults } from '../../src/telemetry/opentelemetry/metric-definitions.ts';
import {
  startApplicationInsights,
  type ApplicationInsights,
  type Envelope,
} from '../support/application-insights.ts';
import { eventually } from '../support/eventually.ts';
import { kustoTokens } from '../support/kusto.ts';
import { startLocalApp, type LocalApp } from '../support/local-app.ts';
import { startOriginServer, type OriginServer } from '../support/origin-server.ts';

const directory = join(import.meta.dirname, '../../infra/queries/opentelemetry');
const queries = await Promise.all(
  (await readdir(directory)).map(async (name) => ({
    name,
    tokens: kustoTokens((await readFile(join(directory, name), 'utf8')).replaceAll('{time:grain}', '5m')),
  })),
);

let app: LocalApp;
let insights: ApplicationInsights | undefined;
let origin: OriginServer | undefined;

beforeAll(async () => {
  origin = await startOriginServer();
  origin.put('/key-of-mine', { body: 'from the origin' });
  app = await startLocalApp({
    prepare: async ({ certificates }) => {
      insights = await startApplicationInsights(certificates.server);
    },
    settings: () => ({
      TELEMETRY: 'opentelemetry',
      APPLICATIONINSIGHTS_CONNECTION_STRING: insights?.connectionString ?? '',
      // As infra/ sets it for the host.
      OTEL_TRACES_SAMPLER: 'microsoft.rate_limited',
      OTEL_TRACES_SAMPLER_ARG: '5',
      OTEL_METRIC_EXPORT_INTERVAL: '500',
      OTEL_BSP_SCHEDULE_DELAY: '200',
      ORIGIN_URL_TEMPLATE: `${origin?.url}/{key}`,
    }),
  });
  for (const read of ['first', 'second'])
    expect({ read, status: (await app.fetch('/api/cache/key-of-mine')).status }).toEqual({
      read,
      status: 200,
    });
  await eventually(() => {
    expect([...kindsOfSpans()]).toEqual(expect.arrayContaining(['InProc', 'redis', 'Http']));
    expect([...metrics().keys()]).toEqual(expect.arrayContaining(['cache.reads', 'cache.load.duration']));
  }, 20_000);
});
afterAll(async () => {
  await app?.stop();
  await insights?.[Symbol.asyncDispose]();
  await origin?.[Symbol.asyncDispose]();
});

it('ask for metrics that there are, by dimensions that they have', () => {
  const asked = strings('customMetrics').filter((text) => /^cache\.[a-z_.]+$/u.test(text));
  const [names, dimensions] = [
    asked.filter((text) => metrics().has(text)),
    asked.filter((text) => !metrics().has(text)),
  ];
  expect(names.length).toBeGreaterThan(5);
  const had = new Set([...metrics().values()].flatMap((properties) => Object.keys(properties)));
  expect(dimensions.filter((dimension) => !had.has(dimension))).toEqual([]);
});

it('know how a read ends by the names that metrics have for it', () => {
  const named = strings('customMetrics').filter((text) => /^[a-z]+(?:_[a-z]+)?$/u.test(text));
  expect(named.length).toBeGreaterThan(6);
  expect(named.filter((name) => !readResults.includes(name))).toEqual([]);
});

it('ask for kinds of spans that there are, and count no request twice: the host says what a request was', () => {
  const kinds = queries.flatMap(({ tokens }) => {
    const at = tokens.findIndex(({ text }, index) => text === 'type' && tokens[index + 1]?.text === 'in');
    return at === -1 ? [] : tokens.slice(at + 2, at + 9).flatMap(({ string }) => string ?? []);
  });
  expect(kinds.toSorted()).toEqual(['Http', 'InProc', 'redis']);
  expect(kinds.filter((kind) => !kindsOfSpans().has(kind))).toEqual([]);
  expect(sent('RequestData')).toEqual([]);
});

it('of what is sent nothing has the key, the value or the token', () => {
  const text = JSON.stringify(insights?.envelopes);
  for (const secret of ['key-of-mine', 'from the origin', 'eyJ']) expect(text).not.toContain(secret);
});

/** The strings of queries about a table. */
function strings(table: string): readonly string[] {
  return queries
    .filter(({ tokens }) => tokens.some(({ text }) => text === table))
    .flatMap(({ tokens }) => tokens.flatMap(({ string }) => string ?? []));
}

function sent(baseType: string): readonly Envelope[] {
  return (insights?.envelopes ?? []).filter(({ data }) => data.baseType === baseType);
}

function kindsOfSpans(): ReadonlySet<string> {
  return new Set(sent('RemoteDependencyData').map(({ data }) => String(data.baseData['type'])));
}

/** By name, with their dimensions. */
function metrics(): ReadonlyMap<string, Readonly<Record<string, unknown>>> {
  return new Map(
    sent('MetricData').map(({ data }) => {
      const [metric] = data.baseData['metrics'] as readonly { readonly name: string }[];
      return [metric?.name ?? '', data.baseData['properties'] as Readonly<Record<string, unknown>>] as const;
    }),
  );
}
