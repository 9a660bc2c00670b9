import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LoadPermits, type LoadPermit } from '../../../src/cache/load-permits.ts';
import { AppError } from '../../../src/util/errors.ts';
import { Callers } from '../../../src/util/single-flight.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

function setUp(places: { readonly quick: number; readonly slow: number }) {
  const clock = new FakeClock();
  const permits = new LoadPermits({ clock, ...places, slowAfterMs: 500 });
  /** A load that one request waits for, and how that one leaves. */
  const load = (): LoadPermit & { readonly leave: () => void } => {
    const callers = new Callers();
    const leave = callers.join();
    const permit = permits.acquire(callers);
    // As a load does: it ends when it has to.
    permit.signal.addEventListener('abort', () => permit.release());
    return Object.assign(permit, { leave });
  };
  return { clock, permits, load };
}

const granted = (loads: readonly LoadPermit[]): number => loads.filter(({ isGranted }) => isGranted).length;
const ended = (loads: readonly LoadPermit[]): number => loads.filter(({ signal }) => signal.aborted).length;
const many = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);

describe('loads', () => {
  it('begin in the order in which they came, as many at once as may', () => {
    const { load } = setUp({ quick: 2, slow: 0 });
    const loads = many(4, load);
    expect(loads.map(({ isGranted }) => isGranted)).toEqual([true, true, false, false]);
    loads[0]?.release();
    loads[0]?.release();
    expect(loads.map(({ isGranted }) => isGranted)).toEqual([false, true, true, false]);
  });

  it('that are slow move to places of their own, and keep no quick one waiting', async () => {
    const { clock, load } = setUp({ quick: 4, slow: 2 });
    const slow = many(4, load);
    const waiting = many(3, load);
    await clock.advance(499);
    expect(granted(waiting)).toBe(0);
    await clock.advance(1);
    expect(granted(waiting)).toBe(2);
    expect(ended(slow)).toBe(0);
    // Another one moves when a slow one has ended.
    slow[0]?.release();
    expect(granted(waiting)).toBe(3);
  });

  it('that requests wait for are never ended, however many others wait for their places', async () => {
    const { clock, load } = setUp({ quick: 2, slow: 2 });
    const loads = many(50, load);
    await clock.advance(60_000);
    expect(ended(loads)).toBe(0);
    expect(granted(loads)).toBe(4);
  });

  it('whose requests have all left give way when others wait, the oldest first, and no more than that takes', async () => {
    const { clock, load } = setUp({ quick: 2, slow: 2 });
    const loads = many(4, load);
    await clock.advance(500);
    await clock.advance(500);
    expect(granted(loads)).toBe(4);
    for (const { leave } of loads) leave();
    expect(ended(loads)).toBe(0);
    const waiting = load();
    expect(loads.map(({ signal }) => signal.aborted)).toEqual([true, false, false, false]);
    expect(loads[0]?.signal.reason).toMatchObject({ code: 'deadline-exceeded' });
    expect(waiting.isGranted).toBe(true);
  });

  it('give way as soon as their requests leave, where others wait already', async () => {
    const { clock, load } = setUp({ quick: 1, slow: 0 });
    const first = load();
    const waiting = load();
    await clock.advance(2000);
    expect(waiting.isGranted).toBe(false);
    first.leave();
    expect([first.signal.aborted, waiting.isGranted]).toEqual([true, true]);
  });

  it('that have only begun do not give way, whoever has left', async () => {
    const { clock, load } = setUp({ quick: 1, slow: 0 });
    const first = load();
    const waiting = load();
    await clock.advance(100);
    first.leave();
    expect(first.signal.aborted).toBe(false);
    await clock.advance(400);
    expect([first.signal.aborted, waiting.isGranted]).toEqual([true, true]);
  });

  it('that somebody waits for again stay', async () => {
    const { clock, permits, load } = setUp({ quick: 1, slow: 0 });
    const callers = new Callers();
    const leave = callers.join();
    const first = permits.acquire(callers);
    leave();
    callers.join();
    const waiting = load();
    await clock.advance(10_000);
    expect([first.signal.aborted, waiting.isGranted]).toEqual([false, false]);
  });

  it('do not give way to those whose requests have left, too', async () => {
    const { clock, load } = setUp({ quick: 1, slow: 0 });
    const first = load();
    await clock.advance(500);
    const waiting = load();
    waiting.leave();
    first.leave();
    expect(first.signal.aborted).toBe(false);
  });

  it('that are waited for begin before those whose requests have left', () => {
    const { load } = setUp({ quick: 1, slow: 0 });
    const [first, abandoned, waiting] = [load(), load(), load()];
    abandoned.leave();
    first.release();
    expect([abandoned.isGranted, waiting.isGranted]).toEqual([false, true]);
    waiting.release();
    expect(abandoned.isGranted).toBe(true);
  });

  it('that are nobody’s request give way to each other after a while', async () => {
    const { clock, permits } = setUp({ quick: 2, slow: 0 });
    const renewals = many(3, () => permits.acquire(undefined));
    await clock.advance(499);
    expect(ended(renewals)).toBe(0);
    await clock.advance(1);
    expect(renewals.map(({ signal }) => signal.aborted)).toEqual([true, false, false]);
    renewals[0]?.release();
    expect(renewals[2]?.isGranted).toBe(true);
  });

  it('end when they are told to stop, those that begin later, too', () => {
    const { permits, load } = setUp({ quick: 1, slow: 0 });
    const loads = many(3, load);
    permits.stop(new AppError('stopped', 'Over.'));
    expect(loads.map(({ signal }) => (signal.reason as AppError | undefined)?.code)).toEqual(
      many(3, () => 'stopped'),
    );
  });

  it('wait for their turn no longer than they may', async () => {
    const { clock, permits, load } = setUp({ quick: 1, slow: 0 });
    const first = load();
    const results: unknown[] = [];
    const late = permits.run(undefined, 100, async () => 'ran');
    void late.then((result) => results.push(result));
    await clock.advance(99);
    expect(results).toEqual([]);
    await clock.advance(1);
    expect(results).toEqual([undefined]);
    const next = permits.run(undefined, 100, async () => 'ran');
    first.release();
    expect(await next).toBe('ran');
    expect(clock.pendingTimers).toBe(0);
  });
});

it('32 loads that take 10 s let every other load begin within the time that makes them slow', async () => {
  const { clock, load } = setUp({ quick: 32, slow: 16 });
  const slow = many(32, load);
  for (let times = 0; times < 20; times += 1) {
    const quick = load();
    await clock.advance(500);
    expect(quick.isGranted).toBe(true);
    quick.release();
  }
  expect(ended(slow)).toBe(0);
});

it('no more run than there are places, all places are used, and each load begins or is left in the end', async () => {
  const steps = fc.array(
    fc.oneof(
      fc.constant({ kind: 'load' } as const),
      fc.record({ kind: fc.constantFrom('leave', 'release'), of: fc.nat(30) }),
      fc.record({ kind: fc.constant('pass'), ms: fc.nat(600) }),
    ),
    { maxLength: 60 },
  );
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 1, max: 4 }), fc.nat(3), async (all, quick, slow) => {
      const { clock, load } = setUp({ quick, slow });
      const loads: ReturnType<typeof load>[] = [];
      for (const step of all) {
        if (step.kind === 'load') loads.push(load());
        else if ('ms' in step) await clock.advance(step.ms);
        else if (step.kind === 'leave') loads[step.of]?.leave();
        else loads[step.of]?.release();
        expect(granted(loads)).toBeLessThanOrEqual(quick + slow);
      }
      await settle();
      await clock.advance(1000);
      for (const one of loads) one.leave();
      for (const one of loads) one.release();
      expect(clock.pendingTimers).toBe(0);
      const last = many(quick, load);
      expect(granted(last)).toBe(quick);
    }),
    { numRuns: 200 },
  );
});
