import { InvocationContext, type Timer } from '@azure/functions';
import { expect, it } from 'vitest';
import { scheduledWarmup } from '../../src/functions/scheduled-warmup.ts';
import { FakeClock } from '../support/fake-clock.ts';

it.each([
  [300, 260],
  [600, 560],
  // Half of what is short is still for warming: else nothing would ever be.
  [60, 30],
])(
  'begins no load so late that it may not end within a functionTimeout of %i s',
  async (timeoutSeconds, seconds) => {
    const clock = new FakeClock();
    const startedAtMs = clock.nowMs();
    const deadlines: number[] = [];
    const warmup = {
      async run({ deadlineAtMs }: { readonly deadlineAtMs: number }) {
        deadlines.push(deadlineAtMs - startedAtMs);
        return { kind: 'held' } as const;
      },
    };
    const handler = scheduledWarmup({
      warmup,
      clock,
      schedule: '0 */5 * * * *',
      invocationLimitMs: timeoutSeconds * 1000,
      loadLimitMs: 30_000,
    });
    const timer = { isPastDue: false } as Timer;
    await handler(timer, new InvocationContext({ functionName: 'scheduledWarmup', logHandler() {} }));
    expect(deadlines).toEqual([seconds * 1000]);
  },
);
