import { expect, it } from 'vitest';
import type { Renewal } from '../../../src/auth/keeper-transitions.ts';
import { checkSelf } from '../../../src/fleet/self-check.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { never } from '../../support/in-memory-fleet.ts';

const hangs = never;
const passes = async (): Promise<void> => {};
const renewal = (value: Renewal) => async () => value;
const rotates = renewal({ kind: 'rotated', expiresAtMs: 1 });
const fails = renewal({ kind: 'failed', reason: 'No token came.' });
const longFailure = `${'x'.repeat(199)} ${'y'.repeat(50)}`;
const unsettled = 'A connection is not authenticated with the new token yet.';
const notEnded = 'The renewal has not ended yet.';

it.each([
  ['nothing is due', renewal({ kind: 'not-due' }), passes, undefined, false, null],
  ['the token does not advance', renewal({ kind: 'not-advancing' }), passes, undefined, false, null],
  ['the token is renewed', rotates, passes, undefined, true, null],
  ['the renewal fails', fails, passes, undefined, false, 'No token came.'],
  ['the renewal fails, and a connection hangs', fails, hangs, undefined, false, 'No token came.'],
  [
    'the reason is long',
    renewal({ kind: 'failed', reason: longFailure }),
    passes,
    undefined,
    false,
    'x'.repeat(199),
  ],
  ['a connection hangs', rotates, hangs, undefined, true, unsettled],
  ['the renewal hangs', hangs, passes, undefined, false, notEnded],
  ['the renewal hangs after a failure', hangs, passes, 'Status 500.', false, `${notEnded} Status 500.`],
])('where %s', async (_name, renewIfDue, settled, lastFailure, rotated, failure) => {
  const clock = new FakeClock();
  const status = () => ({
    state: 'holding' as const,
    expiresAtMs: 0,
    timeLeftMs: 0,
    lastRotationAtMs: undefined,
    rotations: 0,
    requests: 0,
    lastFailure,
  });
  const checking = checkSelf({ keeper: { renewIfDue, status }, redis: { settled }, clock });
  await clock.advance(2000);
  expect(await checking).toEqual({ rotated, failure });
  expect(clock.pendingTimers).toBe(0);
});

it('leaves no timer behind when it is done', async () => {
  const clock = new FakeClock();
  const status = () => expect.unreachable();
  await checkSelf({ keeper: { renewIfDue: rotates, status }, redis: { settled: passes }, clock });
  expect(clock.pendingTimers).toBe(0);
});

it('has 2 s for both together', async () => {
  const clock = new FakeClock();
  let renew = (_renewal: Renewal): void => {};
  const renewIfDue = (): Promise<Renewal> => new Promise((resolve) => (renew = resolve));
  const status = () => expect.unreachable();
  const checking = checkSelf({ keeper: { renewIfDue, status }, redis: { settled: never }, clock });
  await clock.advance(1900);
  renew({ kind: 'not-due' });
  await clock.advance(100);
  expect(await checking).toEqual({ rotated: false, failure: unsettled });
});
