// The measures of all clients of this process -> metrics. Counts are read when they are collected: counting costs
// nothing more than it did. Durations are recorded as they are measured.

import type { Attributes, BatchObservableResult, Meter, Observable } from '@opentelemetry/api';
import { onMeasures, type ClientMeasures, type Gauges } from '../all-measures.ts';
import { boundsMs } from '../histogram.ts';
import { eventKinds, latencyKinds, readKinds } from '../measures.ts';
import * as definitions from './metric-definitions.ts';
import type { MetricDefinition } from './metric-definitions.ts';
import { own, snakeCase } from './names.ts';
import { Totals } from './totals.ts';

interface Named {
  readonly open: Set<ClientMeasures>;
  readonly closed: Totals;
}

type Observe = (
  observer: BatchObservableResult,
  totals: Totals,
  gauges: readonly Gauges[],
  name: Attributes,
) => void;

/** Fills the meter from now on, with what was counted before, too; returns how to stop. */
export function meterMeasures(meter: Meter): () => void {
  const clients = new Map<string, Named>();
  const histograms = latencyKinds.map((kind) => {
    const { name, unit, description, attributes } = definitions.latencies[kind];
    const advice = { explicitBucketBoundaries: boundsMs.map((boundMs) => boundMs / 1000) };
    return { kind, attributes, histogram: meter.createHistogram(name, { unit, description, advice }) };
  });

  const stopListening = onMeasures((client) => {
    let named = clients.get(client.name);
    if (named === undefined) clients.set(client.name, (named = { open: new Set(), closed: new Totals() }));
    const { open, closed } = named;
    open.add(client);
    const stops = histograms.map(({ kind, attributes, histogram }) => {
      const attributesOfClient = { [own.namespace]: client.name, ...attributes };
      return client.measures.latencies[kind].onRecord((valueMs) =>
        histogram.record(valueMs / 1000, attributesOfClient),
      );
    });
    return () => {
      for (const stop of stops) stop();
      open.delete(client);
      closed.add(client);
    };
  });

  const parts = [...counters(meter), ...gauges(meter)];
  const observe = (observer: BatchObservableResult): void => {
    for (const [name, { open, closed }] of clients) {
      const { totals, gauges: now } = closed.plus(open);
      for (const part of parts) part.observe(observer, totals, now, { [own.namespace]: name });
    }
  };
  const instruments = parts.map(({ instrument }) => instrument);
  meter.addBatchObservableCallback(observe, instruments);
  return () => {
    stopListening();
    meter.removeBatchObservableCallback(observe, instruments);
  };
}

interface Part {
  readonly instrument: Observable;
  readonly observe: Observe;
}

function counters(meter: Meter): readonly Part[] {
  const counter = ({ name, unit, description }: MetricDefinition): Observable =>
    meter.createObservableCounter(name, { unit, description });
  const reads = counter(definitions.reads);
  const reauthentications = counter(definitions.reauthentications);
  return [
    {
      instrument: reads,
      observe(observer, totals, _gauges, name) {
        for (const kind of readKinds)
          observer.observe(reads, totals.reads[kind], { ...name, [own.result]: snakeCase(kind) });
      },
    },
    ...eventKinds.map((kind): Part => {
      const instrument = counter(definitions.events[kind]);
      return {
        instrument,
        observe: (observer, { events }, _gauges, name) => observer.observe(instrument, events[kind], name),
      };
    }),
    {
      instrument: reauthentications,
      observe(observer, { reauthenticated, reauthenticationsFailed }, _gauges, name) {
        observer.observe(reauthentications, reauthenticated, { ...name, [own.outcome]: 'succeeded' });
        observer.observe(reauthentications, reauthenticationsFailed, { ...name, [own.outcome]: 'failed' });
      },
    },
  ];
}

function gauges(meter: Meter): readonly Part[] {
  return (Object.keys(definitions.gauges) as (keyof typeof definitions.gauges)[]).map((kind) => {
    const { name, unit, description, kind: type } = definitions.gauges[kind];
    const instrument =
      type === 'sum'
        ? meter.createObservableUpDownCounter(name, { unit, description })
        : meter.createObservableGauge(name, { unit, description });
    const observe: Observe = (observer, _totals, now, attributes) => {
      const values = now.map((gauge) => gauge[kind]).filter((value) => value !== undefined);
      if (values.length === 0) return;
      // Of several clients of one name: all of them together, or the one that has least.
      const value = type === 'sum' ? values.reduce((sum, one) => sum + one, 0) : Math.min(...values);
      observer.observe(instrument, value, attributes);
    };
    return { instrument, observe };
  });
}
