import type { Histogram } from '@opentelemetry/sdk-metrics';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { addMeasures, type Gauges } from '../../../../src/telemetry/all-measures.ts';
import { Measures } from '../../../../src/telemetry/measures.ts';
import { meterMeasures } from '../../../../src/telemetry/opentelemetry/metrics.ts';
import { TelemetryWorld } from '../../../support/telemetry-world.ts';

let world: TelemetryWorld;
let stop: () => void;
const removals: (() => void)[] = [];
beforeEach(() => {
  world = new TelemetryWorld();
  stop = () => {};
});
afterEach(async () => {
  stop();
  for (const remove of removals.splice(0)) remove();
  await world.close();
});

const now: Gauges = {
  connections: 2,
  reauthenticated: 3,
  reauthenticationsFailed: 1,
  tokenSecondsLeft: 60,
  memoryEntries: 5,
  memoryBytes: 1000,
  memoryLimitBytes: 2000,
};

function client(name: string, gauges: Partial<Gauges> = {}) {
  const measures = new Measures();
  const remove = addMeasures(name, measures, () => ({ ...now, ...gauges }));
  removals.push(remove);
  return { measures, remove };
}

it('counts are told from the beginning, by their result and the name of the client', async () => {
  const { measures } = client('shop');
  measures.reads.redisHit = 2;
  stop = meterMeasures(world.meter);
  measures.reads.memoryHit += 3;
  measures.events.loadedBytes += 10;
  const reads = await world.values('cache.reads');
  expect(reads['{"cache.namespace":"shop","cache.result":"redis_hit"}']).toBe(2);
  expect(reads['{"cache.namespace":"shop","cache.result":"memory_hit"}']).toBe(3);
  expect(reads['{"cache.namespace":"shop","cache.result":"miss"}']).toBe(0);
  expect(await world.values('cache.load.io')).toEqual({ '{"cache.namespace":"shop"}': 10 });
  expect(await world.values('cache.reauthentications')).toEqual({
    '{"cache.namespace":"shop","cache.outcome":"succeeded"}': 3,
    '{"cache.namespace":"shop","cache.outcome":"failed"}': 1,
  });
});

it('clients of one name are added up, and one that has closed still counts', async () => {
  stop = meterMeasures(world.meter);
  const [first, second] = [client('shop'), client('shop', { tokenSecondsLeft: 30 })];
  first.measures.events.loads = 4;
  second.measures.events.loads = 5;
  expect(await world.values('cache.loads')).toEqual({ '{"cache.namespace":"shop"}': 9 });
  expect(await world.values('cache.connections')).toEqual({ '{"cache.namespace":"shop"}': 4 });
  expect(await world.values('cache.token.time_left')).toEqual({ '{"cache.namespace":"shop"}': 30 });
  first.remove();
  second.measures.events.loads += 1;
  expect(await world.values('cache.loads')).toEqual({ '{"cache.namespace":"shop"}': 10 });
  expect(await world.values('cache.connections')).toEqual({ '{"cache.namespace":"shop"}': 2 });
  second.remove();
  expect(await world.values('cache.loads')).toEqual({ '{"cache.namespace":"shop"}': 10 });
});

it('durations are in seconds, in the buckets of the reports', async () => {
  stop = meterMeasures(world.meter);
  const { measures } = client('shop');
  measures.latencies.redis.record(0.2);
  measures.latencies.redis.record(2000);
  const values = await world.values('db.client.operation.duration');
  const { buckets, sum, count } = values['{"cache.namespace":"shop","db.system.name":"redis"}'] as Histogram;
  expect([count, sum]).toEqual([2, 2.0002]);
  expect(buckets.boundaries.slice(0, 3)).toEqual([0.0001, 0.00025, 0.0005]);
  expect(buckets.counts).toEqual(measures.latencies.redis.counts);
  stop();
  measures.latencies.redis.record(1);
  expect(await world.values('db.client.operation.duration')).toEqual(values);
});
