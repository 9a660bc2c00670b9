// An identity that the cache does not know: told what to assign, tried ever less often, let in when assigned.

import { expect, it } from 'vitest';
import { systemAssigned } from '../../local/token-issuer.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalApp } from '../support/local-app.ts';
import { leakedPart } from '../support/scenario.ts';

const observedMs = 40_000;

it('backs off, and says which object id needs what', { timeout: observedMs + 60_000 }, async () => {
  const oid = systemAssigned.objectId;
  await using app = await startLocalApp({
    untilReady: false,
    settings: { REQUEST_BUDGET_MS: '500' },
    prepare: ({ front }) => front.unassign(oid),
  });
  await new Promise((resolve) => {
    setTimeout(resolve, observedMs);
  });
  const ready = await app.fetch('/api/health/ready');
  expect(ready.status).toBe(503);
  // When the next attempt is due is known, so it is told.
  expect(Number(ready.headers.get('retry-after'))).toBeGreaterThan(1);

  const attempts = app.stack.front.connections.map(({ acceptedAtMs }) => acceptedAtMs);
  const pauses = attempts.slice(1).map((atMs, index) => atMs - (attempts[index] ?? 0));
  // 0.5, 1, 2, 4, 8 and 16 seconds, each up to a quarter longer, and then 30.
  expect(pauses.length).toBeGreaterThanOrEqual(5);
  expect(pauses.length).toBeLessThanOrEqual(7);
  for (const [index, pauseMs] of pauses.entries()) {
    expect(pauseMs).toBeGreaterThan(Math.min(500 * 2 ** index, 30_000) - 50);
  }
  const logged = app.host
    .logs()
    .map(({ message }) => message)
    .join('\n');
  expect(logged).toContain(`object id ${oid}`);
  expect(logged).toContain('access policy assignment');
  expect(leakedPart(logged + (await ready.text()), app.stack.issuer.issued)).toBeUndefined();
  // A renewal was tried after each rejection, at the policy's floor at most.
  expect(app.stack.identity.calls.length).toBeLessThanOrEqual(attempts.length + 1);

  app.stack.front.assign(oid);
  await eventually(async () => expect((await app.fetch('/api/health/ready')).status).toBe(200), 45_000);
});
