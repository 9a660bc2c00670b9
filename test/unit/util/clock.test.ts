import { AsyncLocalStorage } from 'node:async_hooks';
import { expect, it } from 'vitest';
import { delay, systemClock } from '../../../src/util/clock.ts';

it('the real clock goes forward near the wall clock, and its timers fire unless they are cancelled', async () => {
  const fromMs = systemClock.nowMs();
  expect(Math.abs(systemClock.wallMs() - fromMs)).toBeLessThan(60_000);
  const fired = Promise.withResolvers<void>();
  const cancel = systemClock.after(0, () => expect.unreachable('was cancelled'));
  cancel();
  // Longer than a timer of Node.js can be, which would fire at once.
  const cancelLong = systemClock.after(2 ** 40, () => expect.unreachable('fired early'));
  // What keeps this process alive until then is not the timer.
  const alive = setTimeout(() => {}, 10_000);
  systemClock.after(-1, fired.resolve);
  await fired.promise;
  cancelLong();
  clearTimeout(alive);
  expect(systemClock.nowMs()).toBeGreaterThanOrEqual(fromMs);
});

it('a timer belongs to nobody who set it', async () => {
  const calls = new AsyncLocalStorage<string>();
  const fired = Promise.withResolvers<string | undefined>();
  const waited = calls.run('a call', async () => {
    systemClock.after(0, () => fired.resolve(calls.getStore()));
    await delay(systemClock, 1);
    return calls.getStore();
  });
  expect([await fired.promise, await waited]).toEqual([undefined, 'a call']);
});
