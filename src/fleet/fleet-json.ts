// GET /api/fleet as JSON: times in UTC by ISO 8601, durations and latencies with their unit in the name.

import { sumOf, type Counted } from './counted.ts';
import type { HistoryPoint } from './history.ts';
import type { InstanceMeasures } from './instance-measures.ts';
import type { RollCallRecord } from './messages.ts';
import type { FleetMeasures, RegistryEntry, RegistryView } from './registry.ts';
import { quantileMs } from '../telemetry/histogram.ts';
import { hitRatioOf, hitShareOf } from '../telemetry/hit-ratio.ts';
import { latencyKinds } from '../telemetry/measures.ts';

type Json = Readonly<Record<string, unknown>>;

export function fleetJson(
  view: RegistryView,
  measured: FleetMeasures,
  nextRollCallAtMs: number | null,
): Json {
  const { nowMs, entries, rollCalls } = view;
  const { instances, minutes } = measured;
  return {
    now: iso(nowMs),
    instances: entries.map((entry) => instance(entry, nowMs, instances.get(entry.report.id))),
    rollCalls: rollCalls.map(rollCall),
    nextRollCallAt: iso(nextRollCallAtMs),
    totals: counts(sumOf(minutes.map(({ counted }) => counted))),
    minutes: minutes.map(({ atMs, counted }) => ({ at: iso(atMs), ...counts(counted) })),
  };
}

function instance(
  { report, status, seenAtMs }: RegistryEntry,
  nowMs: number,
  measured: InstanceMeasures | undefined,
): Json {
  // What was left at its report, less the time since then by the server's clock: instances' clocks may be wrong.
  const leftMs =
    report.tokenLeftMs === null ? null : Math.max(report.tokenLeftMs - Math.max(nowMs - seenAtMs, 0), 0);
  return {
    id: report.id,
    status,
    startedAt: iso(report.startedAtMs),
    reportedAt: iso(seenAtMs),
    tokenExpiresAt: iso(report.tokenExpiresAtMs),
    tokenSecondsLeft: leftMs === null ? null : Math.floor(leftMs / 1000),
    lastRotationAt: iso(report.lastRotationAtMs),
    connections: report.connections,
    reauthenticated: report.reauthenticated,
    reauthenticationsFailed: report.reauthenticationsFailed,
    failure: report.failure,
    reads: report.reads,
    version: report.version,
    region: report.region,
    host: report.host,
    measures: measured === undefined ? null : { ...counts(measured.counted), memory: measured.memory },
    history: (measured?.history ?? []).map((one) => point(one, seenAtMs)),
  };
}

function counts({ reads, events, latencies }: Counted): Json {
  const latencyMs = latencyKinds.map((kind) => [kind, quantiles(latencies[kind])] as const);
  return {
    hitRatio: ratio(hitRatioOf(hitShareOf(reads))),
    reads,
    ...events,
    latencyMs: Object.fromEntries(latencyMs),
  };
}

/** Null where there are none. */
function quantiles(buckets: readonly number[]): Json | null {
  const at = (share: number): number | null => ms(quantileMs(buckets, share));
  return at(0.5) === null ? null : { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

function point({ agoMs, reads, hits, answered, loads, p95Ms }: HistoryPoint, seenAtMs: number): Json {
  const hitRatio = ratio(hitRatioOf({ hits, answered }));
  return { at: iso(seenAtMs - agoMs), reads, hitRatio, loads, p95Ms: ms(p95Ms ?? undefined) };
}

function rollCall(record: RollCallRecord): Json {
  const { id, atMs, expected, answered, rotated, failed, silent, shortestTimeLeftMs } = record;
  return {
    id,
    at: iso(atMs),
    expected,
    answered,
    rotated,
    failed,
    silent: silent.length,
    silentInstances: silent,
    shortestSecondsLeft: shortestTimeLeftMs === null ? null : Math.floor(shortestTimeLeftMs / 1000),
  };
}

function iso(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}

function ratio(value: number | null): number | null {
  return value === null ? null : Math.round(value * 10_000) / 10_000;
}

function ms(value: number | undefined): number | null {
  return value === undefined ? null : Math.round(value * 100) / 100;
}
