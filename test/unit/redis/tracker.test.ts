import { SimpleError } from 'redis';
import { beforeEach, describe, expect, it } from 'vitest';
import { withParsedReply } from '../../../src/redis/reply-error.ts';
import { Tracker, type Probe } from '../../../src/redis/tracker.ts';
import { settle } from '../../support/fake-clock.ts';

interface Sent {
  readonly deadlineAtMs: number;
  readonly answer: () => void;
  readonly fail: (error?: Error) => void;
}

const replyError = (text: string): Error => withParsedReply(new SimpleError(text)) as Error;
const full = replyError("OOM command not allowed when used memory > 'maxmemory'.");
const moved = replyError('MOVED 1 127.0.0.1:7000');

let pings: Sent[];
let changes: (Sent & { readonly probe: Probe })[];
/** Whether it was given up, each time that a change was not heard. */
let unheard: boolean[];
let keys: number;
let tracker: Tracker;

function sent<T extends object>(to: (Sent & T)[], deadlineAtMs: number, more: T): Promise<void> {
  return new Promise<void>((answer, reject) => {
    to.push({ deadlineAtMs, answer, fail: (error = new Error('late')) => reject(error), ...more });
  });
}

function newTracker(isTracking = true): Tracker {
  return new Tracker({
    isTracking,
    ping: (deadlineAtMs) => sent(pings, deadlineAtMs, {}),
    change: (probe, deadlineAtMs) => sent(changes, deadlineAtMs, { probe }),
    onUnheard: (isDeaf) => void unheard.push(isDeaf),
  });
}

beforeEach(() => {
  pings = [];
  changes = [];
  unheard = [];
  keys = 0;
  tracker = newTracker();
});

async function listen(nowMs: number): Promise<void> {
  tracker.listen(nowMs, () => `key ${(keys += 1)}`);
  await settle();
}

/** Answers the last change; it is heard before that where `isHeard`. */
async function answerChange(isHeard = true): Promise<void> {
  const { probe, answer } = changes.at(-1) ?? expect.unreachable();
  if (isHeard) tracker.heard(probe.key);
  answer();
  await settle();
}

describe('a connection that hears of changes', () => {
  beforeEach(async () => {
    await listen(0);
    await answerChange();
  });

  it('is not current before anything was answered, and for 2 s from when what was answered was sent', () => {
    expect(tracker.isCurrent(0)).toBe(false);
    tracker.answered(10_000);
    expect([tracker.isCurrent(12_000), tracker.isCurrent(12_001)]).toEqual([true, false]);
    // What was sent before is answered after.
    tracker.answered(9000);
    expect(tracker.isCurrent(12_000)).toBe(true);
  });

  it('asks once where what is known is a second old, and is current from when it asked', async () => {
    tracker.answered(1000);
    tracker.isCurrent(2000);
    expect(pings).toHaveLength(0);
    tracker.isCurrent(2001);
    tracker.isCurrent(2500);
    expect(pings.map(({ deadlineAtMs }) => deadlineAtMs)).toEqual([4001]);
    pings[0]?.answer();
    await settle();
    expect([tracker.isCurrent(4001), tracker.isCurrent(4002)]).toEqual([true, false]);
  });

  it('asks again where no answer came, and nothing once its connection has ended', async () => {
    tracker.answered(1000);
    tracker.isCurrent(2001);
    pings[0]?.fail();
    await settle();
    expect(tracker.isCurrent(2002)).toBe(true);
    expect(pings).toHaveLength(2);
    tracker.end();
    pings[1]?.fail();
    await settle();
    expect([tracker.isLive, tracker.isCurrent(2003)]).toEqual([false, false]);
    tracker.isCurrent(70_000);
    await listen(70_000);
    expect([pings.length, changes.length]).toEqual([2, 1]);
  });

  it('changes the same key again a minute later, and is current meanwhile', async () => {
    tracker.answered(60_000);
    expect(tracker.isCurrent(59_999)).toBe(true);
    expect(changes).toHaveLength(1);
    expect([tracker.isCurrent(60_000), tracker.isCurrent(60_001)]).toEqual([true, true]);
    await settle();
    // Not read anew: what has been read since the last time is tracked only if this is, too.
    expect(changes.map(({ probe }) => probe)).toEqual([
      { key: 'key 1', isRead: false },
      { key: 'key 1', isRead: true },
    ]);
    await answerChange();
    tracker.answered(119_999);
    expect([tracker.isCurrent(119_999), unheard]).toEqual([true, []]);
  });

  it.each([['key 1'], [undefined]])('reads the key anew where that has changed: %s', async (key) => {
    tracker.heard('another');
    tracker.heard(key);
    tracker.isCurrent(60_000);
    await settle();
    expect(changes.at(-1)?.probe).toEqual({ key: 'key 1', isRead: false });
  });

  it('that hears of it no more has lost what it read, and is current again when it does', async () => {
    tracker.answered(62_000);
    tracker.isCurrent(60_000);
    await settle();
    await answerChange(false);
    expect([tracker.isCurrent(62_000), unheard]).toEqual([true, []]);
    expect([tracker.isCurrent(62_001), unheard]).toEqual([false, [false]]);
    await settle();
    expect(changes.at(-1)?.probe).toEqual({ key: 'key 1', isRead: false });
    await answerChange();
    expect([tracker.isCurrent(62_002), unheard]).toEqual([true, [false]]);
  });
});

describe('a connection that could not find out again', () => {
  beforeEach(async () => {
    await listen(0);
    await answerChange();
    tracker.answered(60_000);
    tracker.isCurrent(60_000);
    await settle();
  });

  it.each([[full], [new Error('late')]])('hears as before, and asks a minute later: %s', async (error) => {
    changes[1]?.fail(error);
    await settle();
    expect(tracker.isCurrent(60_001)).toBe(true);
    tracker.isCurrent(119_999);
    await settle();
    expect(changes).toHaveLength(2);
    tracker.isCurrent(120_000);
    await settle();
    expect(changes[2]?.probe).toEqual({ key: 'key 1', isRead: true });
  });

  it('because the slot has moved asks with another key', async () => {
    changes[1]?.fail(moved);
    await settle();
    expect(tracker.isCurrent(60_001)).toBe(false);
    await listen(61_000);
    expect(changes[2]?.probe).toEqual({ key: 'key 2', isRead: false });
  });
});

describe('a connection of which it is not known', () => {
  it('is not current, whatever is answered, until a change was heard', async () => {
    tracker.answered(1000);
    expect([tracker.hears, tracker.isCurrent(1000)]).toEqual([false, false]);
    await listen(1000);
    await listen(1001);
    expect(changes.map(({ probe, deadlineAtMs }) => [probe, deadlineAtMs])).toEqual([
      [{ key: 'key 1', isRead: false }, 3000],
    ]);
    tracker.heard('another');
    expect(tracker.isCurrent(1001)).toBe(false);
    tracker.heard('key 1');
    expect([tracker.hears, tracker.isCurrent(1001)]).toEqual([true, true]);
  });

  it('takes a word of all keys for one of its own: they have been flushed', async () => {
    await listen(0);
    tracker.heard(undefined);
    expect(tracker.hears).toBe(true);
  });

  it('changes another key where no answer came, a second later', async () => {
    await listen(0);
    changes[0]?.fail();
    await settle();
    await listen(999);
    expect(changes).toHaveLength(1);
    await listen(1000);
    expect(changes.map(({ probe }) => probe.key)).toEqual(['key 1', 'key 2']);
    await answerChange();
    expect([tracker.hears, unheard]).toEqual([true, []]);
  });

  it('changes no key for a minute where Redis takes no writes', async () => {
    await listen(0);
    changes[0]?.fail(full);
    await settle();
    await listen(59_999);
    expect(changes).toHaveLength(1);
    await listen(60_000);
    expect(changes).toHaveLength(2);
  });

  it('hears of it late, and counts as hearing all the same', async () => {
    await listen(0);
    await answerChange(false);
    await listen(2000);
    tracker.heard('key 1');
    await listen(2001);
    expect([tracker.hears, unheard]).toEqual([true, []]);
  });

  it('is given up where two changes were not heard', async () => {
    await listen(0);
    await answerChange(false);
    await listen(2001);
    expect([tracker.isTracking, unheard]).toEqual([true, [false]]);
    await answerChange(false);
    await listen(4002);
    expect([tracker.isTracking, tracker.hears, unheard]).toEqual([false, false, [false, true]]);
    tracker.heard('key 1');
    await listen(100_000);
    expect([tracker.hears, changes.length]).toEqual([false, 2]);
  });

  it('is left alone where Redis has not agreed', async () => {
    tracker = newTracker(false);
    await listen(0);
    expect([tracker.isTracking, changes.length]).toEqual([false, 0]);
  });
});
