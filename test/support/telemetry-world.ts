// The real OpenTelemetry SDK in this process, with what it recorded: for tests of what fills it.

import { context, propagation, trace, type Span } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type DataPoint,
  type Histogram,
} from '@opentelemetry/sdk-metrics';
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace';

export class TelemetryWorld {
  readonly #spans = new InMemorySpanExporter();
  readonly #metrics = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  readonly #reader = new PeriodicExportingMetricReader({
    exporter: this.#metrics,
    exportIntervalMillis: 3_600_000,
  });
  readonly tracer = new TracerProvider({
    spanProcessors: [new SimpleSpanProcessor({ exporter: this.#spans })],
  }).getTracer('test');
  readonly #meters = new MeterProvider({ readers: [this.#reader] });
  readonly meter = this.#meters.getMeter('test');

  /** Of the process: `close()` takes them back. */
  constructor() {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  }

  /** Those that have ended, in that order. */
  get spans(): readonly ReadableSpan[] {
    return this.#spans.getFinishedSpans();
  }

  span(name: string): ReadableSpan {
    const named = this.spans.filter((span) => span.name === name);
    if (named.length !== 1) throw new Error(`${named.length} spans are called "${name}".`);
    return named[0] as ReadableSpan;
  }

  /** Runs `work` inside a span of its own, `outer`. */
  inside<R>(work: (span: Span) => R): R {
    const span = this.tracer.startSpan('outer');
    try {
      return context.with(trace.setSpan(context.active(), span), () => work(span));
    } finally {
      span.end();
    }
  }

  /** The values of a metric now, by its attributes as JSON. */
  async values(name: string): Promise<Readonly<Record<string, number | Histogram>>> {
    this.#metrics.reset();
    await this.#reader.forceFlush();
    const all = this.#metrics
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics));
    const points = all
      .filter(({ descriptor }) => descriptor.name === name)
      .flatMap(({ dataPoints }) => dataPoints as DataPoint<number | Histogram>[]);
    return Object.fromEntries(points.map(({ attributes, value }) => [JSON.stringify(attributes), value]));
  }

  async close(): Promise<void> {
    await this.#meters.shutdown();
    context.disable();
    propagation.disable();
  }
}
