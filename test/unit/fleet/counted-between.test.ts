// What the event of a roll call tells of the fleet's counts: each minute once, and nothing that is zero.

import { expect, it } from 'vitest';
import { countedBetween } from '../../../src/fleet/counted-between.ts';
import type { InstanceMeasures } from '../../../src/fleet/instance-measures.ts';
import type { FleetMeasures } from '../../../src/fleet/registry.ts';
import { countedWith, measuresReport } from '../../support/measures-report.ts';

const minuteMs = 60_000;
const startMs = Date.UTC(2026, 0, 1);
const at = (minutes: number, seconds = 0): number => startMs + minutes * minuteMs + seconds * 1000;

function measured(...counts: readonly number[]): FleetMeasures {
  const minutes = counts.map((redisHit, minute) => ({
    atMs: at(minute),
    counted: countedWith({ redisHit }, { loads: 1 }),
  }));
  return { instances: new Map(), minutes };
}

it('sums the minutes from that of the roll call before up to that of this one', () => {
  const { minutes, reads, events } = countedBetween(measured(1, 10, 100, 1000), at(1, 5), at(3, 2));
  expect({ minutes, reads, events }).toEqual({ minutes: 2, reads: { redisHit: 110 }, events: { loads: 2 } });
});

it('tells each minute once, however the roll calls fall', () => {
  const counts = Array.from({ length: 20 }, (_, index) => index + 1);
  const calls = [at(0, 30), at(1, 1), at(1, 59), at(5, 0), at(5, 59), at(20, 3)];
  const told = calls.slice(1).map((toMs, index) => countedBetween(measured(...counts), calls[index], toMs));
  expect(told.map(({ minutes }) => minutes)).toEqual([1, 0, 4, 0, 15]);
  const sum = told.reduce((total, { reads }) => total + (reads['redisHit'] ?? 0), 0);
  expect(sum).toBe(counts.reduce((total, count) => total + count, 0));
});

it('takes the last minute where no roll call before is known, and an hour at most', () => {
  expect(countedBetween(measured(1, 10, 100), undefined, at(2, 2))).toMatchObject({
    minutes: 1,
    reads: { redisHit: 10 },
  });
  expect(countedBetween(measured(1, 10), at(0), at(500)).minutes).toBe(60);
});

it('says what is kept in memory by all instances now, and how long things took', () => {
  const report = (entries: number, bytes: number): InstanceMeasures => ({
    ...measuresReport({ memory: { entries, bytes } }),
    counted: countedWith({}),
  });
  const instances = new Map([
    ['a', report(1, 100)],
    ['b', report(2, 50)],
    ['c', { ...report(0, 0), memory: null }],
  ]);
  const requests = Array.from({ length: 20 }, (_, bucket) => (bucket === 4 ? 7 : bucket === 19 ? 1 : 0));
  const minutes = [{ atMs: at(0), counted: countedWith({}, {}, requests) }];
  expect(countedBetween({ instances, minutes }, at(0), at(1))).toEqual({
    minutes: 1,
    reads: {},
    events: {},
    latenciesMs: { request: { 2.5: 7, longer: 1 }, redis: {}, origin: {}, lockWait: {} },
    memoryEntries: 3,
    memoryBytes: 150,
  });
});
