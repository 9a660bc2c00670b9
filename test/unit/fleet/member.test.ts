import { beforeEach, expect, it } from 'vitest';
import type { TokenKeeper } from '../../../src/auth/token-keeper.ts';
import { FleetMember } from '../../../src/fleet/member.ts';
import type { Report } from '../../../src/fleet/messages.ts';
import type { Roster } from '../../../src/fleet/registry.ts';
import type { Redis } from '../../../src/redis/redis.ts';
import type { AppEvent } from '../../../src/telemetry/events.ts';
import { FakeClock } from '../../support/fake-clock.ts';

let clock: FakeClock;
let reports: { readonly report: Report; readonly rollCallIds: readonly string[] }[];
let events: AppEvent[];
let hear: (message: string) => void;

beforeEach(async () => {
  clock = new FakeClock();
  reports = [];
  events = [];
  const redis = {
    subscribe(_channel: string, listener: typeof hear) {
      hear = listener;
      return () => {};
    },
    listening: async () => {},
    settled: async () => {},
    status: () => ({ state: 'ready', connections: 1, reauthenticated: 0, reauthenticationsFailed: 0 }),
  };
  const roster = {
    announcements: 'announcements',
    report: async (report: Report, rollCallIds: readonly string[]) =>
      void reports.push({ report, rollCallIds }),
  };
  const expiresAtMs = clock.wallMs() + 3_600_000;
  const endsAtMs = clock.nowMs() + 3_600_000;
  const status = () => ({ expiresAtMs, timeLeftMs: endsAtMs - clock.nowMs() });
  const keeper = { renewIfDue: async () => ({ kind: 'not-due' }), status };
  const member = new FleetMember({
    identity: { id: 'me', startedAtMs: clock.wallMs(), version: '0', region: null, host: null },
    roster: roster as unknown as Roster,
    redis: redis as unknown as Redis,
    keeper: keeper as unknown as TokenKeeper,
    clock,
    emit: (event) => void events.push(event),
    random: () => 0,
    readCount: () => 0,
  });
  member.start();
  await clock.advance(0);
  reports.length = 0;
});

const answered = (): readonly string[] => reports.flatMap(({ rollCallIds }) => rollCallIds);
const call = (id: string, more: object = {}): void => hear(JSON.stringify({ id, spreadMs: 0, ...more }));

it.each([-3_600_000, 3_600_000])(
  'answers the next roll call whatever becomes of the clock on the wall (%i ms)',
  async (jumpMs) => {
    call('before');
    await clock.advance(1000);
    clock.jumpWall(jumpMs);
    call('after');
    await clock.advance(1000);
    expect(answered()).toEqual(['before', 'after']);
    // What is left of its token is what the keeper says, which no clock on the wall changes.
    expect(reports.at(-1)?.report.tokenLeftMs).toBe(3_600_000 - 1000);
  },
);

it('tells how many the caller expects, and answers one that does not say', async () => {
  call('says-it', { expected: 400 });
  call('earlier-version');
  await clock.advance(0);
  expect(answered()).toEqual(['says-it', 'earlier-version']);
  expect(events).toEqual([{ type: 'rollCallHeard', expected: 400 }]);
});
