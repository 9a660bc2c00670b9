// Roll calls over Pub/Sub with real tokens: they renew those of every instance, on every connection, and outlive Redis.

import { describe, expect, it } from 'vitest';
import { dueAtMs } from '../../../src/auth/refresh-policy.ts';
import { eventually } from '../../support/eventually.ts';
import { silentClock } from '../../support/fleet-instance.ts';
import { authsByConnection, readOnAll, sleepUntil, type Fleets } from '../../support/fleets.ts';
import { troubled } from '../../support/steady-reads.ts';

/** How long a read may take, beside what the machine takes. */
const promptMs = 2000;

const ascending = (a: number, b: number): number => a - b;

export function rollCalls(fleets: Fleets): void {
  /** Whether an instance can have checked itself in the time that it has for that. */
  const wasPrompt = (fromMs: number): boolean => fleets.control.totalIn(fromMs) < 500;

  describe('a fleet whose instances do not renew themselves', () => {
    it('lives by the ticks on its last instance alone, over four lifetimes', async () => {
      const [spreadMs, tokenLifetimeMs] = [500, 10_000];
      const { connections } = fleets.cache;
      const started = await fleets.start(4, { keeperClock: silentClock, tokenLifetimeMs, spreadMs });
      const { fleet, last } = started;
      const reads = readOnAll(fleet);
      const rotations = (): number[] => fleet.map(({ keeper }) => keeper.status().rotations);
      for (let lifetimes = 1; lifetimes <= 4; lifetimes += 1) {
        const before = rotations();
        const dueMs = Math.max(
          ...fleet.map(({ keeper }) => dueAtMs(keeper.current() ?? expect.unreachable())),
        );
        await sleepUntil(dueMs + 200);
        const calledAtMs = Date.now();
        const outcome = await last.rollCall.call(null);
        expect(outcome).toMatchObject({ expected: 4, answered: 4, silent: [] });
        if (wasPrompt(calledAtMs)) {
          expect(outcome).toMatchObject({ rotated: 4, failed: 0 });
          expect(outcome.shortestTimeLeftMs).toBeGreaterThan(tokenLifetimeMs / 2);
        }
        // A tick well before the next is due: all report, nobody has anything to do.
        const early = await last.rollCall.call(null);
        expect(early).toMatchObject({ expected: 4, answered: 4, silent: [] });
        if (wasPrompt(calledAtMs)) expect(early).toMatchObject({ rotated: 0, failed: 0 });
        if (wasPrompt(calledAtMs)) expect(rotations()).toEqual(before.map((count) => count + 1));
        // One AUTH on each connection for each rotation of its instance.
        await eventually(() => {
          const due = rotations().flatMap((count) => Array.from({ length: connections }, () => count - 1));
          expect(authsByConnection(started).toSorted(ascending)).toEqual(due.toSorted(ascending));
        });
      }
      for (const one of reads) expect(troubled(await one.stop(), promptMs, fleets.control)).toEqual([]);
      expect(started.connections()).toHaveLength(4 * connections);
    });
  });

  describe('a fleet whose instances renew themselves', () => {
    it('reports 4 of 4, and the roll call adds no AUTH', async () => {
      const started = await fleets.start(4, { tokenLifetimeMs: 6000, spreadMs: 500 });
      const { fleet, last } = started;
      const reads = readOnAll(fleet);
      const begun = last.keeper.status().rotations;
      while (last.keeper.status().rotations < begun + 2) {
        const calledAtMs = Date.now();
        const outcome = await last.rollCall.call(null);
        expect(outcome).toMatchObject({ expected: 4, answered: 4, silent: [] });
        if (wasPrompt(calledAtMs)) expect(outcome.failed).toBe(0);
      }
      for (const one of reads) expect(troubled(await one.stop(), promptMs, fleets.control)).toEqual([]);
      for (const { auths } of started.connections()) {
        expect(new Set(auths.map(({ tokenExpiresAtMs }) => tokenExpiresAtMs)).size).toBe(auths.length);
      }
    });
  });

  describe('a roll call', () => {
    it('while Redis restarts fails alone: the next one hears everybody', async () => {
      const { fleet, last } = await fleets.start(3, { spreadMs: 100, graceMs: 1000 });
      const during = last.rollCall.call(null).then(
        () => 'done',
        () => 'failed',
      );
      await fleets.stack.redis.kill();
      await fleets.stack.redis.restart();
      expect(['done', 'failed']).toContain(await during);
      await eventually(() => {
        for (const { redis } of fleet) expect(redis.status().state).toBe('ready');
      });
      // The registry is gone; who answers enters it again.
      await eventually(async () => {
        expect(await last.rollCall.call(null)).toMatchObject({ answered: 3, silent: [] });
        expect(await last.rollCall.call(null)).toMatchObject({ expected: 3, answered: 3 });
      });
    });
  });
}
