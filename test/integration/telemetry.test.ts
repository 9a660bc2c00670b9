// Traces and metrics of the packaged app under the local host, as a collector gets them.

import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allMetrics } from '../../src/telemetry/opentelemetry/metric-definitions.ts';
import { conventional, own } from '../../src/telemetry/opentelemetry/names.ts';
import { eventually, sleep } from '../support/eventually.ts';
import { startLocalApp, untilReady, type LocalApp } from '../support/local-app.ts';
import { startOriginServer, type OriginServer } from '../support/origin-server.ts';
import { startOtlpCollector, type CollectedSpan, type OtlpCollector } from '../support/otlp-collector.ts';

let collector: OtlpCollector;
let origin: OriginServer;
let app: LocalApp;

beforeAll(async () => {
  [collector, origin] = await Promise.all([startOtlpCollector(), startOriginServer()]);
  app = await startLocalApp({
    instances: 2,
    // Renewed every 4 s.
    tokenLifetimeMs: 8000,
    settings: {
      TELEMETRY: 'opentelemetry',
      AzureFunctionsJobHost__telemetryMode: 'OpenTelemetry',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '100',
      OTEL_BSP_MAX_QUEUE_SIZE: '20000',
      OTEL_METRIC_EXPORT_INTERVAL: '200',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
      ORIGIN_URL_TEMPLATE: `${origin.url}/{key}`,
    },
  });
});
afterAll(async () => {
  await app?.stop();
  await Promise.all([collector?.stop(), origin?.stop()]);
});

interface Trace {
  readonly key: string;
  readonly traceId: string;
  /** Of the client's span. */
  readonly spanId: string;
}

const secrets: string[] = [];

/** A key of its own, and the trace of a client that reads it. */
function trace(): Trace {
  const key = `secret-${randomBytes(8).toString('hex')}`;
  secrets.push(key, createHash('sha256').update(key).digest('hex').slice(0, 16));
  return { key, traceId: randomBytes(16).toString('hex'), spanId: randomBytes(8).toString('hex') };
}

async function read({ key, traceId, spanId }: Trace): Promise<number> {
  const response = await app.fetch(`/api/cache/${key}`, {
    headers: { traceparent: `00-${traceId}-${spanId}-01` },
  });
  await response.arrayBuffer();
  return response.status;
}

/** Of a trace, when those of these names are there. */
async function spansOf({ traceId }: Trace, ...names: readonly string[]): Promise<readonly CollectedSpan[]> {
  return eventually(() => {
    const spans = collector.spans.filter((span) => span.traceId === traceId);
    expect(spans.map(({ name }) => name)).toEqual(expect.arrayContaining([...names]));
    return spans;
  }, 15_000);
}

function named(spans: readonly CollectedSpan[], name: string): CollectedSpan {
  const found = spans.filter((span) => span.name === name);
  expect(found, name).toHaveLength(1);
  return found[0] as CollectedSpan;
}

const hostSpan = 'GET /api/cache/{*key}';

describe('a trace', () => {
  it('of a read goes from the client over the host and the function to Redis', async () => {
    const first = trace();
    const put = await app.fetch(`/api/cache/${first.key}`, { method: 'PUT', body: 'value-of-it' });
    expect(put.status).toBeLessThan(300);
    expect(await read(first)).toBe(200);
    const spans = await spansOf(first, hostSpan, 'readCache', 'cache read');
    const [host, request, reading] = [hostSpan, 'readCache', 'cache read'].map((name) => named(spans, name));
    const command = spans.find(({ parentSpanId }) => parentSpanId === reading?.spanId);
    expect([host?.parentSpanId, request?.parentSpanId, reading?.parentSpanId]).toEqual([
      first.spanId,
      host?.spanId,
      request?.spanId,
    ]);
    expect([host?.kind, request?.kind, reading?.kind, command?.kind]).toEqual([
      'server',
      'internal',
      'internal',
      'client',
    ]);
    expect(request?.attributes).toMatchObject({
      'faas.trigger': 'http',
      'faas.name': 'readCache',
      'http.route': '/cache/{*key}',
      'http.response.status_code': 200,
    });
    expect(reading?.attributes).toEqual({ 'cache.keys': 1, 'cache.result': 'redis_hit' });
    expect(command?.attributes).toMatchObject({ 'db.system.name': 'redis', 'server.address': 'localhost' });
    expect(request?.resource).toMatchObject({
      'service.name': 'redis-entra-functions',
      'service.version': '0.1.0',
      'service.instance.id': expect.stringMatching(/^instance-[12]-[\da-f]{6}$/u),
      'faas.instance': expect.stringMatching(/^instance-[12]$/u),
      'deployment.environment.name': 'test',
    });
  });

  it('of a miss has the wait for the lock and the load, and goes on to the origin', async () => {
    const miss = trace();
    origin.put(`/${miss.key}`, { body: 'value-of-it' });
    expect(await read(miss)).toBe(200);
    const spans = await spansOf(miss, hostSpan, 'cache read', 'cache lock wait', 'cache load', 'GET');
    const load = named(spans, 'cache load');
    const request = spans.find(
      ({ attributes }) =>
        attributes['http.response.status_code'] === 200 && attributes['server.port'] !== undefined,
    );
    expect(request).toMatchObject({ kind: 'client', parentSpanId: load.spanId, isError: false });
    const { headers } = origin.requests.find(({ target }) => target === `/${miss.key}`) ?? {};
    expect(headers?.['traceparent']).toBe(`00-${miss.traceId}-${request?.spanId}-01`);
    expect(named(spans, 'cache read').attributes['cache.result']).toBe('loaded');
    expect(load.attributes).toMatchObject({ 'cache.load.source': 'http', 'cache.load.reason': 'load' });
  });

  it('of a read that waits for the load of another one has a link to that, also across instances', async () => {
    origin.delayMs = 400;
    const reads = Array.from({ length: 4 }, trace).map((one, _, [first]) => ({
      ...one,
      key: first?.key ?? '',
    }));
    origin.put(`/${reads[0]?.key}`, { body: 'value-of-it' });
    expect(await Promise.all(reads.map(read))).toEqual([200, 200, 200, 200]);
    origin.delayMs = 0;
    expect(origin.loads(`/${reads[0]?.key}`)).toBe(1);
    const all = (await Promise.all(reads.map(async (one) => spansOf(one, hostSpan, 'cache read')))).flat();
    const loading = named(all, 'cache load');
    const linked = all.filter(({ links }) => links.length > 0);
    // Three did not load: two instances have two reads each, so one of them waited for the other instance.
    const collapsed = all.filter(
      ({ name, attributes }) => name === 'cache read' && attributes['cache.result'] === 'collapsed',
    );
    expect(collapsed).toHaveLength(3);
    expect(new Set(all.map(({ resource }) => resource['faas.instance']).filter(Boolean)).size).toBe(2);
    const across = linked.filter(({ links }) => links.some(({ traceId }) => traceId === loading.traceId));
    const others = across.map(({ resource }) => resource['faas.instance']);
    expect(others.some((instance) => instance !== loading.resource['faas.instance'])).toBe(true);
    expect(
      linked
        .flatMap(({ links }) => links)
        .every(({ traceId }) => reads.some((one) => one.traceId === traceId)),
    ).toBe(true);
    expect(new Set(linked.map(({ traceId }) => traceId)).size).toBe(3);
  });

  it('of a timer begins with the host', async () => {
    await app.host.runTimer('reauthenticate');
    const call = await eventually(() => {
      const span = collector.spans.find(({ name }) => name === 'publish roll-call');
      return span ?? expect.unreachable('no span');
    }, 15_000);
    expect(call).toMatchObject({
      kind: 'producer',
      attributes: {
        'faas.trigger': 'timer',
        'messaging.system.name': 'redis',
        'cache.roll_call.expected': 2,
      },
    });
    await spansOf({ ...call, key: '' }, 'reauthenticate');
  });
});

/** Reads that were counted, when all that were made so far have been reported. */
async function settled(): Promise<number> {
  let last = -1;
  return eventually(async () => {
    const now = collector.total('cache.reads');
    const before = last;
    last = now;
    await sleep(500);
    expect(now).toBe(before);
    return now;
  }, 15_000);
}

describe('metrics', () => {
  it('add up to what was asked, over a rotation, an outage, the loss of an instance and the end of the app', async () => {
    const before = await settled();
    const [{ key }, absent] = [trace(), trace()];
    await app.fetch(`/api/cache/${key}`, { method: 'PUT', body: 'value-of-it' });
    const sent = { found: 0, other: 0 };
    const load = async (count: number, one: string): Promise<void> => {
      for (let done = 0; done < count; done += 1) {
        const response = await app.fetch(`/api/cache/${one}`);
        await response.arrayBuffer();
        if (response.status === 200) sent.found += 1;
        else sent.other += 1;
      }
    };
    await load(40, key);
    await load(10, absent.key);
    const auths = (): number => app.stack.front.connections.reduce((sum, one) => sum + one.auths.length, 0);
    const [authsBefore] = [auths()];
    await eventually(() => expect(auths()).toBeGreaterThan(authsBefore), 15_000);
    await load(20, key);
    await app.stack.redis.kill();
    await load(6, key);
    await app.stack.redis.restart();
    await untilReady(app);
    await load(20, key);
    const counted = (): number => collector.total('cache.reads') - before;
    await eventually(() => expect(counted()).toBe(96));
    // It counts from nothing, and what it is not there to send any more has been sent.
    const [lost] = app.host.instances;
    app.host.signal(0, 'SIGKILL');
    await eventually(() => {
      expect(app.host.instances.map(({ pid }) => pid)).not.toContain(lost?.pid);
      expect(app.host.instances.map(({ state }) => state)).toEqual(['running', 'running']);
    });
    await untilReady(app);
    await load(20, key);
    // What was counted since the last report is sent at the end.
    await app.host.stop();
    expect(counted()).toBe(sent.found + sent.other);
    expect(sent.found + sent.other).toBe(116);
    expect(collector.total('cache.reads', { 'cache.result': 'unavailable' })).toBeGreaterThan(0);
    expect(collector.total('cache.reauthentications', { 'cache.outcome': 'succeeded' })).toBeGreaterThan(0);
  });
});

describe('everything that is sent', () => {
  it('has the names of the conventions or of the documents, and nothing of what was read', async () => {
    const known = new Set<string>([...Object.values(conventional), ...Object.values(own)]);
    const names = collector.spans
      .filter(({ resource }) => resource['service.name'] !== 'functions-host')
      .flatMap(({ attributes }) => Object.keys(attributes));
    expect(names.filter((name) => !known.has(name))).toEqual([]);
    const metrics = new Set(allMetrics.map(({ name }) => name));
    expect(new Set(collector.points.map(({ name }) => name))).toEqual(metrics);
    expect(collector.contentTypes).toEqual(
      expect.arrayContaining(['/v1/traces application/x-protobuf', '/v1/metrics application/json']),
    );
    const bytes = Buffer.concat(collector.bodies).toString('latin1');
    for (const secret of [...secrets, 'value-of-it', 'eyJ']) expect(bytes).not.toContain(secret);
    expect(collector.spans.flatMap(({ events }) => events)).toEqual([]);
  });
});
