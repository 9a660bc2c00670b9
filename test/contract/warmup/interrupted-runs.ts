// Runs of the warmup that are cut short, share an origin, or lose a part: the next one goes on where they stopped.

import { InvocationContext, type Timer } from '@azure/functions';
import { lockKeys } from '../../../src/cache/lock-keys.ts';
import { systemClock } from '../../../src/util/clock.ts';
import { scheduledWarmup } from '../../../src/functions/scheduled-warmup.ts';
import { expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { entryKey } from '../../support/cache-instance.ts';
import type { Warmups } from '../../support/warmups.ts';

export function interruptedRuns(warm: Warmups): void {
  it('takes the next run from the schedule: what the host calls next is the tick that is being run', async () => {
    await using instance = await warm.start({ CACHE_DEFAULT_TTL_SECONDS: '100' });
    warm.fill(3);
    const lines: string[] = [];
    const context = new InvocationContext({
      functionName: 'scheduledWarmup',
      logHandler: (_level, message) => void lines.push(String(message)),
    });
    const handler = scheduledWarmup({
      warmup: instance.warmup,
      clock: systemClock,
      schedule: '0 0 0 1 1 *',
      invocationLimitMs: 300_000,
      loadLimitMs: 30_000,
    });
    const now = new Date().toISOString();
    const timer: Timer = {
      isPastDue: false,
      schedule: { adjustForDST: true },
      scheduleStatus: { last: now, next: now, lastUpdated: now },
    };
    await handler(timer, context);
    await handler(timer, context);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain('"loaded":3');
    expect(lines[1]).toContain('"renewed":3');
  });

  it('with five instances one does the work', async () => {
    const instances = await Promise.all([1, 2, 3, 4, 5].map(async () => warm.start()));
    try {
      warm.fill(500);
      warm.origin.delayMs = 20;
      await Promise.all(instances.map(async ({ redis }) => redis.ping(Date.now() + 5000)));
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
    const containerUrl = 'https://localhost/account/container';
    const scope = JSON.stringify([containerUrl, '']);
    const { lock } = lockKeys('ref', { kind: 'warmup', name: scope });
    warm.origin.delayMs = 2000;
    const running = warm.run(instance);
    await eventually(() => expect(warm.origin.loads).toHaveLength(3));
    // Nor does a removal, or the load, of such a key touch its lock.
    for (const name of [`warmup ${scope}`, scope]) {
      warm.origin.delaysMs.set(name, 0);
      await instance.cache.read(entryKey(name), Date.now() + 1800);
      await instance.cache.remove(entryKey(name), { kind: 'none', etags: [] }, Date.now() + 1800);
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

  it('stops at its time limit, and the next run goes on there, on another instance, and goes round', async () => {
    await using first = await warm.start();
    await using second = await warm.start();
    warm.fill(1000);
    warm.origin.pageSize = 100;
    warm.origin.delayMs = 100;
    const cut = await warm.run(first, { limitMs: 900 });
    expect(cut.complete).toBe(false);
    expect(cut.loaded).toBeGreaterThan(0);
    expect(cut.loaded).toBeLessThan(1000);
    const before = warm.origin.loads.length;
    const rest = await warm.run(second);
    expect(rest.complete).toBe(true);
    expect(cut.loaded + rest.loaded).toBe(1000);
    // It began in the middle: the page it stopped in came first.
    const pageOf = (index: number): number =>
      Math.floor(Number(warm.origin.loads[index]?.name.split('/')[1]) / 100);
    expect(pageOf(before)).toBe(Math.floor(cut.loaded / 100));
    await warm.expectWarm(first);
    expect(await warm.stack.redis.admin('KEYS', 'ref:\u001Fwarmup:*')).toEqual([]);
  });

  it('gives up at its end what still hangs then, and the next run loads it', async () => {
    await using instance = await warm.start();
    warm.fill(50);
    warm.origin.delayMs = 30_000;
    const startedAtMs = Date.now();
    const cut = await warm.run(instance, { limitMs: 200, endsInMs: 400 });
    expect(Date.now() - startedAtMs).toBeLessThan(10_000);
    expect(cut).toMatchObject({ complete: false, loaded: 0, failed: {} });
    warm.origin.delayMs = 0;
    expect(await warm.run(instance)).toMatchObject({ complete: true, loaded: 50 });
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
    const report = await eventually(async () => warm.run(instance), 6000);
    expect(report).toMatchObject({ complete: true, failed: {} });
    expect(report.loaded).toBeLessThan(800);
    await warm.expectWarm(instance);
  });

  it('begins anew when the place where it stopped is gone', async () => {
    await using instance = await warm.start();
    warm.fill(200);
    warm.origin.pageSize = 50;
    warm.origin.delayMs = 200;
    expect((await warm.run(instance, { limitMs: 700 })).complete).toBe(false);
    expect(await warm.stack.redis.admin('KEYS', 'ref:\u001Fwarmup:*')).toHaveLength(1);
    warm.origin.refusesTokens = true;
    expect(await warm.run(instance)).toMatchObject({ complete: true, failed: { 'listing-failed': 1 } });
    await warm.expectWarm(instance);
  });

  it('keeps few names in memory: pages are asked for as they are worked off', async () => {
    await using instance = await warm.start();
    const [pageSize, pages] = [100, 500];
    warm.fill(pages * pageSize, 1);
    warm.origin.pageSize = pageSize;
    let ahead = 0;
    warm.origin.decide = () => {
      ahead = Math.max(ahead, warm.origin.pages - Math.floor(warm.origin.loads.length / pageSize));
      return undefined;
    };
    const report = await warm.run(instance, { limitMs: 3000 });
    expect(report.listed).toBeGreaterThan(5 * pageSize);
    expect(ahead).toBeLessThanOrEqual(2);
    expect(warm.origin.peak).toBeLessThanOrEqual(32);
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
    const report = await eventually(async () => warm.run(instance), 6000);
    expect(report).toMatchObject({ loaded: 1000, complete: true, failed: {} });
  });
}
