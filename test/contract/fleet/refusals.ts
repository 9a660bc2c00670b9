// A Redis that refuses what the fleet needs: the roll is called as far as that goes.

import { describe, expect, it } from 'vitest';
import { systemAssigned } from '../../../local/token-issuer.ts';
import { ownName } from '../../../src/redis/own-name.ts';
import { eventually } from '../../support/eventually.ts';
import type { FleetInstance } from '../../support/fleet-instance.ts';
import type { Fleets } from '../../support/fleets.ts';

export function refusals(fleets: Fleets): void {
  describe('a Redis that refuses', () => {
    const user = systemAssigned.objectId;
    const typesOf = ({ events }: FleetInstance, cause: string): string[] =>
      events.flatMap((event) => ('cause' in event && event.cause === cause ? [event.type] : []));

    it('to run scripts: the roll call reaches everybody, says that nothing was written, and so does an event', async () => {
      const { fleet, last } = await fleets.start(3, { spreadMs: 100 });
      await fleets.onAll('ACL', 'SETUSER', user, '-eval');
      fleets.atEnd(async () => fleets.onAll('ACL', 'SETUSER', user, '+@all'));
      for (let calls = 0; calls < 2; calls += 1) {
        const outcome = await last.rollCall.call(null);
        expect(outcome).toMatchObject({ expected: 3, answered: 3, failed: 0, silent: [] });
        expect(outcome.unrecorded).toContain('NOPERM');
      }
      for (const one of fleet) expect(typesOf(one, 'no-permission')).toEqual(['commandRefused']);
      await fleets.onAll('ACL', 'SETUSER', user, '+@all');
      expect(await last.rollCall.call(null)).toMatchObject({ answered: 3, silent: [], unrecorded: null });
      await eventually(() => {
        for (const one of fleet) expect(typesOf(one, 'no-permission').at(-1)).toBe('commandAccepted');
      });
    });

    it('the registry itself: the roll is called all the same, and counts who hears it', async () => {
      const { namespace, last } = await fleets.start(2, { spreadMs: 100 });
      await fleets.onAll('ACL', 'SETUSER', user, 'resetkeys', '~other:*');
      fleets.atEnd(async () => fleets.onAll('ACL', 'SETUSER', user, '~*'));
      const outcome = await last.rollCall.call(null);
      expect(outcome).toMatchObject({ expected: 2, answered: 2, silent: [] });
      expect(outcome.unrecorded).toContain('NOPERM');
      await fleets.onAll('ACL', 'SETUSER', user, '~*');
      expect(await fleets.stack.redis.admin('LLEN', ownName(namespace, '{fleet}:roll-calls'))).toBe(0);
    });

    it('to write, for want of memory: an event says so once, and reads and announcements go on', async () => {
      const { fleet, last } = await fleets.start(2, { spreadMs: 100 });
      await fleets.onAll('CONFIG', 'SET', 'maxmemory', '1');
      fleets.atEnd(async () => fleets.onAll('CONFIG', 'SET', 'maxmemory', '0'));
      const outcome = await last.rollCall.call(null);
      expect(outcome).toMatchObject({ expected: 2, answered: 2, silent: [] });
      expect(outcome.unrecorded).toContain('OOM');
      for (const one of fleet) expect(typesOf(one, 'out-of-memory')).toEqual(['commandRefused']);
      await fleets.onAll('CONFIG', 'SET', 'maxmemory', '0');
      expect(await last.rollCall.call(null)).toMatchObject({ answered: 2, silent: [], unrecorded: null });
      await eventually(() => {
        for (const one of fleet) expect(typesOf(one, 'out-of-memory').at(-1)).toBe('commandAccepted');
      });
    });
  });
}
