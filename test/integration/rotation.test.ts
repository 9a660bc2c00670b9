// Tokens of 6 seconds under steady reads: what two days of rotations look like, in 20 seconds.

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ConnectionRecord } from '../../local/entra-front/front.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalApp, type LocalApp } from '../support/local-app.ts';
import { failed, steadyReads } from '../support/steady-reads.ts';

// A token is renewed at half of its life, so a rotation comes every 3 to 3.6 s.
const tokenLifetimeMs = 6000;
const rotationsToSee = 5;
const readsPerSecond = 50;
let app: LocalApp;

beforeAll(async () => {
  app = await startLocalApp({ tokenLifetimeMs, instances: 2 });
  await app.fetch('/api/cache/steady', { method: 'PUT', body: 'value' });
});
afterAll(async () => app?.stop());

it('no read fails, and each connection lives on across five rotations with one AUTH for each', async () => {
  const read = async (): Promise<number> => {
    const response = await app.fetch('/api/cache/steady');
    const body = await response.text();
    return body === 'value' ? response.status : 0;
  };
  const startedAtMs = Date.now();
  const reads = steadyReads(read, { perSecond: readsPerSecond, limitMs: 60_000 });
  const { front } = app.stack;
  await eventually(
    () => {
      for (const { auths } of front.connections) expect(auths.length).toBeGreaterThan(rotationsToSee);
    },
    2 * rotationsToSee * tokenLifetimeMs,
  );
  const outcomes = await reads.stop();
  expect(outcomes.length).toBeGreaterThan((readsPerSecond * (Date.now() - startedAtMs)) / 1000 / 2);
  expect(failed(outcomes)).toEqual([]);

  // Of each instance one for commands and one that hears announcements.
  expect(front.connections).toHaveLength(4);
  for (const connection of front.connections) expectOneAuthARotation(connection);
});

function expectOneAuthARotation({ closedAtMs, auths }: ConnectionRecord): void {
  expect(closedAtMs).toBeUndefined();
  const [handshake, ...rotations] = auths;
  expect(handshake).toMatchObject({ command: 'HELLO', accepted: true });
  expect(rotations.every((auth) => auth.command === 'AUTH' && auth.accepted)).toBe(true);
  // Each with a later token, none twice with the same.
  const expiries = auths.map((auth) => auth.tokenExpiresAtMs ?? 0);
  expect(expiries).toEqual([...new Set(expiries)].toSorted((a, b) => a - b));
}
