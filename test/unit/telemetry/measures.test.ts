// Counts, histograms and the set of all clients' measures.

import { expect, test } from 'vitest';
import { addMeasures, allMeasures, type Gauges } from '../../../src/telemetry/all-measures.ts';
import { boundsMs, Histogram, quantileMs } from '../../../src/telemetry/histogram.ts';
import { answeredReads, Measures, readKinds } from '../../../src/telemetry/measures.ts';

const gauges = (): Gauges => {
  throw new Error('not asked for');
};

test('a bound belongs to the bucket that it ends, and what is longer than all of them to the last', () => {
  const histogram = new Histogram();
  for (const valueMs of [0, 0.1, 0.11, 5, 5.001, 10_000, 10_001, 1e9]) histogram.record(valueMs);
  const filled = histogram.counts.map((count, bucket) => [boundsMs[bucket], count]);
  expect(filled.filter(([, count]) => count !== 0)).toEqual([
    [0.1, 2],
    [0.25, 1],
    [5, 1],
    [10, 1],
    [10_000, 1],
    [undefined, 2],
  ]);
  expect(histogram.count).toBe(8);
  expect(histogram.sumMs).toBeCloseTo(1e9 + 20_011.211, 3);
});

test('every value is told to who listens, until it stops', () => {
  const histogram = new Histogram();
  const heard: number[] = [];
  const stop = histogram.onRecord((valueMs) => heard.push(valueMs));
  histogram.record(1);
  stop();
  histogram.record(2);
  expect([heard, histogram.count]).toEqual([[1], 2]);
});

test('a quantile lies within its bucket, and no higher than the longest bound', () => {
  const counts = boundsMs.map((bound) => (bound === 10 ? 10 : 0));
  expect(quantileMs([...counts, 0], 0.5)).toBe(7.5);
  expect(quantileMs([...counts, 0], 1)).toBe(10);
  expect(quantileMs([...counts, 90], 0.99)).toBe(10_000);
  expect(quantileMs([...counts.map(() => 0), 0], 0.5)).toBeUndefined();
});

test('a read that Redis had no part in is not among those that were answered', () => {
  const measures = new Measures();
  for (const kind of readKinds) measures.reads[kind] += 1;
  expect(answeredReads(measures)).toBe(readKinds.length - 2);
});

test('the measures of a client are there until it closes', () => {
  const before = [...allMeasures()];
  const measures = new Measures();
  const remove = addMeasures('ref', measures, gauges);
  expect([...allMeasures()].slice(before.length)).toMatchObject([{ name: 'ref' }]);
  expect([...allMeasures()].at(-1)?.measures).toBe(measures);
  remove();
  expect([...allMeasures()]).toEqual(before);
});

test('there are few names, however many clients a process makes', () => {
  const removes = Array.from({ length: 40 }, (_, index) =>
    addMeasures(`tenant-${index}`, new Measures(), gauges),
  );
  // One whose name is known keeps it.
  removes.push(addMeasures('tenant-0', new Measures(), gauges));
  const names = [...allMeasures()].map(({ name }) => name);
  for (const remove of removes) remove();
  expect(names.slice(-2)).toEqual(['other', 'tenant-0']);
  expect(new Set(names).size).toBeLessThanOrEqual(11);
});
