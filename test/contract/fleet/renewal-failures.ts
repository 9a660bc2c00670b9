// What a roll call says of instances that cannot renew their tokens.

import { describe, expect, it } from 'vitest';
import { dueAtMs } from '../../../src/auth/refresh-policy.ts';
import { silentClock } from '../../support/fleet-instance.ts';
import { sleepUntil, type Fleets } from '../../support/fleets.ts';

export function renewalFailures(fleets: Fleets): void {
  describe('an instance that cannot renew its token', () => {
    it('is named while the identity endpoint fails', async () => {
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
      const seen = await last.registry.read(Date.now() + 10_000);
      for (const { report } of seen.entries) expect(report.failure).toContain('renewal has not ended');
    });

    it('is named as failing while its AUTH is refused', async () => {
      const { last } = await fleets.start(2, {
        keeperClock: silentClock,
        // Its connections are replaced shortly before that, and then reports can be lost: far from now.
        tokenLifetimeMs: 20_000,
        spreadMs: 200,
      });
      fleets.stack.front.setBehaviour('refuse-auth');
      await sleepUntil(dueAtMs(last.keeper.current() ?? expect.unreachable()) + 200);
      const outcome = await last.rollCall.call(null);
      expect(outcome).toMatchObject({ expected: 2, answered: 2, rotated: 2, failed: 2, silent: [] });
      const seen = await last.registry.read(Date.now() + 10_000);
      for (const { report } of seen.entries) {
        expect(report.reauthenticationsFailed).toBeGreaterThan(0);
        // Another connection may have taken its place before the report, or not.
        const late = 'A connection is not authenticated with the new token yet.';
        expect([late, null]).toContain(report.failure);
      }
    });
  });
}
