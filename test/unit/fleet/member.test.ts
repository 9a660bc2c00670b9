import { beforeEach, describe, expect, it } from 'vitest';
import { nothingCounted, sumOf } from '../../../src/fleet/counted.ts';
import type { Report } from '../../../src/fleet/messages.ts';
import type { RegistryEntry } from '../../../src/fleet/registry.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { InMemoryRegistry } from '../../support/in-memory-registry.ts';
import { countedWith } from '../../support/measures-report.ts';
import { never, startInMemoryMember, type InMemoryMember } from '../../support/in-memory-fleet.ts';

let clock: FakeClock;
let registry: InMemoryRegistry;
/** Answers to roll calls, as `<roll call>`. */
let answered: string[];

beforeEach(() => {
  clock = new FakeClock();
  registry = new InMemoryRegistry(clock);
  answered = [];
});

const start = (script: Parameters<typeof startInMemoryMember>[3] = {}): InMemoryMember =>
  startInMemoryMember(registry, clock, 'me', script);

async function started(script: Parameters<typeof startInMemoryMember>[3] = {}): Promise<InMemoryMember> {
  const member = start(script);
  await clock.advance(0);
  return member;
}

/** Announces a roll call, and listens for the answers to it. */
function call(id: string, more: { readonly spreadMs?: number; readonly expected?: number } = {}): void {
  registry.onReport(id, () => answered.push(id));
  registry.publish('announcements', JSON.stringify({ id, spreadMs: 0, ...more }));
}

/** The member's entry. A registry that refuses to be read is asked all the same. */
async function entry(): Promise<RegistryEntry | undefined> {
  const reading = registry.read();
  await clock.advance(registry.latencyMs);
  return (await reading).entries[0];
}

async function reported(): Promise<Report> {
  return (await entry())?.report ?? expect.unreachable('nothing was reported');
}

describe('an instance that joins', () => {
  it('enters the registry once it hears announcements', async () => {
    registry.refused.add('subscribe');
    start();
    await clock.advance(29_000);
    expect(await entry()).toBeUndefined();
    registry.refused.clear();
    // That attempt ends at its deadline, and the next one follows 30 s later.
    await clock.advance(30_000);
    expect(await entry()).toBeUndefined();
    await clock.advance(1000);
    expect(await reported()).toEqual({
      id: 'me',
      startedAtMs: clock.nowMs() - 60_000,
      version: '0',
      region: null,
      host: null,
      tokenExpiresAtMs: clock.nowMs() + 3_540_000,
      tokenLeftMs: 3_540_000,
      lastRotationAtMs: null,
      connections: 2,
      rotated: false,
      failure: null,
      reauthenticated: 0,
      reauthenticationsFailed: 0,
      reads: 0,
    });
  });

  it('tries again after 30 s where the registry refuses to be written', async () => {
    registry.refused.add('write');
    await started();
    registry.refused.clear();
    await clock.advance(29_999);
    expect(await entry()).toBeUndefined();
    await clock.advance(1);
    expect(await entry()).toMatchObject({ status: 'answered' });
  });

  it.each([
    ['waits until it hears', 'subscribe', 10],
    ['waits until it hears, and in vain', 'subscribe', 30_000],
    ['enters', 'write', 30],
    ['waits to try again', 'write', 100],
  ] as const)('stays away when it leaves while it %s', async (_name, refused, afterMs) => {
    registry.latencyMs = 20;
    registry.refused.add(refused);
    const { member } = start();
    await clock.advance(afterMs);
    const leaving = member.leave();
    // Until what it waits for has failed, at 30 s at the latest.
    await clock.advance(refused === 'subscribe' ? 30_000 : 20);
    await leaving;
    expect(clock.pendingTimers).toBe(0);
    registry.refused.clear();
    expect(await entry()).toBeUndefined();
  });

  it('is gone when it leaves while its first report is on its way', async () => {
    registry.latencyMs = 20;
    const { member } = start();
    await clock.advance(30);
    const leaving = member.leave();
    await clock.advance(20);
    await leaving;
    expect(await entry()).toBeUndefined();
  });
});

describe('an instance that is called', () => {
  it('answers after its part of the spread', async () => {
    await started({ random: 0.5 });
    call('a', { spreadMs: 4000 });
    await clock.advance(1999);
    expect(answered).toEqual([]);
    await clock.advance(1);
    expect(answered).toEqual(['a']);
  });

  it('tells how many are expected, and answers also where that is not said', async () => {
    const { self } = await started();
    call('says-it', { expected: 400 });
    call('earlier-version');
    await clock.advance(0);
    expect(answered).toEqual(['says-it', 'earlier-version']);
    expect(self.events).toEqual([{ type: 'rollCallHeard', expected: 400 }]);
  });

  it('answers once a second at most, and then all that called since, 16 of them', async () => {
    await started();
    call('first');
    await clock.advance(0);
    for (let index = 0; index < 20; index += 1) call(`flood-${index}`);
    await clock.advance(999);
    expect(answered).toEqual(['first']);
    await clock.advance(1);
    expect(answered).toEqual(['first', ...Array.from({ length: 16 }, (_, index) => `flood-${index}`)]);
    await clock.advance(10_000);
    expect(answered).toHaveLength(17);
  });

  it('answers what it hears while it is answering a second after it began', async () => {
    let renewed = (): void => {};
    const { self } = await started();
    self.renewal = () => new Promise((resolve) => (renewed = () => resolve({ kind: 'not-due' })));
    call('first');
    await clock.advance(300);
    call('second', { spreadMs: 4000 });
    renewed();
    self.renewal = async () => ({ kind: 'not-due' });
    await clock.advance(699);
    expect(answered).toEqual(['first']);
    await clock.advance(1);
    expect(answered).toEqual(['first', 'second']);
  });

  it.each([-3_600_000, 3_600_000])(
    'answers the next roll call whatever becomes of the clock on the wall (%i ms)',
    async (jumpMs) => {
      await started();
      call('before');
      await clock.advance(1000);
      clock.jumpWall(jumpMs);
      call('after');
      await clock.advance(1000);
      expect(answered).toEqual(['before', 'after']);
      // What is left of its token is what the keeper says, which no clock on the wall changes.
      expect(await reported()).toMatchObject({ tokenLeftMs: 3_600_000 - 1000 });
    },
  );

  it('goes on after an answer that did not get through, and counts what was done since the last that did', async () => {
    const { self } = await started();
    self.reads = 5;
    self.redis = { ...self.redis, reauthenticated: 2 };
    registry.refused.add('write').add('publish');
    call('lost');
    await clock.advance(1000);
    expect(answered).toEqual([]);
    registry.refused.clear();
    self.reads = 8;
    self.redis = { ...self.redis, reauthenticationsFailed: 1 };
    call('next');
    await clock.advance(1000);
    expect(answered).toEqual(['next']);
    expect(await reported()).toMatchObject({ reads: 8, reauthenticated: 2, reauthenticationsFailed: 1 });
    call('last');
    await clock.advance(1000);
    expect(await reported()).toMatchObject({ reads: 0, reauthenticated: 0, reauthenticationsFailed: 0 });
  });

  it('answers though the registry stores nothing', async () => {
    await started();
    registry.refused.add('write');
    call('a');
    await clock.advance(0);
    expect(answered).toEqual(['a']);
  });
});

describe('what an instance has counted', () => {
  const sums = async () => sumOf((await registry.readMeasures()).minutes.map(({ counted }) => counted));
  const own = async () => (await registry.readMeasures()).instances.get('me') ?? expect.unreachable();

  it('is reported since its last report, and added up', async () => {
    const { self } = await started({ memory: { entries: 2, bytes: 300 } });
    self.measures.reads.redisHit += 3;
    self.measures.latencies.request.record(0.3);
    call('a');
    await clock.advance(60_000);
    self.measures.reads.redisHit += 4;
    call('b');
    await clock.advance(60_000);
    expect(await own()).toMatchObject({
      counted: countedWith({ redisHit: 4 }),
      memory: { entries: 2, bytes: 300 },
      history: [{ reads: 7, hits: 7 }],
    });
    expect(await sums()).toEqual(countedWith({ redisHit: 7 }, {}, [0, 0, 1]));
  });

  it('is added once it can be stored, and is in the history once', async () => {
    const { self } = await started();
    self.measures.reads.redisHit += 3;
    registry.refused.add('write');
    call('published-only');
    await clock.advance(1000);
    expect(answered).toEqual(['published-only']);
    registry.refused.add('publish');
    call('neither');
    await clock.advance(1000);
    registry.refused.clear();
    expect(await sums()).toEqual(nothingCounted);
    self.measures.reads.redisHit += 1;
    call('both');
    await clock.advance(1000);
    expect(await sums()).toEqual(countedWith({ redisHit: 4 }));
    expect(await own()).toMatchObject({ counted: countedWith({ redisHit: 4 }), history: [{ reads: 4 }] });
  });

  it('is added up to its end', async () => {
    const { self, member } = await started();
    self.measures.reads.redisHit += 3;
    await member.leave();
    expect(await sums()).toEqual(countedWith({ redisHit: 3 }));
  });
});

describe('an instance that leaves', () => {
  it('is in the registry no more, and answers nobody', async () => {
    const { member } = await started();
    await member.leave();
    await member.leave();
    expect(await entry()).toBeUndefined();
    call('a', { expected: 1 });
    await clock.advance(10_000);
    expect(answered).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('does not answer what it has heard before', async () => {
    const { member } = await started({ random: 0.5 });
    call('a', { spreadMs: 1000 });
    await clock.advance(100);
    await member.leave();
    expect(clock.pendingTimers).toBe(0);
    await clock.advance(10_000);
    expect(answered).toEqual([]);
  });

  it('does not enter again when it leaves while it checks itself', async () => {
    const { member, self } = await started();
    self.settled = never;
    call('a');
    await clock.advance(1000);
    await member.leave();
    await clock.advance(10_000);
    expect(answered).toEqual([]);
    expect(await entry()).toBeUndefined();
  });

  it('is gone when it leaves while its answer is on its way', async () => {
    const { member } = await started();
    registry.latencyMs = 50;
    call('a');
    await clock.advance(10);
    call('b');
    const leaving = member.leave();
    await clock.advance(10_000);
    await leaving;
    expect(answered).toEqual(['a']);
    expect(await entry()).toBeUndefined();
  });

  it('asks no Redis that is not there, and minds none that refuses', async () => {
    const refusing = await started();
    registry.refused.add('write');
    await refusing.member.leave();
    const away = startInMemoryMember(registry, clock, 'away');
    away.self.redis = { ...away.self.redis, state: 'backing-off' };
    registry.latencyMs = 1e9;
    await away.member.leave();
  });
});
