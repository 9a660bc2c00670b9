// What every registry does, in memory or in Redis.

import { describe, expect, it } from 'vitest';
import { nothingCounted, sumOf } from '../../src/fleet/counted.ts';
import { textOf } from '../../src/fleet/counted-text.ts';
import {
  maxInstances,
  type Announcement,
  type Report,
  type RollCallRecord,
} from '../../src/fleet/messages.ts';
import { maxRollCalls, type Registry, type RegistryEntry } from '../../src/fleet/registry.ts';
import { AppError } from '../../src/util/errors.ts';
import { eventually } from '../support/eventually.ts';
import { countedWith, measuresReport } from '../support/measures-report.ts';

export interface OpenRegistry {
  /** A new, empty registry, as two instances see it. */
  readonly registries: readonly [Registry, Registry];
  /** By the clock of deadlines. */
  readonly nowMs: () => number;
  /** Puts any text on a channel, `announcements` or `reports:<id>`. */
  readonly publish: (channel: string, message: string) => Promise<unknown>;
  /** Puts an entry there as if it had been stored at another time. */
  readonly put: (entry: RegistryEntry) => Promise<unknown>;
  /** Puts what counts as the measures of an instance there, and as the sums of a minute. */
  readonly putMeasures: (id: string, form: string) => Promise<unknown>;
  readonly putMinute: (field: string, text: string) => Promise<unknown>;
  /** From now on what stores reports fails, and where asked for what is published as well; returns how to end it. */
  readonly refuse: (what: 'writes' | 'writes and messages') => Promise<() => Promise<unknown>>;
}

const report = (id: string, more: Partial<Report> = {}): Report => ({
  id,
  startedAtMs: 0,
  version: '1.2.3',
  region: null,
  host: 'host',
  tokenExpiresAtMs: 1,
  tokenLeftMs: 2,
  lastRotationAtMs: null,
  connections: 2,
  rotated: false,
  failure: null,
  reauthenticated: 0,
  reauthenticationsFailed: 0,
  reads: 3,
  ...more,
});

const none = measuresReport();

const point = { agoMs: 60_000, reads: 9, answered: 8, hits: 6, loads: 1, p95Ms: 1.25 };

const record = (id: string, atMs: number): RollCallRecord => ({
  id,
  atMs,
  nextAtMs: null,
  expected: 2,
  answered: 1,
  rotated: 0,
  failed: 0,
  silent: ['x'],
  shortestTimeLeftMs: null,
});

export function registryContract(open: () => Promise<OpenRegistry>): void {
  const start = async () => {
    const opened = await open();
    const [registry, other] = opened.registries;
    const soon = (): number => opened.nowMs() + 10_000;
    const statuses = async () =>
      (await registry.read(soon())).entries.map((entry) => `${entry.report.id} ${entry.status}`);
    return { ...opened, registry, other, soon, statuses };
  };

  it('stores reports with the time of the server, each instead of the one before, by the start of the instance', async () => {
    const { registry, other, soon } = await start();
    expect(await registry.read(soon())).toMatchObject({ entries: [], rollCalls: [] });
    await registry.report(report('late', { startedAtMs: 2 }), none, [], soon());
    await other.report(report('early', { startedAtMs: 1 }), none, [], soon());
    await registry.report(report('late', { startedAtMs: 2, reads: 9 }), none, [], soon());
    const { entries, nowMs } = await other.read(soon());
    expect(entries).toMatchObject([
      { status: 'answered', report: report('early', { startedAtMs: 1 }) },
      { status: 'answered', report: report('late', { startedAtMs: 2, reads: 9 }) },
    ]);
    for (const { seenAtMs } of entries) {
      expect(seenAtMs).toBeLessThanOrEqual(nowMs);
      expect(seenAtMs).toBeGreaterThan(nowMs - 10_000);
    }
  });

  it('keeps all of many reports that come at once', async () => {
    const { registry, other, soon, statuses } = await start();
    const ids = Array.from({ length: 50 }, (_, index) => `i${index}`);
    await Promise.all(
      ids.map(async (id, index) => [registry, other][index % 2]?.report(report(id), none, [], soon())),
    );
    expect((await statuses()).toSorted()).toEqual(ids.map((id) => `${id} answered`).toSorted());
  });

  it(`takes no more than ${maxInstances} instances, and goes on updating those`, async () => {
    const { registry, soon, put } = await start();
    const ids = Array.from({ length: maxInstances }, (_, index) => `i${index}`);
    await Promise.all(ids.map((id) => put({ report: report(id), status: 'answered', seenAtMs: 1 })));
    await registry.report(report('one-more'), none, [], soon());
    await registry.report(report('i7', { reads: 99 }), none, [], soon());
    const { entries } = await registry.read(soon());
    expect(entries).toHaveLength(maxInstances);
    expect(entries.find((entry) => entry.report.id === 'i7')?.report.reads).toBe(99);
  });

  it('removes an instance, also one that is not there', async () => {
    const { registry, other, soon, statuses } = await start();
    await registry.report(report('a'), none, [], soon());
    await registry.report(report('b'), none, [], soon());
    await other.remove('a', none, soon());
    await other.remove('a', none, soon());
    expect(await statuses()).toEqual(['b answered']);
  });

  it('delivers an announcement to each instance that listens, and says to how many', async () => {
    const { registry, other, soon } = await start();
    const heard: [string, Announcement][] = [];
    expect(await registry.announce({ id: 'unheard', spreadMs: 1 }, soon())).toBe(0);
    const first = registry.onAnnouncement((announcement) => heard.push(['first', announcement]));
    const second = other.onAnnouncement((announcement) => heard.push(['second', announcement]));
    await first.ready(soon());
    await second.ready(soon());
    expect(await registry.announce({ id: 'a', spreadMs: 1, expected: 2 }, soon())).toBe(2);
    await eventually(() => expect(heard).toHaveLength(2));
    expect(heard).toEqual(
      expect.arrayContaining([
        ['first', { id: 'a', spreadMs: 1, expected: 2 }],
        ['second', { id: 'a', spreadMs: 1, expected: 2 }],
      ]),
    );
    second.stop();
    await eventually(async () => expect(await registry.announce({ id: 'b', spreadMs: 1 }, soon())).toBe(1));
    await eventually(() => expect(heard.at(-1)).toEqual(['first', { id: 'b', spreadMs: 1 }]));
    expect(heard.filter(([who]) => who === 'second')).toHaveLength(1);
    first.stop();
  });

  it('delivers a report to the roll calls that it answers, and to no other', async () => {
    const { registry, other, soon } = await start();
    const heard: string[] = [];
    const subscriptions = ['a', 'b', 'c'].map((id) =>
      registry.onReport(id, (answer) => heard.push(`${id} ${answer.id} ${answer.failure}`)),
    );
    for (const one of subscriptions) await one.ready(soon());
    await other.report(report('me', { failure: 'why' }), none, ['a', 'b'], soon());
    await eventually(() => expect(heard.toSorted()).toEqual(['a me why', 'b me why']));
    for (const one of subscriptions) one.stop();
    // The roll calls have ended, so nobody listens; the entry is stored all the same.
    await other.report(report('me', { reads: 7 }), none, ['a'], soon());
    expect((await registry.read(soon())).entries).toMatchObject([{ report: { reads: 7 } }]);
    expect(heard).toHaveLength(2);
  });

  it('ignores messages that are none', async () => {
    const { registry, soon, publish } = await start();
    const heard: string[] = [];
    const announcements = registry.onAnnouncement(({ id }) => heard.push(id));
    const reports = registry.onReport('a', ({ id }) => heard.push(id));
    await announcements.ready(soon());
    await reports.ready(soon());
    for (const malformed of ['', '{', 'null', '[]', '{"id":1}', '{"id":"x","spreadMs":-1}']) {
      await publish('announcements', malformed);
      await publish('reports:a', malformed);
    }
    await publish('announcements', JSON.stringify({ id: 'announcement', spreadMs: 1 }));
    await publish('reports:a', JSON.stringify(report('report')));
    await eventually(() => expect(heard.toSorted()).toEqual(['announcement', 'report']));
    announcements.stop();
    reports.stop();
  });

  it('names an instance that did not answer as silent, and removes it the next time', async () => {
    const { registry, soon, statuses } = await start();
    await registry.report(report('gone'), none, [], soon());
    await registry.report(report('here', { startedAtMs: 1 }), none, [], soon());
    // Later than any of the reports.
    const atMs = (await registry.read(soon())).nowMs + 1;
    await registry.recordRollCall(record('first', atMs), ['gone', 'never-there'], soon());
    expect(await statuses()).toEqual(['gone silent', 'here answered']);
    await registry.recordRollCall(record('second', atMs), ['gone'], soon());
    expect(await statuses()).toEqual(['here answered']);
  });

  it('takes an instance that was silent back when it reports', async () => {
    const { registry, soon, statuses, put } = await start();
    await put({ report: report('a'), status: 'silent', seenAtMs: 1 });
    await registry.report(report('a'), none, [], soon());
    expect(await statuses()).toEqual(['a answered']);
  });

  it('leaves alone what has reported since the roll call began, but not what claims a time to come', async () => {
    const { registry, soon, statuses, put } = await start();
    const { nowMs } = await registry.read(soon());
    await put({ report: report('before'), status: 'answered', seenAtMs: nowMs - 2 });
    await put({ report: report('since', { startedAtMs: 1 }), status: 'answered', seenAtMs: nowMs - 1 });
    await put({
      report: report('ahead', { startedAtMs: 2 }),
      status: 'answered',
      seenAtMs: nowMs + 3_600_000,
    });
    await registry.recordRollCall(record('a', nowMs - 1), ['before', 'since', 'ahead'], soon());
    expect(await statuses()).toEqual(['before silent', 'since answered', 'ahead silent']);
  });

  it(`remembers the last ${maxRollCalls} roll calls, the latest first`, async () => {
    const { registry, other, soon } = await start();
    for (let index = 0; index < maxRollCalls + 2; index += 1) {
      await registry.recordRollCall(record(`r${index}`, index), [], soon());
    }
    const { rollCalls } = await other.read(soon());
    expect(rollCalls).toHaveLength(maxRollCalls);
    expect(rollCalls[0]).toEqual(record(`r${maxRollCalls + 1}`, maxRollCalls + 1));
    expect(rollCalls.at(-1)?.id).toBe('r2');
  });

  it('delivers reports though it can store none, and fails only where it can do neither', async () => {
    const { registry, other, soon, refuse, statuses } = await start();
    const heard: string[] = [];
    const subscription = other.onReport('a', ({ id }) => heard.push(id));
    await subscription.ready(soon());
    const acceptWrites = await refuse('writes');
    await registry.report(report('me'), none, ['a'], soon());
    await eventually(() => expect(heard).toEqual(['me']));
    expect(await statuses()).toEqual([]);
    await expect(registry.report(report('me'), none, [], soon())).rejects.toThrow(AppError);
    await expect(registry.recordRollCall(record('a', 1), [], soon())).rejects.toThrow(AppError);
    await acceptWrites();
    const acceptAll = await refuse('writes and messages');
    await expect(registry.report(report('me'), none, ['a'], soon())).rejects.toThrow(AppError);
    await expect(registry.announce({ id: 'b', spreadMs: 1 }, soon())).rejects.toThrow(AppError);
    await acceptAll();
    await registry.report(report('me'), none, [], soon());
    expect(await statuses()).toEqual(['me answered']);
    subscription.stop();
  });

  describe('what is counted', () => {
    const hits = (redisHit: number) => countedWith({ redisHit }, { loads: redisHit * 2 }, [1, redisHit]);

    it('is there for each instance, since its last report that was stored, and for all together', async () => {
      const { registry, other, soon } = await start();
      const more = { memory: { entries: 2, bytes: 300 }, history: [point] };
      await registry.report(report('a'), measuresReport({ now: hits(5), ...more }), [], soon());
      await other.report(report('b'), measuresReport({ now: hits(7) }), [], soon());
      await other.report(report('b'), measuresReport({ now: hits(9), before: hits(7) }), [], soon());
      const { instances, minutes } = await registry.readMeasures(soon());
      expect(Object.fromEntries(instances)).toEqual({
        a: { counted: hits(5), ...more },
        b: { counted: countedWith({ redisHit: 2 }, { loads: 4 }, [0, 2]), memory: null, history: [] },
      });
      expect(sumOf(minutes.map(({ counted }) => counted))).toEqual(
        countedWith({ redisHit: 14 }, { loads: 28 }, [2, 14]),
      );
      const { nowMs } = await registry.read(soon());
      for (const { atMs } of minutes) {
        expect(atMs % 60_000).toBe(0);
        expect(nowMs - atMs).toBeLessThan(120_000);
      }
    });

    const sums = async (registry: Registry, atMs: number) =>
      sumOf((await registry.readMeasures(atMs)).minutes.map(({ counted }) => counted)).reads.redisHit;

    it('is counted once though the answer to a report was lost', async () => {
      const { registry, soon } = await start();
      await registry.report(report('a'), measuresReport({ now: hits(5) }), [], soon());
      await registry.report(report('a'), measuresReport({ now: hits(5) }), [], soon());
      await registry.report(report('a'), measuresReport({ now: hits(8) }), [], soon());
      expect(await sums(registry, soon())).toBe(8);
    });

    it('is counted once though Redis has lost what it had', async () => {
      const { registry, soon } = await start();
      // It was reported before, to a Redis that is empty now.
      await registry.report(report('a'), measuresReport({ now: hits(105), before: hits(100) }), [], soon());
      expect(await sums(registry, soon())).toBe(5);
    });

    it('stays in the sums when an instance leaves, up to its end, or vanishes', async () => {
      const { registry, other, soon, putMeasures } = await start();
      await registry.report(report('leaves'), measuresReport({ now: hits(5) }), [], soon());
      await other.remove('leaves', measuresReport({ now: hits(6), before: hits(5) }), soon());
      await registry.report(report('vanishes'), measuresReport({ now: hits(10) }), [], soon());
      await putMeasures('forgotten', '');
      const atMs = (await registry.read(soon())).nowMs + 1;
      await registry.recordRollCall(record('a', atMs), ['vanishes'], soon());
      expect([...(await registry.readMeasures(soon())).instances.keys()]).toEqual(['vanishes']);
      await registry.recordRollCall(record('b', atMs), ['vanishes'], soon());
      expect((await registry.readMeasures(soon())).instances.size).toBe(0);
      expect(await sums(registry, soon())).toBe(16);
      // One that was only paused goes on from where it was.
      await registry.report(
        report('vanishes'),
        measuresReport({ now: hits(13), before: hits(10) }),
        [],
        soon(),
      );
      expect(await sums(registry, soon())).toBe(19);
    });

    it('is kept for an hour', async () => {
      const { registry, soon, putMinute } = await start();
      const minute = Math.floor((await registry.read(soon())).nowMs / 60_000);
      for (const ago of [59, 62]) await putMinute(`${minute - ago}`, textOf(hits(1)));
      const { minutes } = await registry.readMeasures(soon());
      expect(minutes).toEqual([{ atMs: (minute - 59) * 60_000, counted: hits(1) }]);
    });

    it('may have been written by anybody: what cannot be believed is left out', async () => {
      const { registry, soon, putMeasures, putMinute } = await start();
      const minute = Math.floor((await registry.read(soon())).nowMs / 60_000);
      const odd = `reads.redisHit=NaN reads.miss=-1 reads.loaded=1e9 reads.memoryHit=${'9'.repeat(30)} x=1 = events.loads=2`;
      const loads = countedWith({}, { loads: 2 });
      await putMeasures(
        'odd',
        `${odd}\n\n{"memory":{"entries":-1,"bytes":1},"history":[[],[1,2,3,4,5,6],7]}`,
      );
      await putMeasures('none', 'x');
      for (const field of [`${minute}`, `${minute + 5}`, '-1', '', 'NaN']) await putMinute(field, odd);
      const { instances, minutes } = await registry.readMeasures(soon());
      expect(instances.get('odd')).toEqual({ counted: loads, memory: null, history: [] });
      expect(instances.get('none')).toEqual({ counted: nothingCounted, memory: null, history: [] });
      expect(minutes).toEqual([{ atMs: minute * 60_000, counted: loads }]);
      // A report goes on from there.
      await registry.report(report('a'), measuresReport({ now: hits(5) }), [], soon());
      expect(await sums(registry, soon())).toBe(5);
    });
  });
}
