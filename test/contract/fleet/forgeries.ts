// Roll calls among odd records and forged messages.

import { HttpRequest, InvocationContext, type HttpResponseInit } from '@azure/functions';
import { describe, expect, it } from 'vitest';
import { fleet as fleetHandler } from '../../../src/functions/fleet.ts';
import { ownName } from '../../../src/redis/own-name.ts';
import { ByteBudget } from '../../../src/util/byte-budget.ts';
import { systemClock } from '../../../src/util/clock.ts';
import { sleep } from '../../support/eventually.ts';
import type { Fleets } from '../../support/fleets.ts';

export function forgeries(fleets: Fleets): void {
  describe('what others put into Redis', () => {
    it('an odd record hides nothing else: the fleet is shown without it', async () => {
      const { namespace, last } = await fleets.start(1, { spreadMs: 100 });
      await last.rollCall.call(null);
      const { entries, rollCalls } = await last.registry.read(Date.now() + 10_000);
      const [instances, calls] = [
        ownName(namespace, '{fleet}:roster'),
        ownName(namespace, '{fleet}:roll-calls'),
      ];
      for (const key of [instances, calls])
        expect(Number(await fleets.stack.redis.admin('PTTL', key))).toBeGreaterThan(0);
      const odd = { ...entries[0]?.report, id: 'odd' };
      const reports = [
        `answered 1 ${JSON.stringify({ ...odd, startedAtMs: 1e300 })}`,
        `answered 1 ${JSON.stringify({ ...odd, lastRotationAtMs: -9e15 })}`,
        `answered ${'9'.repeat(30)} ${JSON.stringify(odd)}`,
        'answered',
      ];
      for (const [index, report] of reports.entries())
        await fleets.stack.redis.admin('HSET', instances, `odd-${index}`, report);
      const records = ['null', '{"id":"x"}', '{', JSON.stringify({ ...rollCalls[0], nextAtMs: 1e300 })];
      for (const record of records) await fleets.stack.redis.admin('LPUSH', calls, record);
      const show = fleetHandler({
        registry: last.registry,
        clock: systemClock,
        schedule: '0 * * * * *',
        requestBudgetMs: 10_000,
        budget: new ByteBudget(2 ** 25),
      });
      const request = new HttpRequest({ method: 'GET', url: 'http://localhost/api/fleet' });
      const response: HttpResponseInit = await show(request, new InvocationContext());
      expect(response).toMatchObject({ status: 200 });
      const shown = (await new Response(response.body as string).json()) as Record<string, unknown>;
      expect(shown['instances']).toMatchObject([{ id: last.id }]);
      expect(shown['rollCalls']).toMatchObject([{ id: rollCalls[0]?.id }]);
    });

    it('malformed and forged announcements, a thousand in a second, make nobody ask more than the floor allows', async () => {
      const { namespace, fleet, last } = await fleets.start(2, { spreadMs: 100 });
      const channel = ownName(namespace, '{fleet}:announcements');
      const callsBefore = fleets.stack.identity.calls.length;
      const reportsBefore = await fleets.evalCalls();
      const startedAtMs = Date.now();
      const malformed = [
        '',
        '{',
        'null',
        '[]',
        '{"id":1}',
        '{"id":"x","spreadMs":-1}',
        '{"id":"x","spreadMs":1e9}',
        'x'.repeat(100_000),
      ];
      for (const message of malformed) await fleets.stack.redis.admin('PUBLISH', channel, message);
      await Promise.all(
        Array.from({ length: 1000 }, async (_, index) =>
          fleets.stack.redis.admin(
            'PUBLISH',
            channel,
            JSON.stringify({ id: `forged-${index}`, spreadMs: 0 }),
          ),
        ),
      );
      await sleep(1500);
      // Once a second at most, each instance checked itself and reported; none was due.
      const seconds = (Date.now() - startedAtMs) / 1000;
      expect((await fleets.evalCalls()) - reportsBefore).toBeLessThanOrEqual(fleet.length * (seconds + 1));
      expect(fleets.stack.identity.calls.length).toBe(callsBefore);
      expect(await last.rollCall.call(null)).toMatchObject({ expected: 2, answered: 2, silent: [] });
    });
  });
}
