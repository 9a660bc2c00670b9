import { describe, expect, it } from 'vitest';
import { nothingCounted } from '../../../src/fleet/counted.ts';
import { formOf, parseInstanceMeasures } from '../../../src/fleet/instance-measures.ts';
import { countedWith, measuresReport } from '../../support/measures-report.ts';

const point = { agoMs: 300_000, reads: 9, answered: 8, hits: 6, loads: 1, p95Ms: 1.25 };
const report = measuresReport({
  now: countedWith({ redisHit: 5 }),
  before: countedWith({ redisHit: 2 }),
  memory: { entries: 7, bytes: 100 },
  history: [point, { ...point, agoMs: 1400, p95Ms: null }],
});

describe('the measures of an instance', () => {
  it('come back with what was counted since the report before', () => {
    expect(formOf(report).split('\n')).toHaveLength(3);
    expect(parseInstanceMeasures(formOf(report))).toEqual({
      counted: countedWith({ redisHit: 3 }),
      memory: { entries: 7, bytes: 100 },
      history: [point, { ...point, agoMs: 1000, p95Ms: null }],
    });
  });

  it('are small, also of a busy instance', () => {
    const busy = countedWith(
      { redisHit: 123_456_789, memoryHit: 123_456_789 },
      { loads: 99_999 },
      Array(20).fill(9_999_999),
    );
    const history = Array.from({ length: 12 }, () => ({ ...point, reads: 12_345_678, answered: 12_345_678 }));
    expect(formOf({ ...report, now: busy, before: busy, history }).length).toBeLessThan(2048);
  });

  const empty = { counted: nothingCounted, memory: null, history: [] };

  it.each([
    ['', 'nothing'],
    ['x', 'a word'],
    ['\n\n\n\n', 'lines only'],
    ['\n\nnull', 'null'],
    ['\n\n[]', 'a list'],
    ['\n\n{"memory":7,"history":7}', 'numbers'],
    ['\n\n{"memory":{"entries":-1,"bytes":0}}', 'less than nothing'],
    ['\n\n{"memory":{"entries":1.5,"bytes":0}}', 'half an entry'],
    ['\n\n{"memory":{"entries":1,"bytes":1e99}}', 'too many bytes'],
    ['\n\n{"history":[null,7,"x",[],[1],[1,2,3,4,5]]}', 'points that are none'],
    ['\n\n{"history":[[7201,9,6,8,1,1]]}', 'a point of long ago'],
    ['\n\n{"history":[[1,9,8,6,1,1]]}', 'more hits than answers'],
    ['\n\n{"history":[[1,6,6,9,1,1]]}', 'more answers than reads'],
    ['\n\n{"history":[[1,9,6,8,1,-1]]}', 'a latency below zero'],
    ['\n\n{"history":[[1,9,6,8,1,"1"]]}', 'a latency in words'],
    ['\n\n{"history":[[1,9,6,8,1e99,1]]}', 'too many loads'],
    [`\n\n{"history":[],"x":"${'x'.repeat(3000)}"}`, 'too long a text'],
  ])('are without what cannot be believed: %j', (form) => {
    expect(parseInstanceMeasures(form)).toEqual(empty);
  });

  it('have no more points than an hour has', () => {
    const history = JSON.stringify({ history: Array.from({ length: 99 }, () => [1, 9, 6, 8, 1, 1]) });
    expect(parseInstanceMeasures(`\n\n${history}`).history).toHaveLength(12);
  });
});
