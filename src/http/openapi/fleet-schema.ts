// The answer of the fleet as JSON Schema: of the same counts that instances report.

import { eventKinds, latencyKinds, readKinds } from '../../telemetry/measures.ts';
import { count, countsOf, listOf, objectOf, orNull, schemaRef, text, time, type Json } from './json.ts';

const ratio = orNull({ type: 'number', minimum: 0, maximum: 1 });
const duration: Json = { type: 'number', minimum: 0, description: 'In milliseconds.' };
const quantiles = orNull(objectOf({ p50: duration, p95: duration, p99: duration }));
const counts = {
  hitRatio: ratio,
  reads: objectOf(countsOf(readKinds)),
  ...countsOf(eventKinds),
  latencyMs: objectOf(Object.fromEntries(latencyKinds.map((kind) => [kind, quantiles]))),
};
const memory = orNull(objectOf({ entries: count, bytes: count }));

const instance = objectOf({
  id: text,
  status: { enum: ['answered', 'silent'] },
  startedAt: time,
  reportedAt: time,
  tokenExpiresAt: orNull(time),
  tokenSecondsLeft: orNull(count),
  lastRotationAt: orNull(time),
  connections: count,
  reauthenticated: count,
  reauthenticationsFailed: count,
  failure: orNull(text),
  reads: count,
  version: text,
  region: orNull(text),
  host: orNull(text),
  measures: orNull(objectOf({ ...counts, memory })),
  history: listOf(
    objectOf({ at: time, reads: count, hitRatio: ratio, loads: count, p95Ms: orNull(duration) }),
  ),
});

const rollCall = objectOf({
  id: text,
  at: time,
  expected: count,
  answered: count,
  rotated: count,
  failed: count,
  silent: count,
  silentInstances: listOf(text),
  shortestSecondsLeft: orNull({ type: 'integer' }),
});

export const fleetSchemas: Json = {
  FleetInstance: instance,
  FleetRollCall: rollCall,
  FleetCounts: objectOf(counts),
  Fleet: objectOf({
    now: time,
    instances: listOf(schemaRef('FleetInstance')),
    rollCalls: listOf(schemaRef('FleetRollCall')),
    nextRollCallAt: orNull(time),
    totals: schemaRef('FleetCounts'),
    minutes: listOf(objectOf({ at: time, ...counts })),
  }),
};
