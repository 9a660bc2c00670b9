import { describe, expect, it } from 'vitest';
import { countedIn, countedSince, nothingCounted, sumOf } from '../../../src/fleet/counted.ts';
import { countedFrom, maxCount, textOf } from '../../../src/fleet/counted-text.ts';
import { eventKinds, latencyKinds, Measures, readKinds } from '../../../src/telemetry/measures.ts';
import { countedWith } from '../../support/measures-report.ts';

function busy(): Measures {
  const measures = new Measures();
  measures.reads.redisHit += 5;
  measures.events.loads += 2;
  measures.latencies.request.record(0.3);
  measures.latencies.lockWait.record(60_000);
  return measures;
}

describe('what was counted', () => {
  it('is a value: it stays as it was', () => {
    const measures = busy();
    const before = countedIn(measures);
    measures.reads.redisHit += 1;
    measures.latencies.request.record(0.3);
    expect(before.reads.redisHit).toBe(5);
    const since = countedSince(countedIn(measures), before);
    expect(since).toEqual(countedWith({ redisHit: 1 }, {}, [0, 0, 1]));
    expect(sumOf([before, since])).toEqual(countedIn(measures));
  });

  it('is never negative, also where it began anew', () => {
    expect(countedSince(nothingCounted, countedIn(busy()))).toEqual(nothingCounted);
  });
});

describe('as text', () => {
  it('has what is not zero, by name', () => {
    expect(textOf(countedIn(busy()))).toBe('reads.redisHit=5 events.loads=2 request.2=1 lockWait.19=1');
    expect(textOf(nothingCounted)).toBe('');
  });

  it('comes back as it was', () => {
    expect(countedFrom(textOf(countedIn(busy())))).toEqual(countedIn(busy()));
  });

  it.each([
    ['names that only other versions have', 'reads.sideways=4 reads.redisHit=5 request.99=3 a.b.c=1'],
    [
      'what is no count',
      'reads.redisHit=5 reads.miss= reads.loaded=-1 events.loads=1.5 request.1=NaN =7 request',
    ],
    [
      'what is too much to be one',
      `reads.redisHit=5 reads.miss=${maxCount + 1} events.loads=${'9'.repeat(99)}`,
    ],
    ['odd spaces', '  reads.redisHit=5  \u0000'],
  ])('leaves out %s', (_what, text) => {
    expect(countedFrom(text)).toEqual(countedWith({ redisHit: 5 }));
  });

  it('is no text that is too long', () => {
    expect(countedFrom(`${' '.repeat(9000)}reads.redisHit=5`)).toEqual(nothingCounted);
  });

  it('is short enough to be read, whatever was counted', () => {
    const measures = new Measures();
    for (const kind of readKinds) measures.reads[kind] = Infinity;
    for (const kind of eventKinds) measures.events[kind] = maxCount;
    for (const kind of latencyKinds) measures.latencies[kind].counts.fill(maxCount);
    const read = countedFrom(textOf(countedIn(measures)));
    expect([read.reads.refused, read.events.warmed, read.latencies.lockWait.at(-1)]).toEqual([
      maxCount,
      maxCount,
      maxCount,
    ]);
  });
});
