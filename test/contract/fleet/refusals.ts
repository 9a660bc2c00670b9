// A Redis that refuses what the fleet needs: the roll is called as far as that goes.

import { describe, expect, it } from 'vitest';
import type { RedisCluster } from '../../../local/redis-cluster/cluster.ts';
import { systemAssigned } from '../../../local/token-issuer.ts';
import { ownName } from '../../../src/redis/own-name.ts';
import { eventually } from '../../support/eventually.ts';
import type { FleetInstance } from '../../support/fleet-instance.ts';
import type { Fleets } from '../../support/fleets.ts';

export function refusals(fleets: Fleets): void {
  describe('a Redis that refuses', () => {
    const user = systemAssigned.objectId;
    const onAll = async (...command: string[]): Promise<void> => {
      const servers =
        'nodes' in fleets.stack.redis ? (fleets.stack.redis as RedisCluster).nodes : [fleets.stack.redis];
      for (const server of servers) await server.admin(...command);
    };
    const typesOf = ({ events }: FleetInstance, cause: string): string[] =>
      events.flatMap((event) => ('cause' in event && event.cause === cause ? [event.type] : []));

    it('to run scripts: the roll call reaches everybody, says that nothing was written, and it is told', async () => {
      const { fleet, last } = await fleets.start(3, { spreadMs: 100 });
      await onAll('ACL', 'SETUSER', user, '-eval');
      fleets.atEnd(async () => onAll('ACL', 'SETUSER', user, '+@all'));
      for (let calls = 0; calls < 2; calls += 1) {
        const outcome = await last.rollCall.call(null);
        expect(outcome).toMatchObject({ expected: 3, answered: 3, failed: 0, silent: [] });
        expect(outcome.unrecorded).toContain('NOPERM');
      }
      for (const one of fleet) expect(typesOf(one, 'no-permission')).toEqual(['commandRefused']);
      await onAll('ACL', 'SETUSER', user, '+@all');
      expect(await last.rollCall.call(null)).toMatchObject({ answered: 3, silent: [], unrecorded: null });
      await eventually(() => {
        for (const one of fleet) expect(typesOf(one, 'no-permission').at(-1)).toBe('commandAccepted');
      });
    });

    it('the roster itself: the roll is called all the same, as far as it is known who is there', async () => {
      const { namespace, last } = await fleets.start(2, { spreadMs: 100 });
      await onAll('ACL', 'SETUSER', user, 'resetkeys', '~other:*');
      fleets.atEnd(async () => onAll('ACL', 'SETUSER', user, '~*'));
      const outcome = await last.rollCall.call(null);
      expect(outcome).toMatchObject({ expected: 2, answered: 2, silent: [] });
      expect(outcome.unrecorded).toContain('NOPERM');
      await onAll('ACL', 'SETUSER', user, '~*');
      expect(await fleets.stack.redis.admin('LLEN', ownName(namespace, '{fleet}:roll-calls'))).toBe(0);
    });

    it('to write, for want of memory: it is told once, and reads and announcements go on', async () => {
      const { fleet, last } = await fleets.start(2, { spreadMs: 100 });
      await onAll('CONFIG', 'SET', 'maxmemory', '1');
      fleets.atEnd(async () => onAll('CONFIG', 'SET', 'maxmemory', '0'));
      const outcome = await last.rollCall.call(null);
      expect(outcome).toMatchObject({ expected: 2, answered: 2, silent: [] });
      expect(outcome.unrecorded).toContain('OOM');
      for (const one of fleet) expect(typesOf(one, 'out-of-memory')).toEqual(['commandRefused']);
      await onAll('CONFIG', 'SET', 'maxmemory', '0');
      expect(await last.rollCall.call(null)).toMatchObject({ answered: 2, silent: [], unrecorded: null });
      await eventually(() => {
        for (const one of fleet) expect(typesOf(one, 'out-of-memory').at(-1)).toBe('commandAccepted');
      });
    });

    it('the announcement: nobody was called, and that is an error', async () => {
      const { last } = await fleets.start(1, { spreadMs: 100 });
      await onAll('ACL', 'SETUSER', user, '-publish');
      fleets.atEnd(async () => onAll('ACL', 'SETUSER', user, '+@all'));
      await expect(last.rollCall.call(null)).rejects.toMatchObject({ code: 'command-failed' });
    });
  });
}
