// A collector that takes OTLP over HTTP, as protobuf and as JSON, and keeps what it was sent.

import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import protobuf from 'protobufjs';
import { listenOnLoopback } from '../../local/listening.ts';

export type Attributes = Readonly<Record<string, string | number | boolean>>;

export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty where it begins a trace. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: 'internal' | 'server' | 'client' | 'producer' | 'consumer' | undefined;
  readonly attributes: Attributes;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly events: readonly unknown[];
  readonly isError: boolean;
  readonly resource: Attributes;
}

/** The last value that was sent. */
export interface CollectedPoint {
  readonly name: string;
  readonly unit: string;
  readonly attributes: Attributes;
  readonly resource: Attributes;
  /** Of a histogram: how many. */
  readonly value: number;
}

const schema = protobuf.parse(readFileSync(join(import.meta.dirname, 'otlp.proto'), 'utf8')).root;
const requests = {
  '/v1/traces': schema.lookupType('ExportTraceServiceRequest'),
  '/v1/metrics': schema.lookupType('ExportMetricsServiceRequest'),
} as const;
const kinds = [undefined, 'internal', 'server', 'client', 'producer', 'consumer'] as const;

/** As OTLP's JSON has it. */
// oxlint-disable-next-line typescript/no-explicit-any -- what a decoder gives
type Json = any;

export class OtlpCollector {
  readonly spans: CollectedSpan[] = [];
  readonly #points = new Map<string, CollectedPoint>();
  /** Everything that was received, as it came. */
  readonly bodies: Buffer[] = [];
  /** Of each request, with its path. */
  readonly contentTypes: string[] = [];
  /** `hang`: takes requests and answers none. */
  behaviour: 'normal' | 'hang' | 'refuse' = 'normal';
  readonly url: string;
  readonly #close: () => Promise<void>;

  constructor(url: string, close: () => Promise<void>) {
    this.url = url;
    this.#close = close;
  }

  get points(): readonly CollectedPoint[] {
    return [...this.#points.values()];
  }

  /** The sum of a metric's last values, of all instances, where they have these attributes. */
  total(name: string, attributes: Attributes = {}): number {
    const fits = (point: CollectedPoint): boolean =>
      point.name === name &&
      Object.entries(attributes).every(([key, value]) => point.attributes[key] === value);
    return this.points.filter(fits).reduce((sum, { value }) => sum + value, 0);
  }

  async stop(): Promise<void> {
    await this.#close();
  }

  take(path: string, contentType: string, body: Buffer): void {
    const type = requests[path as keyof typeof requests];
    if (type === undefined) throw new Error(`Nothing is at ${path}.`);
    this.bodies.push(body);
    this.contentTypes.push(`${path} ${contentType}`);
    const request: Json =
      contentType === 'application/json'
        ? type.toObject(type.fromObject(withBytes(JSON.parse(body.toString()))), options)
        : type.toObject(type.decode(body), options);
    for (const { resource, scopeSpans } of request.resourceSpans ?? [])
      for (const { spans } of scopeSpans)
        for (const span of spans) this.spans.push(spanOf(span, attributesOf(resource.attributes)));
    for (const { resource, scopeMetrics } of request.resourceMetrics ?? [])
      for (const { metrics } of scopeMetrics)
        for (const metric of metrics) this.#addPoints(metric, attributesOf(resource.attributes));
  }

  #addPoints({ name, unit, sum, gauge, histogram }: Json, resource: Attributes): void {
    for (const point of (sum ?? gauge ?? histogram).dataPoints) {
      const attributes = attributesOf(point.attributes);
      const value = Number(
        histogram === undefined || histogram === null ? point.asInt || point.asDouble : point.count,
      );
      const key = JSON.stringify([name, attributes, resource['service.instance.id']]);
      this.#points.set(key, { name, unit, attributes, resource, value });
    }
  }
}

const options = { defaults: true, arrays: true, longs: Number, bytes: (bytes: Uint8Array) => bytes } as never;

function spanOf(
  { traceId, spanId, parentSpanId, links, status, ...span }: Json,
  resource: Attributes,
): CollectedSpan {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  return {
    traceId: hex(traceId),
    spanId: hex(spanId),
    parentSpanId: hex(parentSpanId),
    name: span.name,
    kind: kinds[span.kind as number],
    attributes: attributesOf(span.attributes),
    links: links.map((link: Json) => ({ traceId: hex(link.traceId), spanId: hex(link.spanId) })),
    events: span.events,
    isError: status?.code === 2,
    resource,
  };
}

function attributesOf(attributes: Json): Attributes {
  return Object.fromEntries(
    attributes.map(({ key, value }: Json) => [
      key,
      value.stringValue || value.intValue || value.doubleValue || value.boolValue || 0,
    ]),
  );
}

/** OTLP's JSON has ids in hex, where protobuf's own has base64. */
function withBytes(value: Json): Json {
  if (Array.isArray(value)) return value.map(withBytes);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) =>
      /^(?:traceId|spanId|parentSpanId)$/u.test(name)
        ? [name, Buffer.from(part as string, 'hex')]
        : [name, withBytes(part)],
    ),
  );
}

export async function startOtlpCollector(): Promise<OtlpCollector> {
  const server = createServer((request, response) => {
    void (async () => {
      const body = await bodyOf(request);
      if (collector.behaviour === 'hang') return;
      if (collector.behaviour === 'refuse') return void response.writeHead(401).end();
      const contentType = request.headers['content-type'] ?? '';
      collector.take(request.url ?? '', contentType, body);
      response
        .writeHead(200, { 'Content-Type': contentType })
        .end(contentType === 'application/json' ? '{}' : '');
    })().catch((error: unknown) => response.writeHead(400).end(String(error)));
  });
  const listening = await listenOnLoopback(server);
  const collector = new OtlpCollector(`http://127.0.0.1:${listening.port}`, async () => listening.close());
  return collector;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const body = Buffer.concat((await request.toArray()) as Buffer[]);
  return request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
}
