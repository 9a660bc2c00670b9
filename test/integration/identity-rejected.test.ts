// An identity that the cache does not know: the log says what to assign, attempts come ever less often, and it is let
// in when it is assigned.

import { expect, it } from 'vitest';
import { systemAssigned } from '../../local/token-issuer.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalApp } from '../support/local-app.ts';
import { leakedPart } from '../support/scenario.ts';

// With pauses of 0.5, 1 and 2 s before it, each up to a quarter longer, the fourth is made after 3.5 to 4.4 s.
const attemptsToSee = 4;

it('backs off, and says which object id needs what', async () => {
  const oid = systemAssigned.objectId;
  await using app = await startLocalApp({
    untilReady: false,
    settings: { REQUEST_BUDGET_MS: '500' },
    prepare: ({ front }) => front.unassign(oid),
  });
  const { front, identity, issuer } = app.stack;
  const attemptTimesMs = (): number[] => front.connections.map(({ acceptedAtMs }) => acceptedAtMs);
  await eventually(() => expect(attemptTimesMs()).toHaveLength(attemptsToSee));
  // Once this attempt has been refused, too, the next one is due in 4 to 5 s, and that is known.
  const ready = await eventually(async () => {
    const answer = await app.fetch('/api/health/ready');
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(1);
    return answer;
  });

  const attempts = attemptTimesMs();
  for (const [index, atMs] of attempts.slice(1).entries()) {
    expect(atMs - (attempts[index] ?? 0)).toBeGreaterThan(500 * 2 ** index - 50);
  }
  const logged = app.host
    .logs()
    .map(({ message }) => message)
    .join('\n');
  expect(logged).toContain(`object id ${oid}`);
  expect(logged).toContain('access policy assignment');
  expect(leakedPart(logged + (await ready.text()), issuer.issued)).toBeUndefined();
  // A renewal was tried after each rejection, at the policy's floor at most.
  expect(identity.calls.length).toBeLessThanOrEqual(attempts.length + 1);

  front.assign(oid);
  await eventually(async () => expect((await app.fetch('/api/health/ready')).status).toBe(200));
});
