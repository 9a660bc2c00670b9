// Roll calls in trouble: ghosts, forgeries, restarts, clocks.

import { HttpRequest, InvocationContext, type HttpResponseInit } from '@azure/functions';
import { describe, expect, it } from 'vitest';
import { fleet as fleetHandler } from '../../../src/functions/fleet.ts';
import { ownName } from '../../../src/redis/own-name.ts';
import { ByteBudget } from '../../../src/util/byte-budget.ts';
import { systemClock, type Clock } from '../../../src/util/clock.ts';
import { eventually, sleep } from '../../support/eventually.ts';
import type { Fleets } from '../../support/fleets.ts';

export function trouble(fleets: Fleets): void {
  describe('trouble', () => {
    it('two roll calls at once both hear everybody', async () => {
      const { fleet } = await fleets.start(3, { spreadMs: 300 });
      const outcomes = await Promise.all(fleet.slice(0, 2).map(async ({ rollCall }) => rollCall.call(null)));
      for (const outcome of outcomes) expect(outcome).toMatchObject({ expected: 3, answered: 3, silent: [] });
    });

    it('an instance that is gone without a word is silent once, by name, and then forgotten', async () => {
      const { namespace, last } = await fleets.start(2, { spreadMs: 100, graceMs: 1000 });
      const ghost = { ...(await last.roster.read(Date.now() + 1000)).entries[0]?.report, id: 'ghost' };
      await fleets.stack.redis.admin(
        'HSET',
        ownName(namespace, '{fleet}:roster'),
        'ghost',
        `answered 1 ${JSON.stringify(ghost)}`,
      );
      const first = await last.rollCall.call(null);
      expect(first).toMatchObject({ expected: 3, answered: 2, silent: ['ghost'] });
      const seen = await last.roster.read(Date.now() + 1000);
      expect(seen.entries.find(({ report }) => report.id === 'ghost')?.status).toBe('silent');
      expect(await last.rollCall.call(null)).toMatchObject({ expected: 2, answered: 2, silent: [] });
      const after = await last.roster.read(Date.now() + 1000);
      expect(after.entries.map(({ report }) => report.id)).not.toContain('ghost');
      expect(after.rollCalls).toHaveLength(2);
    });

    it('a report from a time to come does not make a ghost of its instance for ever', async () => {
      const { namespace, last } = await fleets.start(1, { spreadMs: 100, graceMs: 500 });
      const ghost = { ...(await last.roster.read(Date.now() + 1000)).entries[0]?.report, id: 'ghost' };
      const roster = ownName(namespace, '{fleet}:roster');
      const ahead = Date.now() + 3_600_000;
      await fleets.stack.redis.admin('HSET', roster, 'ghost', `answered ${ahead} ${JSON.stringify(ghost)}`);
      expect(await last.rollCall.call(null)).toMatchObject({ expected: 2, answered: 1, silent: ['ghost'] });
      expect(await last.rollCall.call(null)).toMatchObject({ expected: 1, answered: 1, silent: [] });
    });

    it('an odd record hides nothing else: the fleet is shown without it', async () => {
      const { namespace, last } = await fleets.start(1, { spreadMs: 100 });
      await last.rollCall.call(null);
      const { entries, rollCalls } = await last.roster.read(Date.now() + 1000);
      const [roster, calls] = [
        ownName(namespace, '{fleet}:roster'),
        ownName(namespace, '{fleet}:roll-calls'),
      ];
      const odd = { ...entries[0]?.report, id: 'odd' };
      const reports = [
        `answered 1 ${JSON.stringify({ ...odd, startedAtMs: 1e300 })}`,
        `answered 1 ${JSON.stringify({ ...odd, lastRotationAtMs: -9e15 })}`,
        `answered ${'9'.repeat(30)} ${JSON.stringify(odd)}`,
        'answered',
      ];
      for (const [index, report] of reports.entries())
        await fleets.stack.redis.admin('HSET', roster, `odd-${index}`, report);
      const records = ['null', '{"id":"x"}', '{', JSON.stringify({ ...rollCalls[0], nextAtMs: 1e300 })];
      for (const record of records) await fleets.stack.redis.admin('LPUSH', calls, record);
      const show = fleetHandler({
        roster: last.roster,
        clock: systemClock,
        schedule: '0 * * * * *',
        requestBudgetMs: 2000,
        budget: new ByteBudget(2 ** 25),
      });
      const request = new HttpRequest({ method: 'GET', url: 'http://localhost/api/fleet' });
      const response: HttpResponseInit = await show(request, new InvocationContext());
      expect(response).toMatchObject({ status: 200 });
      const shown = (await new Response(response.body as string).json()) as Record<string, unknown>;
      expect(shown['instances']).toMatchObject([{ id: last.id }]);
      expect(shown['rollCalls']).toMatchObject([{ id: rollCalls[0]?.id }]);
    });

    it('an instance that ends in order is not waited for', async () => {
      const { fleet, last } = await fleets.start(3, { spreadMs: 100 });
      await fleet[0]?.member.leave();
      expect(await last.rollCall.call(null)).toMatchObject({ expected: 2, answered: 2, silent: [] });
    });

    it('malformed and forged announcements, a thousand in a second, make nobody ask more than the floor allows', async () => {
      const { fleet, last } = await fleets.start(2, { spreadMs: 100 });
      const channel = last.roster.announcements;
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

    it('a roll call while Redis restarts fails alone: the next one hears everybody', async () => {
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
      // The roster is gone; who answers is entered again.
      await eventually(
        async () => expect(await last.rollCall.call(null)).toMatchObject({ answered: 3, silent: [] }),
        10_000,
      );
      expect(await last.rollCall.call(null)).toMatchObject({ expected: 3, answered: 3 });
    });

    it('does not depend on the clocks of the instances', async () => {
      const { namespace, last } = await fleets.start(1, { spreadMs: 100 });
      const ahead: Clock = { ...systemClock, wallMs: () => Date.now() + 3_600_000 };
      const report = (await last.roster.read(Date.now() + 1000)).entries[0];
      expect(Math.abs((report?.seenAtMs ?? 0) - Date.now())).toBeLessThan(5000);
      // The same report by an instance an hour ahead is seen at the server's time.
      await last.roster.report(
        { ...(report?.report ?? expect.unreachable()), id: 'ahead', startedAtMs: ahead.nowMs() },
        [],
        Date.now() + 1000,
      );
      const view = await last.roster.read(Date.now() + 1000);
      const seen = view.entries.find((entry) => entry.report.id === 'ahead');
      expect(Math.abs((seen?.seenAtMs ?? 0) - view.nowMs)).toBeLessThan(1000);
      expect(
        Number(await fleets.stack.redis.admin('PTTL', ownName(namespace, '{fleet}:roster'))),
      ).toBeGreaterThan(0);
    });
  });
}
