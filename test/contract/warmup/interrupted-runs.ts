// Runs of the warmup that are cut short, share an origin, or lose a part: the next one goes on where they stopped.

import { lockKeys } from '../../../src/cache/lock-keys.ts';
import { expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { entryKey } from '../../support/cache-instance.ts';
import type { Warmups } from '../../support/warmups.ts';

export function interruptedRuns(warm: Warmups): void {
  it('with five instances one does the work', async () => {
    const instances = await Promise.all([1, 2, 3, 4, 5].map(async () => warm.start()));
    try {
      warm.fill(500);
      warm.origin.delayMs = 20;
      await Promise.all(instances.map(async ({ redis }) => redis.ping(Date.now() + 30_000)));
      const nowMs = Date.now();
      const outcomes = await Promise.all(
        instances.map(async ({ warmup }) =>
          warmup?.run({
            nextRunAtMs: nowMs + 300_000,
            deadlineAtMs: nowMs + 60_000,
            endsAtMs: nowMs + 90_000,
          }),
        ),
      );
      expect(outcomes.filter((outcome) => outcome?.kind === 'ended')).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome?.kind === 'held')).toHaveLength(4);
      expect(warm.origin.loads).toHaveLength(500);
    } finally {
      await Promise.all(instances.map(async (instance) => instance[Symbol.asyncDispose]()));
    }
  });

  it('is kept from running by no key that a client can name, and by no lock that is not its own', async () => {
    await using instance = await warm.start();
    warm.fill(3);
    const scope = JSON.stringify([warm.origin.listing.scope, '']);
    const { lock } = lockKeys('ref', { kind: 'warmup', name: scope });
    warm.origin.delayMs = 2000;
    const running = warm.run(instance);
    await eventually(() => expect(warm.origin.loads).toHaveLength(3));
    // Nor does a removal, or the load, of such a key touch its lock.
    for (const name of [`warmup ${scope}`, scope]) {
      warm.origin.delaysMs.set(name, 0);
      await instance.cache.read(entryKey(name), Date.now() + 15_000);
      await instance.cache.remove(entryKey(name), { kind: 'none', etags: [] }, Date.now() + 15_000);
    }
    expect(await warm.stack.redis.admin('EXISTS', lock)).toBe(1);
    expect(await running).toMatchObject({ complete: true });
    warm.origin.delayMs = 0;
    for (const forgery of [
      ['SET', lock, 'x'],
      ['SET', lock, 'x', 'PX', '600000'],
      ['RPUSH', lock, 'x'],
    ]) {
      await eventually(async () => expect(await warm.stack.redis.admin('EXISTS', lock)).toBe(0));
      await warm.stack.redis.admin(...forgery);
      expect(await warm.run(instance)).toMatchObject({ complete: true });
    }
  });

  it('killed half-way, the next run completes it as soon as the lock has expired', async () => {
    const killed = await warm.start();
    await using instance = await warm.start();
    warm.fill(1000);
    warm.origin.delayMs = 20;
    warm.origin.pageSize = 100;
    const running = killed.warmup?.run({
      nextRunAtMs: Date.now() + 300_000,
      deadlineAtMs: Date.now() + 60_000,
      endsAtMs: Date.now() + 90_000,
    });
    await eventually(() => expect(warm.origin.loads.length).toBeGreaterThan(300));
    // As a killed process: nothing is released.
    await killed.redis.close();
    killed.keeper.stop();
    expect(await running).toMatchObject({ report: { complete: false } });
    const report = await eventually(async () => warm.run(instance));
    expect(report).toMatchObject({ complete: true, failed: {} });
    expect(report.loaded).toBeLessThan(800);
    await warm.expectWarm(instance);
  });

  it('ends when the origin or Redis is gone, says so, and the next run goes on', async () => {
    await using instance = await warm.start();
    warm.fill(1000);
    warm.origin.pageSize = 1000;
    warm.origin.failing = true;
    expect(await warm.run(instance)).toMatchObject({ complete: false, failed: { 'listing-failed': 1 } });
    warm.origin.failing = false;
    warm.origin.decide = () => {
      if (warm.origin.loads.length >= 200) warm.origin.failing = true;
      return undefined;
    };
    const broken = await warm.run(instance);
    expect(broken.complete).toBe(false);
    expect(broken.failed['origin-failed']).toBeLessThan(200);
    warm.origin.decide = undefined;
    warm.origin.failing = false;
    warm.origin.delayMs = 20;
    const running = warm.run(instance);
    await eventually(() => expect(warm.origin.loads.length).toBeGreaterThan(400));
    await warm.stack.redis.kill();
    const cut = await running;
    expect(cut).toMatchObject({ complete: false });
    expect(Object.keys(cut.failed)).toEqual(['cache-unavailable']);
    await warm.stack.redis.restart();
    const report = await eventually(async () => warm.run(instance));
    expect(report).toMatchObject({ loaded: 1000, complete: true, failed: {} });
  });
}
