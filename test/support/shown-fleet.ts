// A fleet of any size for the fleet page, written into Redis as its instances would report it: the app then has no other.

import type { LocalRedis } from '../../local/redis-server.ts';
import { countedBy, nothingCounted, type Counted } from '../../src/fleet/counted.ts';
import { textOf } from '../../src/fleet/counted-text.ts';
import { formOf } from '../../src/fleet/instance-measures.ts';
import type { HistoryPoint } from '../../src/fleet/history.ts';
import type { Report, RollCallRecord } from '../../src/fleet/messages.ts';
import { ownName } from '../../src/redis/own-name.ts';

type Server = Pick<LocalRedis, 'admin'>;

const minuteMs = 60_000;

/** @param minutes of the last hour in which something was counted. */
export async function showFleet(redis: Server, size: number, minutes = 60): Promise<void> {
  const name = (part: string): string => ownName('ref', `{fleet}:${part}`);
  const [seconds] = (await redis.admin('TIME')) as readonly string[];
  const nowMs = Number(seconds) * 1000;
  await redis.admin('DEL', name('roster'), name('measures'), name('minutes'), name('roll-calls'));
  if (size > 0) {
    const ids = Array.from({ length: size }, (_, index) => `instance-${`${index}`.padStart(4, '0')}`);
    const entries = ids.map(
      (id, index) => `answered ${nowMs - 5000} ${JSON.stringify(reportOf(id, index, nowMs))}`,
    );
    const measures = ids.map((_, index) => measuresOf(index));
    await redis.admin('HSET', name('roster'), ...ids.flatMap((id, index) => [id, entries[index] ?? '']));
    await redis.admin('HSET', name('measures'), ...ids.flatMap((id, index) => [id, measures[index] ?? '']));
  }
  const minute = Math.floor(nowMs / minuteMs);
  for (let ago = 0; ago < minutes; ago += 1) {
    await redis.admin(
      'HSET',
      name('minutes'),
      `${minute - ago}`,
      textOf(countedIn(ago, Math.max(size, 1) * 300)),
    );
  }
  for (let ago = 3; ago > 0; ago -= 1)
    await redis.admin('LPUSH', name('roll-calls'), JSON.stringify(rollCall(size, nowMs - ago * minuteMs)));
}

/** Between 0 and 1, and the same each time. */
function wave(step: number, length: number): number {
  return 0.5 + 0.35 * Math.sin((step * 2 * Math.PI) / length) + 0.15 * Math.sin(step * 2.4);
}

/** In a minute: the cache was emptied 40 minutes ago, and the origin failed for five. */
function countedIn(ago: number, reads: number): Counted {
  const busy = Math.round(reads * (0.7 + 0.3 * wave(ago, 40)));
  const missShare =
    0.04 +
    0.03 * wave(ago, 17) +
    (ago <= 41 && ago >= 36 ? (ago - 35) * 0.06 : 0) +
    (ago >= 9 && ago <= 13 ? 0.08 : 0);
  const missed = Math.round(busy * missShare);
  const failed = ago >= 9 && ago <= 13 ? Math.round(missed * 0.6) : 0;
  const hits = busy - missed;
  return countedBy({
    read: (kind) =>
      ({
        memoryHit: Math.round(hits * 0.7),
        redisHit: hits - Math.round(hits * 0.7),
        loaded: missed - failed,
        failed,
      })[kind as string] ?? 0,
    event: (kind) => ({ loads: missed, loadsFailed: failed })[kind as string] ?? 0,
    bucket: (kind, index) =>
      kind === 'request'
        ? Math.round(busy * ([0.1, 0.2, 0.3, 0.2, 0.1, 0.04, missShare / 2, missShare / 2][index] ?? 0))
        : 0,
  });
}

function measuresOf(index: number): string {
  const history = Array.from({ length: 12 }, (_, point): HistoryPoint => {
    const counted = countedIn((11 - point) * 5 + index, 1500);
    const reads = Object.values(counted.reads).reduce((sum, one) => sum + one, 0);
    const hits = counted.reads.memoryHit + counted.reads.redisHit;
    const p95Ms = 2 + 6 * wave(point + index, 7);
    return {
      agoMs: (11 - point) * 5 * minuteMs,
      reads,
      answered: reads,
      hits,
      loads: counted.events.loads,
      p95Ms,
    };
  });
  const memory = { entries: 900 + index, bytes: 7_340_032 + index * 4096 };
  return formOf({ now: countedIn(index, 300), before: nothingCounted, memory, history });
}

function reportOf(id: string, index: number, nowMs: number): Report {
  const ageMs = (10 + (index % 40)) * minuteMs;
  return {
    id,
    startedAtMs: nowMs - 5 * 3_600_000 + index * 1000,
    version: '1.0.0',
    region: 'West Europe',
    host: `host-${index % 7}`,
    tokenExpiresAtMs: nowMs - ageMs + 90 * minuteMs,
    tokenLeftMs: 90 * minuteMs - ageMs,
    lastRotationAtMs: nowMs - ageMs,
    connections: 2,
    rotated: false,
    failure: null,
    reauthenticated: 0,
    reauthenticationsFailed: 0,
    reads: 250 + (index % 60),
  };
}

function rollCall(size: number, atMs: number): RollCallRecord {
  const counts = { expected: size, answered: size, rotated: 0, failed: 0 };
  return {
    id: `call-${atMs}`,
    atMs,
    nextAtMs: null,
    ...counts,
    silent: [],
    shortestTimeLeftMs: 30 * minuteMs,
  };
}
