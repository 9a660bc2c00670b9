// Roll calls over Pub/Sub with real tokens: they renew those of every instance, on every connection, and outlive Redis.

import { describe, expect, it } from 'vitest';
import { dueAtMs } from '../../../src/auth/refresh-policy.ts';
import { eventually } from '../../support/eventually.ts';
import { silentClock } from '../../support/fleet-instance.ts';
import { authsByConnection, readOnAll, sleepUntil, type Fleets } from '../../support/fleets.ts';
import { failed } from '../../support/steady-reads.ts';

export function rollCalls(fleets: Fleets): void {
  describe('a fleet whose instances do not renew themselves', () => {
    it('lives by the ticks on its last instance alone, over four lifetimes', async () => {
      const [spreadMs, tokenLifetimeMs] = [500, 10_000];
      const { connections } = fleets.cache;
      const started = await fleets.start(4, { keeperClock: silentClock, tokenLifetimeMs, spreadMs });
      const { fleet, last } = started;
      const reads = readOnAll(fleet);
      for (let rotations = 1; rotations <= 4; rotations += 1) {
        const dueMs = Math.max(
          ...fleet.map(({ keeper }) => dueAtMs(keeper.current() ?? expect.unreachable())),
        );
        await sleepUntil(dueMs + 200);
        const outcome = await last.rollCall.call(null);
        expect(outcome).toMatchObject({ expected: 4, answered: 4, rotated: 4, failed: 0, silent: [] });
        expect(outcome.shortestTimeLeftMs).toBeGreaterThan(tokenLifetimeMs / 2);
        // A tick well before the next is due: all report, nobody has anything to do.
        const early = await last.rollCall.call(null);
        expect(early).toMatchObject({ expected: 4, answered: 4, rotated: 0, failed: 0, silent: [] });
        expect(authsByConnection(started)).toEqual(Array.from({ length: 4 * connections }, () => rotations));
      }
      for (const one of reads) expect(failed(await one.stop())).toEqual([]);
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
        expect(await last.rollCall.call(null)).toMatchObject({
          expected: 4,
          answered: 4,
          failed: 0,
          silent: [],
        });
      }
      for (const one of reads) expect(failed(await one.stop())).toEqual([]);
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
      await eventually(
        async () => expect(await last.rollCall.call(null)).toMatchObject({ answered: 3, silent: [] }),
        10_000,
      );
      expect(await last.rollCall.call(null)).toMatchObject({ expected: 3, answered: 3 });
    });
  });
}
