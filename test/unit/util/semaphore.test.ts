import { expect, it } from 'vitest';
import { Semaphore } from '../../../src/util/semaphore.ts';
import { settle } from '../../support/fake-clock.ts';

/** Tasks that end when told to. */
function tasks(semaphore: Semaphore, sizes: readonly number[]) {
  const started: number[] = [];
  const ends: PromiseWithResolvers<void>[] = [];
  const results = sizes.map(async (units, index) => {
    const end = Promise.withResolvers<void>();
    ends[index] = end;
    return semaphore.run(units, async () => {
      started.push(index);
      await end.promise;
    });
  });
  return { started, ends, results };
}

it('runs no more units at once than allowed, in the order asked', async () => {
  const { started, ends, results } = tasks(new Semaphore(3), [1, 1, 1, 1, 1]);
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
  const { started, ends, results } = tasks(new Semaphore(10), [6, 6, 1]);
  await settle();
  expect(started).toEqual([0]);
  for (const end of ends) end.resolve();
  await Promise.all(results);
  expect(started).toEqual([0, 1, 2]);
});

it('runs a task that is larger than the limit alone', async () => {
  const { started, ends, results } = tasks(new Semaphore(10), [1, 25, 1]);
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

it('gives the permit of a task that failed to the next', async () => {
  const semaphore = new Semaphore(1);
  const failing = semaphore.run(1, async () => {
    throw new Error('failed');
  });
  const next = semaphore.run(1, async () => 'ran');
  await expect(failing).rejects.toThrow('failed');
  expect(await next).toBe('ran');
});

it('a permit that is released in the queue lets those behind it go on', async () => {
  const semaphore = new Semaphore(10);
  const [first, large, small] = [semaphore.acquire(6), semaphore.acquire(6), semaphore.acquire(1)];
  expect([first.isGranted, large.isGranted, small.isGranted]).toEqual([true, false, false]);
  large.release();
  expect(small.isGranted).toBe(true);
  await small.granted;
  first.release();
  first.release();
  const [next, last] = [semaphore.acquire(9), semaphore.acquire(1)];
  expect([next.isGranted, last.isGranted]).toEqual([true, false]);
});
