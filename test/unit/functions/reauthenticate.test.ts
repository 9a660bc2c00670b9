import { InvocationContext, type Timer } from '@azure/functions';
import { expect, it } from 'vitest';
import type { RollCallOutcome } from '../../../src/fleet/roll-call.ts';
import { reauthenticate } from '../../../src/functions/reauthenticate.ts';
import { AppError } from '../../../src/util/errors.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const atMs = Date.UTC(2026, 0, 1);
const outcome: RollCallOutcome = {
  id: 'call',
  atMs,
  expected: 3,
  answered: 3,
  rotated: 1,
  failed: 0,
  failing: [],
  silent: [],
  shortestTimeLeftMs: 1000,
  nextAtMs: atMs + 60_000,
  unrecorded: null,
};

interface Run {
  readonly logs: readonly (readonly [level: string, message: string])[];
  readonly calledFor: readonly (number | null)[];
  readonly renewals: number;
}

async function tick(result: RollCallOutcome | Error): Promise<Run> {
  const logs: [string, string][] = [];
  const calledFor: (number | null)[] = [];
  let renewals = 0;
  const handler = reauthenticate({
    keeper: {
      async renewIfDue() {
        renewals += 1;
        return { kind: 'not-due' };
      },
    },
    rollCall: {
      async call(nextAtMs) {
        calledFor.push(nextAtMs);
        if (result instanceof Error) throw result;
        return result;
      },
    },
    clock: new FakeClock(atMs),
    schedule: '0 * * * * *',
  });
  const logHandler = (level: string, ...parts: unknown[]): void => void logs.push([level, parts.join(' ')]);
  await handler(
    { isPastDue: false } as Timer,
    new InvocationContext({ functionName: 'reauthenticate', logHandler }),
  );
  return { logs, calledFor, renewals };
}

it('calls the roll, says when the next one is due, and tells how it went', async () => {
  const { logs, calledFor, renewals } = await tick(outcome);
  expect(calledFor).toEqual([atMs + 60_000]);
  expect(renewals).toBe(0);
  const [[level, message] = []] = logs;
  expect(level).toBe('information');
  expect(message).toMatch(/^3 of 3 instances answered: rollCall \{"id":"call"/u);
  expect(message).toContain('"at":"2026-01-01T00:00:00.000Z","nextAt":"2026-01-01T00:01:00.000Z"');
});

it.each([
  ['an instance was silent', { silent: ['two'], answered: 2 }],
  ['an instance could not renew', { failed: 1 }],
  ['the roll call could not be recorded', { unrecorded: 'Redis refused it.' }],
])('warns where %s', async (_what, difference) => {
  const { logs } = await tick({ ...outcome, nextAtMs: null, ...difference });
  expect(logs.map(([level]) => level)).toEqual(['warning']);
  expect(logs[0]?.[1]).toContain('"nextAt":null');
});

it.each([
  ['redis-unavailable', 'Redis cannot be asked'],
  ['command-failed', 'Redis refused it'],
] as const)('renews its own token where nobody can be called: %s', async (code, why) => {
  const { logs, renewals } = await tick(new AppError(code, 'What happened.'));
  expect(renewals).toBe(1);
  const [[level, message] = []] = logs;
  expect(level).toBe('warning');
  expect(message).toContain(`No roll call, because ${why}`);
  expect(message).toContain(JSON.stringify({ code, reason: 'What happened.', renewal: 'not-due' }));
});

it('fails for a bug', async () => {
  await expect(tick(new TypeError('x is not a function'))).rejects.toThrow(TypeError);
});
