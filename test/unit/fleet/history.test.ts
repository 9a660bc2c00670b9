import { expect, it } from 'vitest';
import { History, maxPoints, pointMs } from '../../../src/fleet/history.ts';
import { countedWith } from '../../support/measures-report.ts';

const startMs = 1_000_000 * pointMs;
const hits = (redisHit: number) => countedWith({ redisHit });

it('adds up what was counted in five minutes', () => {
  const history = new History();
  history.add(countedWith({ redisHit: 3, miss: 1, unavailable: 1 }, { loads: 1 }, [10]), startMs);
  history.add(countedWith({ redisHit: 3 }, { loads: 1 }, [0, 0, 0, 90]), startMs + pointMs - 1);
  history.add(hits(1), startMs + pointMs);
  expect(history.points(startMs + pointMs + 5000)).toEqual([
    { agoMs: pointMs + 5000, reads: 8, answered: 7, hits: 6, loads: 2, p95Ms: expect.closeTo(0.97, 2) },
    { agoMs: 5000, reads: 1, answered: 1, hits: 1, loads: 0, p95Ms: null },
  ]);
});

it('is an hour long', () => {
  const history = new History();
  for (let index = 0; index < 30; index += 1) history.add(hits(index), startMs + index * pointMs);
  const points = history.points(startMs + 29 * pointMs);
  expect(points.map(({ reads }) => reads)).toEqual(
    Array.from({ length: maxPoints }, (_, index) => 18 + index),
  );
  expect(points[0]?.agoMs).toBe(11 * pointMs);
});

it('forgets what is older after a long pause, too', () => {
  const history = new History();
  history.add(hits(1), startMs);
  history.add(hits(2), startMs + 100 * pointMs);
  expect(history.points(startMs + 100 * pointMs)).toMatchObject([{ reads: 2 }]);
});
