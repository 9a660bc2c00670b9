// What the whole fleet counted from one roll call to the next, as the event that ends the later one tells it: sums over
// all instances, without what is zero, so that a line of the log stays short.

import type { FleetCounted } from '../telemetry/fleet-events.ts';
import { boundsMs } from '../telemetry/histogram.ts';
import { latencyKinds } from '../telemetry/measures.ts';
import { sumOf } from './counted.ts';
import { minuteMs, type FleetMeasures } from './registry.ts';

const hourMs = 60 * minuteMs;

/**
 * Sums whole minutes, those that are over: from the minute of the roll call before, which was not over then, up to the
 * one of this roll call. So each minute is told once, by whichever instance calls.
 * @param fromMs when the roll call before began; undefined where none is remembered.
 */
export function countedBetween(
  { minutes, instances }: FleetMeasures,
  fromMs: number | undefined,
  toMs: number,
): FleetCounted {
  const end = minuteOf(toMs);
  const start = Math.max(minuteOf(fromMs ?? toMs - minuteMs), end - hourMs);
  const { reads, events, latencies } = sumOf(
    minutes.filter(({ atMs }) => atMs >= start && atMs < end).map(({ counted }) => counted),
  );
  const memory = [...instances.values()].flatMap((instance) => instance.memory ?? []);
  return {
    minutes: Math.max(end - start, 0) / minuteMs,
    reads: withoutZeros(Object.entries(reads)),
    events: withoutZeros(Object.entries(events)),
    latenciesMs: Object.fromEntries(
      latencyKinds.map((kind) => [
        kind,
        withoutZeros(latencies[kind].map((count, index) => [String(boundsMs[index] ?? 'longer'), count])),
      ]),
    ),
    memoryEntries: memory.reduce((sum, { entries }) => sum + entries, 0),
    memoryBytes: memory.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

function minuteOf(ms: number): number {
  return Math.floor(ms / minuteMs) * minuteMs;
}

function withoutZeros(counts: readonly (readonly [string, number])[]): Readonly<Record<string, number>> {
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}
