// Whether the fleet of an app has the members that the types of the client say, and no others.

import { expect } from 'vitest';
import type {
  Fleet,
  FleetCounts,
  FleetHistoryPoint,
  FleetInstance,
  FleetInstanceMeasures,
  FleetMinute,
  FleetRollCall,
} from '../../src/exports/client.ts';

/** Each of an object's members: the compiler names one that is missing, or is none. */
type Members<T> = Readonly<Record<keyof T, true>>;

const fleet: Members<Fleet & { readonly kind: 'fleet' }> = {
  kind: true,
  now: true,
  instances: true,
  rollCalls: true,
  nextRollCallAt: true,
  totals: true,
  minutes: true,
};
const instance: Members<FleetInstance> = {
  id: true,
  status: true,
  startedAt: true,
  reportedAt: true,
  tokenExpiresAt: true,
  tokenSecondsLeft: true,
  lastRotationAt: true,
  connections: true,
  reauthenticated: true,
  reauthenticationsFailed: true,
  failure: true,
  reads: true,
  version: true,
  region: true,
  host: true,
  measures: true,
  history: true,
};
const rollCall: Members<FleetRollCall> = {
  id: true,
  at: true,
  expected: true,
  answered: true,
  rotated: true,
  failed: true,
  silent: true,
  silentInstances: true,
  shortestSecondsLeft: true,
};
const counts: Members<FleetCounts> = {
  hitRatio: true,
  reads: true,
  loads: true,
  loadsFailed: true,
  loadedBytes: true,
  renewals: true,
  written: true,
  removed: true,
  writesFailed: true,
  servedBytes: true,
  purges: true,
  purgesAdopted: true,
  memoryEvictions: true,
  memoryInvalidations: true,
  warmed: true,
  warmupsFailed: true,
  latencyMs: true,
};
const reads: Members<FleetCounts['reads']> = {
  memoryHit: true,
  redisHit: true,
  memoryStale: true,
  redisStale: true,
  miss: true,
  loaded: true,
  bypassed: true,
  collapsed: true,
  negative: true,
  unavailable: true,
  failed: true,
  refused: true,
};
const latencies: Members<FleetCounts['latencyMs']> = {
  request: true,
  redis: true,
  origin: true,
  lockWait: true,
};
const minute: Members<FleetMinute> = { at: true, ...counts };
const measures: Members<FleetInstanceMeasures> = { memory: true, ...counts };
const point: Members<FleetHistoryPoint> = { at: true, reads: true, hitRatio: true, loads: true, p95Ms: true };

/** @param given of one instance that has answered a roll call after reads. */
export function expectFleetForm(given: Fleet): void {
  const [one, call] = [given.instances[0], given.rollCalls[0]];
  const pairs: readonly (readonly [object | null | undefined, object])[] = [
    [given, fleet],
    [one, instance],
    [one?.measures, measures],
    [one?.history[0], point],
    [call, rollCall],
    [given.totals, counts],
    [given.totals.reads, reads],
    [given.totals.latencyMs, latencies],
    [given.totals.latencyMs.request, { p50: true, p95: true, p99: true }],
    [given.minutes[0], minute],
  ];
  for (const [value, members] of pairs) {
    expect(Object.keys(value ?? {}).toSorted()).toEqual(Object.keys(members).toSorted());
  }
}
