import { beforeEach, describe, expect, it } from 'vitest';
import { RollCall, type RollCallOutcome } from '../../../src/fleet/roll-call.ts';
import type { AppEvent } from '../../../src/telemetry/events.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { InMemoryRegistry } from '../../support/in-memory-registry.ts';
import { never, startInMemoryMember, type InMemoryMember } from '../../support/in-memory-fleet.ts';

let clock: FakeClock;
let registry: InMemoryRegistry;
let events: AppEvent[];
let rollCall: RollCall;

beforeEach(() => {
  clock = new FakeClock();
  registry = new InMemoryRegistry(clock);
  events = [];
  rollCall = new RollCall({ registry, clock, emit: (event) => void events.push(event) });
});

const startMember = (id: string, script: Parameters<typeof startInMemoryMember>[3] = {}): InMemoryMember =>
  startInMemoryMember(registry, clock, id, script);

async function startMembers(...ids: readonly string[]): Promise<readonly InMemoryMember[]> {
  const members = ids.map((id) => startMember(id));
  await clock.advance(1000);
  return members;
}

interface Called {
  readonly outcome: RollCallOutcome;
  readonly tookMs: number;
}

function call(): Promise<Called> {
  const startedAtMs = clock.nowMs();
  return rollCall.call(null).then((outcome) => ({ outcome, tookMs: clock.nowMs() - startedAtMs }));
}

/** A roll call to its end; `during` happens in the order of its times. */
async function callRoll(during: readonly (readonly [number, () => unknown])[] = []): Promise<Called> {
  for (const [atMs, task] of during) clock.after(atMs, () => void task());
  const calling = call();
  await clock.advance(20_000);
  return calling;
}

async function statuses(): Promise<readonly string[]> {
  const reading = registry.read();
  await clock.advance(registry.latencyMs);
  return (await reading).entries.map(({ report, status }) => `${report.id} ${status}`).toSorted();
}

describe('a roll call', () => {
  it('ends when all have answered, and is recorded', async () => {
    const [a, b] = await startMembers('a', 'b');
    Object.assign(a?.self ?? {}, { random: 0.25 });
    Object.assign(b?.self ?? {}, {
      random: 0.75,
      renewal: async () => ({ kind: 'rotated', expiresAtMs: 1 }),
    });
    let timersAfter = 0;
    const { outcome, tookMs } = await callRoll([[1501, () => (timersAfter = clock.pendingTimers)]]);
    expect(tookMs).toBe(1500);
    expect(timersAfter).toBe(0);
    // Nobody listens to answers any more.
    expect(registry.publish(`reports:${outcome.id}`, '')).toBe(0);
    const counts = { expected: 2, answered: 2, rotated: 1, failed: 0, shortestTimeLeftMs: 3_597_500 };
    expect(outcome).toMatchObject({ ...counts, silent: [], failing: [], unrecorded: null, nextAtMs: null });
    expect(events).toMatchObject([{ type: 'rollCallEnded', ...counts, silent: 0, silentInstances: [] }]);
    const { failing: _failing, unrecorded: _unrecorded, ...record } = outcome;
    expect((await registry.read()).rollCalls).toEqual([record]);
  });

  it('tells what the fleet has counted since the one before, and after one that could not be recorded all of it', async () => {
    const members = await startMembers('a', 'b');
    const count = (): void => members.forEach(({ self }) => (self.measures.reads.redisHit += 1));
    const toldNext = async (): Promise<unknown> => {
      await clock.advance(60_000);
      await callRoll();
      const told = events.at(-1);
      return told?.type === 'rollCallEnded' ? told.measures : undefined;
    };
    await toldNext();
    count();
    // Reported now, in a minute that is not over.
    await toldNext();
    count();
    expect(await toldNext()).toMatchObject({ minutes: 1, reads: { redisHit: 2 } });
    registry.refused.add('write');
    expect(await toldNext()).toBeNull();
    registry.refused.clear();
    expect(await toldNext()).toMatchObject({ reads: { redisHit: 2 } });
  });

  it('of nobody ends at once', async () => {
    const { outcome, tookMs } = await callRoll();
    expect(tookMs).toBe(0);
    expect(outcome).toMatchObject({ expected: 0, answered: 0, silent: [], shortestTimeLeftMs: null });
  });

  it('tells the instances how many are expected', async () => {
    const [a] = await startMembers('a', 'b');
    await callRoll();
    expect(a?.self.events).toEqual([{ type: 'rollCallHeard', expected: 2 }]);
  });

  it('names who failed', async () => {
    const [a, b] = await startMembers('a', 'b', 'c');
    Object.assign(a?.self ?? {}, { renewal: async () => ({ kind: 'failed', reason: 'No token.' }) });
    if (b !== undefined) b.self.redis = { ...b.self.redis, reauthenticationsFailed: 1 };
    const { outcome } = await callRoll();
    expect(outcome).toMatchObject({ answered: 3, failed: 2, failing: ['a', 'b'] });
  });

  it('waits 3 s after the spread for the silent ones, names each once, and then forgets it', async () => {
    const report = { startedAtMs: 1, version: '0', region: null, host: null };
    await startMembers('a');
    const ghost = { ...(await registry.read()).entries[0]?.report, ...report, id: 'ghost' };
    registry.put({ report: ghost as never, status: 'answered', seenAtMs: clock.wallMs() - 60_000 });
    const first = await callRoll();
    expect(first.tookMs).toBe(5000);
    expect(first.outcome).toMatchObject({ expected: 2, answered: 1, silent: ['ghost'] });
    expect(await statuses()).toEqual(['a answered', 'ghost silent']);
    const second = await callRoll();
    expect(second.tookMs).toBe(0);
    expect(second.outcome).toMatchObject({ expected: 1, answered: 1, silent: [] });
    expect(await statuses()).toEqual(['a answered']);
  });

  it('hears an instance whose renewal hangs as failing, not as silent', async () => {
    const [a] = await startMembers('a');
    if (a !== undefined) Object.assign(a.self, { renewal: never, random: 1 });
    expect((await callRoll()).outcome).toMatchObject({ answered: 1, failed: 1, failing: ['a'], silent: [] });
  });

  it('waits for as many reports as there are connections that heard it', async () => {
    await startMembers('a');
    // A second connection of the same instance, while one takes over from the other.
    registry.onAnnouncement(() => {});
    const { outcome, tookMs } = await callRoll();
    expect(tookMs).toBe(5000);
    expect(outcome).toMatchObject({ expected: 1, answered: 1, silent: [] });
  });

  it('counts an instance once that reports twice', async () => {
    const [a] = await startMembers('a', 'b');
    if (a !== undefined) a.self.random = 0.5;
    const [first] = (await registry.read()).entries;
    registry.onAnnouncement(({ id }) => registry.publish(`reports:${id}`, JSON.stringify(first?.report)));
    const { outcome } = await callRoll();
    expect(outcome).toMatchObject({ expected: 2, answered: 2 });
  });
});

describe('an instance that comes too late', () => {
  it('is silent for that roll call, and stays in the registry', async () => {
    registry.latencyMs = 100;
    const [a] = await startMembers('a', 'b');
    // Announced at 200 ms, over at 5,200 ms, recorded at 5,300 ms: its report arrives at 5,260 ms.
    if (a !== undefined) a.self.random = 2.48;
    const { outcome } = await callRoll();
    expect(outcome).toMatchObject({ expected: 2, answered: 1, silent: ['a'] });
    expect(await statuses()).toEqual(['a answered', 'b answered']);
    if (a !== undefined) a.self.random = 0;
    expect((await callRoll()).outcome).toMatchObject({ expected: 2, answered: 2, silent: [] });
  });

  it('does not answer the next roll call with its report for the last', async () => {
    const [a] = await startMembers('a');
    if (a !== undefined) a.self.random = 3;
    const { outcome } = await callRoll();
    expect(outcome).toMatchObject({ answered: 0, silent: ['a'] });
    // It reported a second after the end, so the registry has it as answered by now.
    expect(await statuses()).toEqual(['a answered']);
    if (a !== undefined) a.self.random = 3;
    expect((await callRoll()).outcome).toMatchObject({ expected: 1, answered: 0, silent: ['a'] });
  });
});

describe('a fleet that changes during a roll call', () => {
  it('an instance that leaves is silent, and not expected by the next', async () => {
    const [a] = await startMembers('a', 'b');
    if (a !== undefined) a.self.random = 0.5;
    const first = await callRoll([[500, () => a?.member.leave()]]);
    expect(first.outcome).toMatchObject({ expected: 2, answered: 1, silent: ['a'] });
    expect(await statuses()).toEqual(['b answered']);
    const second = await callRoll();
    expect(second.outcome).toMatchObject({ expected: 1, answered: 1, silent: [] });
  });

  it('an instance that begins to listen before the announcement is counted', async () => {
    registry.latencyMs = 100;
    await startMembers('a');
    // The registry is read at 100 ms, the announcement is heard at 200 ms.
    const { outcome, tookMs } = await callRoll([[150, () => startMember('new')]]);
    expect(outcome).toMatchObject({ expected: 2, answered: 2, silent: [] });
    expect(tookMs).toBeLessThan(1000);
  });

  it('an instance that begins to listen after the announcement is not', async () => {
    registry.latencyMs = 100;
    const [a] = await startMembers('a');
    if (a !== undefined) a.self.random = 0.5;
    const { outcome } = await callRoll([[300, () => startMember('new')]]);
    expect(outcome).toMatchObject({ expected: 1, answered: 1, silent: [] });
    expect(await statuses()).toEqual(['a answered', 'new answered']);
  });
});

describe('several roll calls at once', () => {
  it('all hear everybody, with one answer of each instance', async () => {
    const members = await startMembers('a', 'b', 'c');
    for (const { self } of members) self.random = 0.5;
    const calls = [0, 100, 200].map(async (afterMs) => {
      await new Promise<void>((resolve) => {
        clock.after(afterMs, resolve);
      });
      return rollCall.call(null);
    });
    await clock.advance(10_000);
    for (const outcome of await Promise.all(calls))
      expect(outcome).toMatchObject({ expected: 3, answered: 3, silent: [] });
    expect((await registry.read()).rollCalls).toHaveLength(3);
  });
});

describe('a Redis that refuses', () => {
  it('to write: everybody is heard, and it is said that nothing was recorded', async () => {
    await startMembers('a', 'b');
    registry.refused.add('write');
    const { outcome } = await callRoll();
    expect(outcome).toMatchObject({ expected: 2, answered: 2, silent: [] });
    expect(outcome.unrecorded).toBe('The registry refuses to write.');
    registry.refused.clear();
    expect((await callRoll()).outcome.unrecorded).toBeNull();
  });

  it('to be read: who hears is counted, nobody is silent by name, and the instances are not told a number', async () => {
    const [a, b] = await startMembers('a', 'b');
    if (b !== undefined) b.self.random = 3;
    registry.refused.add('read');
    const { outcome, tookMs } = await callRoll();
    expect(tookMs).toBe(5000);
    expect(outcome).toMatchObject({ expected: 2, answered: 1, silent: [], atMs: clock.wallMs() - 20_000 });
    expect(outcome.unrecorded).toBe('The registry refuses to read.');
    expect(a?.self.events).toEqual([]);
  });

  it('to deliver messages: nobody was called, which is an error and told as an event', async () => {
    await startMembers('a');
    registry.refused.add('publish');
    await expect(rollCall.call(null)).rejects.toMatchObject({ code: 'command-failed' });
    expect(events).toEqual([{ type: 'rollCallFailed', code: 'command-failed', reason: expect.any(String) }]);
  });

  it('to subscribe: nobody is called, for nobody would be heard', async () => {
    const [a] = await startMembers('a');
    registry.refused.add('subscribe');
    const calling = rollCall.call(null);
    const failing = expect(calling).rejects.toMatchObject({ code: 'command-failed' });
    await clock.advance(5000);
    await failing;
    expect(a?.self.events).toEqual([]);
  });

  it.each(['read', 'recordRollCall'] as const)('is told from a bug in %s, which surfaces', async (method) => {
    registry[method] = async () => {
      throw new TypeError('a bug');
    };
    await expect(rollCall.call(null)).rejects.toThrow('a bug');
  });
});
