// Roll calls around the renewal of tokens: what they bring about, and what they say of who fails.

import { describe, expect, it } from 'vitest';
import { dueAtMs } from '../../../src/auth/refresh-policy.ts';
import { silentClock } from '../../support/fleet-instance.ts';
import { authsByConnection, readOnAll, sleepUntil, type Fleets } from '../../support/fleets.ts';
import { failed } from '../../support/steady-reads.ts';

export function renewal(fleets: Fleets): void {
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

    it('says who failed to renew, and goes on', async () => {
      const { last } = await fleets.start(2, {
        keeperClock: silentClock,
        tokenLifetimeMs: 8000,
        spreadMs: 200,
      });
      fleets.stack.identity.setBehaviour('fail');
      await sleepUntil(dueAtMs(last.keeper.current() ?? expect.unreachable()) + 200);
      const outcome = await last.rollCall.call(null);
      expect(outcome).toMatchObject({ expected: 2, answered: 2, rotated: 0, failed: 2, silent: [] });
      expect(outcome.failing.toSorted()).toEqual(['member-1', 'member-2']);
    });
  });

  describe('an instance that cannot finish in time', () => {
    it('is named as failing while the identity endpoint hangs', async () => {
      const { last } = await fleets.start(2, {
        keeperClock: silentClock,
        tokenLifetimeMs: 8000,
        spreadMs: 200,
      });
      fleets.stack.identity.setBehaviour('hang');
      await sleepUntil(dueAtMs(last.keeper.current() ?? expect.unreachable()) + 200);
      const outcome = await last.rollCall.call(null);
      expect(outcome).toMatchObject({ expected: 2, answered: 2, rotated: 0, failed: 2, silent: [] });
      const seen = await last.roster.read(Date.now() + 1000);
      for (const { report } of seen.entries) expect(report.failure).toContain('renewal has not ended');
    });

    it('is named as failing while its AUTH is refused', async () => {
      const { last } = await fleets.start(2, {
        keeperClock: silentClock,
        tokenLifetimeMs: 10_000,
        spreadMs: 200,
      });
      fleets.stack.front.setBehaviour('refuse-auth');
      await sleepUntil(dueAtMs(last.keeper.current() ?? expect.unreachable()) + 200);
      const outcome = await last.rollCall.call(null);
      expect(outcome).toMatchObject({ expected: 2, answered: 2, rotated: 2, failed: 2, silent: [] });
      const seen = await last.roster.read(Date.now() + 1000);
      for (const { report } of seen.entries) {
        expect(report.failure).toContain('not authenticated');
        expect(report.reauthenticationsFailed).toBeGreaterThan(0);
      }
    });
  });
}
