import { expect, it } from 'vitest';
import { DeadlineQueue } from '../../../src/util/deadline-queue.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const late = (): Error => new Error('late');

it('all who wait get the value, or the error, and no timer is left', async () => {
  const clock = new FakeClock();
  const queue = new DeadlineQueue<number>(clock);
  const waiting = [queue.wait(clock.nowMs() + 100, late), queue.wait(Infinity, late)];
  queue.resolveAll(1);
  expect(await Promise.all(waiting)).toEqual([1, 1]);
  const failing = queue.wait(clock.nowMs() + 100, late);
  queue.rejectAll(new Error('stopped'));
  await expect(failing).rejects.toThrow('stopped');
  expect(clock.pendingTimers).toBe(0);
});

it('each waits until its own deadline', async () => {
  const clock = new FakeClock();
  const queue = new DeadlineQueue<number>(clock);
  const first = queue.wait(clock.nowMs() + 100, late);
  const second = queue.wait(clock.nowMs() + 200, late);
  first.catch(() => {});
  await clock.advance(100);
  await expect(first).rejects.toThrow('late');
  queue.resolveAll(2);
  expect(await second).toBe(2);
});
