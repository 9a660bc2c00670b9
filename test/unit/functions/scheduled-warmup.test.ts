import { InvocationContext, type Timer } from '@azure/functions';
import { describe, expect, it } from 'vitest';
import { scheduledWarmup } from '../../../src/functions/scheduled-warmup.ts';
import { Measures } from '../../../src/telemetry/measures.ts';
import { AppError } from '../../../src/util/errors.ts';
import type { RunLimits } from '../../../src/warmup/run.ts';
import { FakeClock } from '../../support/fake-clock.ts';

it.each([
  [300, 260, 290],
  [600, 560, 590],
  // Half of what is short is still for warming: else nothing would ever be.
  [60, 30, 50],
  [10, 5, 7.5],
])(
  'of a functionTimeout of %i s begins loads in the first %d s, and gives up what is under way after %d s',
  async (timeoutSeconds, loadSeconds, endSeconds) => {
    const clock = new FakeClock();
    const startedAtMs = clock.nowMs();
    const runs: number[][] = [];
    const warmup = {
      async run({ deadlineAtMs, endsAtMs }: RunLimits) {
        runs.push([deadlineAtMs - startedAtMs, endsAtMs - startedAtMs]);
        return { kind: 'held' } as const;
      },
    };
    const handler = scheduledWarmup({
      measures: new Measures(),
      warmup,
      clock,
      schedule: '0 */5 * * * *',
      invocationLimitMs: timeoutSeconds * 1000,
      loadLimitMs: 30_000,
    });
    const timer = { isPastDue: false } as Timer;
    await handler(timer, new InvocationContext({ functionName: 'scheduledWarmup', logHandler() {} }));
    expect(runs).toEqual([[loadSeconds * 1000, endSeconds * 1000]]);
  },
);

it('takes the next run from the schedule: what the host says comes next is the tick that is being run', async () => {
  const clock = new FakeClock();
  const ticks: number[] = [];
  const warmup = {
    async run({ nextRunAtMs }: RunLimits) {
      ticks.push(nextRunAtMs);
      return { kind: 'held' } as const;
    },
  };
  const schedule = '0 0 0 1 1 *';
  const handler = scheduledWarmup({
    measures: new Measures(),
    warmup,
    clock,
    schedule,
    invocationLimitMs: 300_000,
    loadLimitMs: 30_000,
  });
  const now = new Date(clock.wallMs()).toISOString();
  const timer: Timer = {
    isPastDue: false,
    schedule: { adjustForDST: true },
    scheduleStatus: { last: now, next: now, lastUpdated: now },
  };
  await handler(timer, new InvocationContext({ functionName: 'scheduledWarmup', logHandler() {} }));
  const year = new Date(clock.wallMs()).getUTCFullYear();
  expect(ticks).toEqual([Date.UTC(year + 1, 0, 1)]);
});

it.each([
  [0, 0, 'warning'],
  [3, 0, 'information'],
  [3, 1, 'warning'],
])('with %i entries listed and %i failed ends with a line of level %s', async (listed, failed, level) => {
  const report = {
    listed,
    current: listed - failed,
    renewed: 0,
    loaded: 0,
    bytes: 0,
    kept: 0,
    failed: failed === 0 ? {} : { unusable: failed },
    tooLarge: [],
    seconds: 0,
    complete: true,
  };
  const clock = new FakeClock();
  const warmup = { run: async () => ({ kind: 'ended', report }) as const };
  const schedule = '0 */5 * * * *';
  const handler = scheduledWarmup({
    measures: new Measures(),
    warmup,
    clock,
    schedule,
    invocationLimitMs: 300_000,
    loadLimitMs: 30_000,
  });
  const lines: [string, string][] = [];
  const logHandler = (at: string, ...args: unknown[]): void => void lines.push([at, args.join(' ')]);
  await handler(
    { isPastDue: false } as Timer,
    new InvocationContext({ functionName: 'scheduledWarmup', logHandler }),
  );
  expect(lines.map(([at]) => at)).toEqual([level]);
  expect(lines[0]?.[1]).toMatch(/entries are warm: warmup \{"listed"/u);
  expect(lines[0]?.[1].includes('empty')).toBe(listed === 0);
});

describe('a tick', () => {
  const tick = async (warmup: Parameters<typeof scheduledWarmup>[0]['warmup']): Promise<string[]> => {
    const lines: string[] = [];
    const handler = scheduledWarmup({
      measures: new Measures(),
      warmup,
      clock: new FakeClock(),
      schedule: '0 0 0 30 2 *',
      invocationLimitMs: 300_000,
      loadLimitMs: 30_000,
    });
    const logHandler = (level: string, ...parts: unknown[]): void =>
      void lines.push(`${level} ${parts.join(' ')}`);
    await handler(
      { isPastDue: false } as Timer,
      new InvocationContext({ functionName: 'scheduledWarmup', logHandler }),
    );
    return lines;
  };
  const failing = (error: Error) => ({
    run: async (): Promise<never> => {
      throw error;
    },
  });

  it('with nothing to warm says so', async () => {
    expect(await tick(undefined)).toEqual([expect.stringMatching(/^information Nothing to warm/u)]);
  });

  it('while another instance is warming leaves it to that one', async () => {
    const warmup = { run: async () => ({ kind: 'held' }) as const };
    expect(await tick(warmup)).toEqual([expect.stringMatching(/^information Another instance/u)]);
  });

  it('that an outage ends is a warning; the next one tries again', async () => {
    const [line] = await tick(failing(new AppError('redis-unavailable', 'No connection.')));
    expect(line).toMatch(/^warning No warmup; the next run tries again\./u);
    expect(line).toContain('{"code":"redis-unavailable","reason":"No connection."}');
  });

  it('that a bug ends is a failed invocation', async () => {
    await expect(tick(failing(new TypeError('x is not a function')))).rejects.toThrow(TypeError);
  });
});
