import { expect, it } from 'vitest';
import { IdlePing } from '../../../src/redis/idle-ping.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function start() {
  const clock = new FakeClock();
  const startMs = clock.nowMs();
  const state = { repliedAtMs: startMs, pingsAtMs: [] as number[], deadlinesAtMs: [] as number[] };
  const idlePing = new IdlePing(
    clock,
    { pingAfterMs: 60_000 },
    {
      repliedAtMs: () => state.repliedAtMs,
      ping: async (deadlineAtMs) => {
        state.pingsAtMs.push(clock.nowMs() - startMs);
        state.deadlinesAtMs.push(deadlineAtMs - clock.nowMs());
        throw new Error('No reply came.');
      },
    },
  );
  return { clock, state, idlePing };
}

it('pings a minute after the last reply, with a deadline of its own', async () => {
  const { clock, state } = start();
  await clock.advance(50_000);
  state.repliedAtMs = clock.nowMs();
  await clock.advance(59_999);
  expect(state.pingsAtMs).toEqual([]);
  await clock.advance(1);
  expect(state.pingsAtMs).toEqual([110_000]);
  expect(state.deadlinesAtMs).toEqual([5000]);
});

it('pings again every minute, also where no reply comes', async () => {
  const { clock, state } = start();
  await clock.advance(180_000);
  expect(state.pingsAtMs).toEqual([60_000, 120_000, 180_000]);
});

it('sets no more than one timer, and none once stopped', async () => {
  const { clock, state, idlePing } = start();
  await clock.advance(120_000);
  expect(clock.pendingTimers).toBe(1);
  idlePing.stop();
  await clock.advance(120_000);
  expect([clock.pendingTimers, state.pingsAtMs.length]).toEqual([0, 2]);
});
