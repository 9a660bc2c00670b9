// When the local host runs a timer function, and what it tells it: as TimerListener.cs does.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createSchedule } from '../../../local/functions-host/schedule.ts';
import { fileStore, memoryStore, type StatusStore } from '../../../local/functions-host/status-store.ts';
import { TimerListener, usualEarliness } from '../../../local/functions-host/timer-listener.ts';
import {
  statusFromJson,
  statusToJson,
  timerFunctions,
  timerInput,
  type ScheduleStatus,
  type TimerFunction,
} from '../../../local/functions-host/timers.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const startMs = Date.UTC(2026, 0, 1);
const at = (text: string): Date => new Date(`2026-01-01T${text}Z`);
const timer = (schedule: string, runOnStartup = false): TimerFunction => ({
  name: 'tick',
  bindingName: 'timer',
  schedule: createSchedule(schedule),
  runOnStartup,
});

interface Run {
  readonly at: Date;
  readonly status: ScheduleStatus;
  readonly isPastDue: boolean;
}

async function listen(
  one: TimerFunction,
  options: { store?: StatusStore; clock?: FakeClock; earlyMs?: number; takesMs?: number } = {},
): Promise<{ readonly clock: FakeClock; readonly runs: Run[]; readonly listener: TimerListener }> {
  const { clock = new FakeClock(startMs + 500), store = memoryStore(), earlyMs = 0, takesMs = 0 } = options;
  const runs: Run[] = [];
  const listener = new TimerListener({
    onError: (error) => expect.fail(String(error)),
    timer: one,
    store,
    clock,
    earlyMs: () => earlyMs,
    run: async (status, isPastDue) => {
      runs.push({ at: new Date(clock.wallMs()), status, isPastDue });
      if (takesMs > 0) await new Promise<void>((resolve) => void clock.after(takesMs, resolve));
    },
  });
  await listener.start();
  return { clock, runs, listener };
}

describe('a timer', () => {
  it('runs on each tick and is told the status of before the run', async () => {
    const { clock, runs } = await listen(timer('0 * * * * *'));
    await clock.advance(2 * 60_000);
    expect(runs.map((run) => run.at)).toEqual([at('00:01:00'), at('00:02:00')]);
    expect(runs[0]?.status).toMatchObject({ last: undefined, next: at('00:01:00') });
    expect(runs[1]?.status).toMatchObject({ last: at('00:01:00'), next: at('00:02:00') });
  });

  it('that fires early counts as its tick, and the tick does not come again', async () => {
    const { clock, runs } = await listen(timer('0 * * * * *'), { earlyMs: 6 });
    await clock.advance(2 * 60_000);
    expect(runs.map((run) => run.at)).toEqual([at('00:00:59.994'), at('00:01:59.994')]);
    expect(runs[1]?.status).toEqual({
      last: at('00:01:00'),
      next: at('00:02:00'),
      lastUpdated: at('00:01:00'),
    });
  });

  it.each(['*/5 * * * * *', '0 * * * * *'])(
    '%s: ticks missed during a long run are run at its end, as one',
    async (text) => {
      const interval = text.startsWith('0') ? 60_000 : 5000;
      const { clock, runs } = await listen(timer(text), { takesMs: 2.6 * interval });
      await clock.advance(5 * interval);
      expect(runs.map((run) => run.at.getTime() - startMs)).toEqual([interval, 3.6 * interval]);
      expect(runs.every(({ isPastDue }) => !isPastDue)).toBe(true);
    },
  );

  it('missed while the host was down is run at its start, as past due, and goes on by its schedule', async () => {
    const store = memoryStore();
    const { clock, listener } = await listen(timer('0 * * * * *'), { store });
    await clock.advance(60_000);
    listener.stop();
    await clock.advance(10 * 60_000);
    const { runs } = await listen(timer('0 * * * * *'), { store, clock });
    await clock.advance(40_000);
    expect(runs.map((run) => [run.at, run.isPastDue])).toEqual([[at('00:11:00.500'), true]]);
    await clock.advance(20_000);
    expect(runs.map((run) => [run.at, run.isPastDue])).toEqual([
      [at('00:11:00.500'), true],
      [at('00:12:00'), false],
    ]);
  });

  it('is not past due where its schedule is another one now, or ticks so often that nothing is kept', async () => {
    const store = memoryStore();
    await store.write('tick', { last: at('00:00:00'), next: at('00:00:10'), lastUpdated: at('00:00:00') });
    const clock = new FakeClock(startMs + 3_600_000);
    for (const text of ['0 */5 * * * *', '*/10 * * * * *']) {
      const { runs, listener } = await listen(timer(text), { store, clock });
      await clock.advance(1);
      listener.stop();
      expect(runs).toEqual([]);
    }
    expect(await store.read('tick')).toMatchObject({ next: at('01:05:00') });
  });

  it('with runOnStartup runs at the start, which is not past due', async () => {
    const { clock, runs } = await listen(timer('0 * * * * *', true));
    await clock.advance(0);
    expect(runs.map(({ isPastDue }) => isPastDue)).toEqual([false]);
    await clock.advance(60_000);
    expect(runs.map((run) => run.at)).toEqual([at('00:00:00.500'), at('00:01:00')]);
  });

  it('waits for a tick that is further away than any timer can wait', async () => {
    const { clock, runs } = await listen(timer('0 0 0 1 3 *'));
    await clock.advance(59 * 86_400_000);
    expect(runs.map((run) => run.at)).toEqual([new Date('2026-03-01T00:00:00Z')]);
  });

  it('fires no more once it is stopped, and keeps the run that is outstanding', async () => {
    const { clock, runs, listener } = await listen(timer('*/10 * * * * *'), { takesMs: 1000 });
    await clock.advance(9600);
    listener.stop();
    await clock.advance(60_000);
    expect(runs).toHaveLength(1);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('the status in a folder', () => {
  it('outlives the host; one that cannot be read is none', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'timer-status-'));
    try {
      const store = fileStore(join(directory, 'new'));
      expect(await store.read('tick')).toBeUndefined();
      const status = { last: undefined, next: at('00:00:10'), lastUpdated: at('00:00:00') };
      await store.write('tick', status);
      expect(await fileStore(join(directory, 'new')).read('tick')).toEqual(status);
      for (const text of ['{', '{}', 'null']) {
        await writeFile(join(directory, 'new', 'tick.status'), text);
        expect(await store.read('tick')).toBeUndefined();
      }
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('that cannot be written is told, and the schedule goes on', async () => {
    const store = { read: async () => undefined, write: async () => Promise.reject(new Error('full')) };
    const clock = new FakeClock(startMs);
    const errors: unknown[] = [];
    let runs = 0;
    const run = async (): Promise<void> => void (runs += 1);
    const onError = (error: unknown): void => void errors.push(error);
    await new TimerListener({
      timer: timer('0 * * * * *'),
      store,
      clock,
      earlyMs: () => 0,
      run,
      onError,
    }).start();
    await clock.advance(120_000);
    expect([runs, errors.length]).toEqual([2, 3]);
  });
});

describe('a schedule', () => {
  it.each([
    ['0 */5 * * * *', '00:00:00', '00:05:00', true],
    ['*/30 * * * * *', '00:00:01', '00:00:30', false],
    ['00:05:00', '00:00:01', '00:05:01', true],
    ['00:00:05', '00:00:01', '00:00:06', false],
  ])('%s', (text, after, next, isMonitored) => {
    const schedule = createSchedule(text);
    expect(schedule.nextAfter(at(after))).toEqual(at(next));
    expect(schedule.isMonitored).toBe(isMonitored);
  });

  it('names a setting between percent signs', () => {
    const functions = ['%EVERY%', '%NOTHING%', 'nonsense', '00:00:00'].map((schedule, index) => ({
      name: `f${index}`,
      bindings: { timer: { type: 'timerTrigger', direction: 'in' as const, schedule } },
    }));
    const errors: string[] = [];
    const timers = timerFunctions(functions, { EVERY: '0 0 * * * *' }, (name) => errors.push(name));
    expect(timers.map(({ name, schedule }) => [name, schedule.nextAfter(at('00:10:00'))])).toEqual([
      ['f0', at('01:00:00')],
    ]);
    expect(errors).toEqual(['f1', 'f2', 'f3']);
  });
});

describe('what a timer function is given', () => {
  const status: ScheduleStatus = { last: at('00:01:00.120'), next: at('00:02:00'), lastUpdated: undefined };

  it('has times as .NET writes them', () => {
    expect(statusToJson(status)).toEqual({
      Last: '2026-01-01T00:01:00.12+00:00',
      Next: '2026-01-01T00:02:00+00:00',
      LastUpdated: '0001-01-01T00:00:00+00:00',
    });
    expect(statusFromJson(statusToJson(status))).toEqual(status);
  });

  it('has no status where the schedule ticks too often, and no daylight saving where it is an interval', () => {
    const input = (text: string): unknown => JSON.parse(timerInput(timer(text), status, true).json ?? '');
    expect(input('00:00:05')).toEqual({
      Schedule: { AdjustForDST: false },
      ScheduleStatus: null,
      IsPastDue: true,
    });
    expect(input('0 * * * * *')).toMatchObject({
      Schedule: { AdjustForDST: true },
      ScheduleStatus: statusToJson(status),
    });
  });
});

it('ticks are early about as often, and by as much, as on the real host', () => {
  const draws = Array.from({ length: 1000 }, (_, index) => {
    const values = [index / 1000, 0.9];
    return usualEarliness(() => values.shift() ?? 0);
  });
  expect(draws.filter((ms) => ms > 0)).toHaveLength(419);
  expect(Math.max(...draws)).toBeLessThanOrEqual(6);
});
