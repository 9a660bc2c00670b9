import { expect, it } from 'vitest';
import { Limiter } from '../../src/limiter.ts';
import { settle } from '../support/fake-clock.ts';

/** Tasks that end when told to. */
function tasks(limiter: Limiter, sizes: readonly number[]) {
  const started: number[] = [];
  const ends: PromiseWithResolvers<void>[] = [];
  const results = sizes.map(async (units, index) => {
    const end = Promise.withResolvers<void>();
    ends[index] = end;
    return limiter.run(units, async () => {
      started.push(index);
      await end.promise;
    });
  });
  return { started, ends, results };
}

it('runs no more units at once than allowed, in the order asked', async () => {
  const { started, ends, results } = tasks(new Limiter(3), [1, 1, 1, 1, 1]);
  await settle();
  expect(started).toEqual([0, 1, 2]);
  ends[1]?.resolve();
  await settle();
  expect(started).toEqual([0, 1, 2, 3]);
  for (const end of ends) end.resolve();
  await Promise.all(results);
  expect(started).toEqual([0, 1, 2, 3, 4]);
});

it('lets nobody small overtake somebody large', async () => {
  const { started, ends, results } = tasks(new Limiter(10), [6, 6, 1]);
  await settle();
  expect(started).toEqual([0]);
  for (const end of ends) end.resolve();
  await Promise.all(results);
  expect(started).toEqual([0, 1, 2]);
});

it('runs a task that is larger than the limit alone', async () => {
  const { started, ends, results } = tasks(new Limiter(10), [1, 25, 1]);
  await settle();
  expect(started).toEqual([0]);
  ends[0]?.resolve();
  await settle();
  expect(started).toEqual([0, 1]);
  ends[1]?.resolve();
  await settle();
  expect(started).toEqual([0, 1, 2]);
  ends[2]?.resolve();
  await Promise.all(results);
});

it('gives the place of a task that failed to the next', async () => {
  const limiter = new Limiter(1);
  const failing = limiter.run(1, async () => {
    throw new Error('failed');
  });
  const next = limiter.run(1, async () => 'ran');
  await expect(failing).rejects.toThrow('failed');
  expect(await next).toBe('ran');
});

it('a place that is left in the queue lets those behind it go on', async () => {
  const limiter = new Limiter(10);
  const [first, large, small] = [limiter.enter(6), limiter.enter(6), limiter.enter(1)];
  expect([first.entered, large.entered, small.entered]).toEqual([true, false, false]);
  large.leave();
  expect(small.entered).toBe(true);
  await small.turn;
  first.leave();
  first.leave();
  const [next, last] = [limiter.enter(9), limiter.enter(1)];
  expect([next.entered, last.entered]).toEqual([true, false]);
});
