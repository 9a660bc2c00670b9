// What an instance reports of its measures, and its form in Redis: three lines, of which scripts read the first.
// Everything is checked when it is read: whoever may use the cache may have written it.

import { countedSince, type Counted } from './counted.ts';
import { countedFrom, maxCount, textOf } from './counted-text.ts';
import { maxPoints, type HistoryPoint } from './history.ts';

/** Entries in the memory of the process, and their bytes. */
export interface MemoryUse {
  readonly entries: number;
  readonly bytes: number;
}

export interface MeasuresReport {
  /** Since the start: counts that only grow, so that what is reported twice is counted once. */
  readonly now: Counted;
  /** At the last report that is known to be stored. */
  readonly before: Counted;
  /** Null where nothing is kept in memory. */
  readonly memory: MemoryUse | null;
  readonly history: readonly HistoryPoint[];
}

/** As it is read. */
export interface InstanceMeasures extends Pick<MeasuresReport, 'memory' | 'history'> {
  /** Since the report before. */
  readonly counted: Counted;
}

/** [seconds ago, reads, hits, answered, loads, p95 in ms] */
type PointForm = readonly [number, number, number, number, number, number | null];

const hourMs = 3_600_000;
/** What a point of the last hour may be late by. */
const maxAgoMs = 2 * hourMs;
const maxLatencyMs = hourMs;
const maxRestLength = 2048;

export function formOf({ now, before, memory, history }: MeasuresReport): string {
  const points = history.map((point): PointForm => {
    const { agoMs, reads, hits, answered, loads, p95Ms } = point;
    return [Math.round(agoMs / 1000), reads, hits, answered, loads, p95Ms === null ? null : rounded(p95Ms)];
  });
  return [textOf(now), textOf(before), JSON.stringify({ memory, history: points })].join('\n');
}

/** What is wrong in it is left out. */
export function parseInstanceMeasures(form: string): InstanceMeasures {
  const [now = '', before = '', rest = ''] = form.split('\n', 3);
  const { memory, history } = fieldsOf(rest);
  return {
    counted: countedSince(countedFrom(now), countedFrom(before)),
    memory: memoryFrom(memory),
    history: Array.isArray(history) ? history.slice(-maxPoints).flatMap(pointFrom) : [],
  };
}

function memoryFrom(value: unknown): MemoryUse | null {
  if (typeof value !== 'object' || value === null) return null;
  const { entries, bytes } = value as Readonly<Record<string, unknown>>;
  return isCount(entries) && isCount(bytes) ? { entries, bytes } : null;
}

function pointFrom(value: unknown): HistoryPoint[] {
  if (!Array.isArray(value)) return [];
  const [secondsAgo, reads, hits, answered, loads, p95Ms] = value as readonly unknown[];
  if (!isCount(secondsAgo) || !isCount(reads) || !isCount(hits) || !isCount(answered) || !isCount(loads))
    return [];
  const isValid = secondsAgo * 1000 <= maxAgoMs && hits <= answered && answered <= reads;
  if (!isValid || (p95Ms !== null && !isWithin(p95Ms, maxLatencyMs))) return [];
  return [{ agoMs: secondsAgo * 1000, reads, hits, answered, loads, p95Ms }];
}

function fieldsOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = text.length > maxRestLength ? null : JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

const isWithin = (value: unknown, max: number): value is number =>
  typeof value === 'number' && value >= 0 && value <= max;
const isCount = (value: unknown): value is number => Number.isInteger(value) && isWithin(value, maxCount);

/** To a hundredth. */
function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
