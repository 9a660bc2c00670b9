// The metrics: what each is called and counts. Units as the conventions have them: seconds, bytes, and names in braces.

import type { Gauges } from '../all-measures.ts';
import { readKinds, type EventKind, type LatencyKind } from '../measures.ts';
import { conventional as otel, own, snakeCase } from './names.ts';

export interface MetricDefinition {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  /** The same for every value. */
  readonly attributes?: Readonly<Record<string, string>>;
}

export const reads: MetricDefinition = {
  name: 'cache.reads',
  unit: '{read}',
  description: 'Keys that were read, each with how that ended.',
};

/** The values of `cache.result`. */
export const readResults: readonly string[] = readKinds.map(snakeCase);

export const events: Readonly<Record<EventKind, MetricDefinition>> = {
  written: { name: 'cache.writes', unit: '{entry}', description: 'Entries that were written.' },
  removed: { name: 'cache.removals', unit: '{entry}', description: 'Entries that were removed.' },
  writesFailed: {
    name: 'cache.write.failures',
    unit: '{write}',
    description: 'Writes and removals that Redis refused, or did not answer.',
  },
  loads: { name: 'cache.loads', unit: '{load}', description: 'Loads from origins and factories.' },
  loadsFailed: { name: 'cache.load.failures', unit: '{load}', description: 'Loads that failed.' },
  loadedBytes: { name: 'cache.load.io', unit: 'By', description: 'Bytes that loads brought.' },
  renewals: {
    name: 'cache.load.renewals',
    unit: '{load}',
    description: 'Loads that renewed an entry in the background.',
  },
  servedBytes: { name: 'cache.served.io', unit: 'By', description: 'Bytes of values that were served.' },
  purges: { name: 'cache.purges', unit: '{purge}', description: 'Purges that this instance began.' },
  purgesAdopted: {
    name: 'cache.purge.adoptions',
    unit: '{purge}',
    description: 'Purges that this instance heard of and goes by.',
  },
  memoryEvictions: {
    name: 'cache.memory.evictions',
    unit: '{entry}',
    description: 'Entries that the memory tier dropped for others.',
  },
  memoryInvalidations: {
    name: 'cache.memory.invalidations',
    unit: '{entry}',
    description: 'Entries that the memory tier dropped because they changed in Redis.',
  },
  warmed: { name: 'cache.warmups', unit: '{entry}', description: 'Entries that a warmup loaded.' },
  warmupsFailed: {
    name: 'cache.warmup.failures',
    unit: '{entry}',
    description: 'Entries that a warmup could not load.',
  },
};

export const latencies: Readonly<Record<LatencyKind, MetricDefinition>> = {
  request: {
    name: 'faas.invoke_duration',
    unit: 's',
    description: 'How long requests took in this process.',
    attributes: { [otel.faasTrigger]: 'http' },
  },
  redis: {
    name: 'db.client.operation.duration',
    unit: 's',
    description: 'How long Redis took to answer.',
    attributes: { [otel.dbSystem]: 'redis' },
  },
  origin: { name: 'cache.load.duration', unit: 's', description: 'How long loads took.' },
  lockWait: {
    name: 'cache.lock_wait.duration',
    unit: 's',
    description: 'How long a load waited for its lock, or for the load of another instance.',
  },
};

export const reauthentications: MetricDefinition = {
  name: 'cache.reauthentications',
  unit: '{authentication}',
  description: 'AUTH commands on live connections.',
};

type GaugeKind = Exclude<keyof Gauges, 'reauthenticated' | 'reauthenticationsFailed'>;

/** `gauge`: values that mean nothing when they are added up. */
export const gauges: Readonly<Record<GaugeKind, MetricDefinition & { readonly kind: 'sum' | 'gauge' }>> = {
  connections: {
    kind: 'sum',
    name: 'cache.connections',
    unit: '{connection}',
    description: 'Live connections to Redis, for commands and for subscriptions.',
  },
  tokenSecondsLeft: {
    kind: 'gauge',
    name: 'cache.token.time_left',
    unit: 's',
    description: 'How long the current token is still valid.',
  },
  memoryEntries: {
    kind: 'sum',
    name: 'cache.memory.entries',
    unit: '{entry}',
    description: 'Entries in the memory tier.',
  },
  memoryBytes: { kind: 'sum', name: 'cache.memory.usage', unit: 'By', description: 'What they take.' },
  memoryLimitBytes: {
    kind: 'sum',
    name: 'cache.memory.limit',
    unit: 'By',
    description: 'What the memory tier may take.',
  },
};

/** In the order of docs/telemetry.md, with the attributes that each can have. */
export const allMetrics: readonly (MetricDefinition & { readonly names: readonly string[] })[] = [
  { ...reads, names: [own.namespace, own.result] },
  ...Object.values(events).map((event) => ({ ...event, names: [own.namespace] })),
  ...Object.values(latencies).map((latency) => ({
    ...latency,
    names: [own.namespace, ...Object.keys(latency.attributes ?? {})],
  })),
  { ...reauthentications, names: [own.namespace, own.outcome] },
  ...Object.values(gauges).map((gauge) => ({ ...gauge, names: [own.namespace] })),
];
