// Tokens of 6 seconds under steady reads: what two days of rotations look like, in 20 seconds.

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ConnectionRecord } from '../../local/entra-front/front.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalApp, type LocalApp } from '../support/local-app.ts';
import { startControl } from '../support/timing.ts';
import { steadyReads, troubled } from '../support/steady-reads.ts';

// A token is renewed at half of its life, so a rotation comes every 3 to 3.6 s.
const tokenLifetimeMs = 6000;
const rotationsToSee = 5;
const readsPerSecond = 50;
/** How long a read may take, beside what the machine takes. */
const promptMs = 2000;
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
  using control = startControl(async () => (await app.fetch('/api/health/live')).text());
  const startedAtMs = Date.now();
  const reads = steadyReads(read, { perSecond: readsPerSecond, limitMs: 60_000 });
  const { front } = app.stack;
  const live = () => front.connections.filter(({ closedAtMs }) => closedAtMs === undefined);
  await eventually(
    () => {
      for (const { auths } of live()) expect(auths.length).toBeGreaterThan(rotationsToSee);
    },
    4 * rotationsToSee * tokenLifetimeMs,
  );
  const outcomes = await reads.stop();
  // On a machine that had the time, half of them at least.
  const least = control.longestMs < 500 ? readsPerSecond / 2 : 1;
  expect(outcomes.length).toBeGreaterThan((least * (Date.now() - startedAtMs)) / 1000);
  expect(troubled(outcomes, promptMs, control)).toEqual([]);

  // Of each instance one for commands and one that hears announcements.
  expect(live()).toHaveLength(4);
  for (const connection of live()) expectOneAuthARotation(connection);
  // Where the machine stood still for so long that a token ended, a connection ended with it.
  if (control.longestMs < tokenLifetimeMs / 6) expect(front.connections).toHaveLength(4);
});

function expectOneAuthARotation({ auths }: ConnectionRecord): void {
  const [handshake, ...rotations] = auths;
  expect(handshake).toMatchObject({ command: 'HELLO', accepted: true });
  expect(rotations.every((auth) => auth.command === 'AUTH' && auth.accepted)).toBe(true);
  // Each with a later token, none twice with the same.
  const expiries = auths.map((auth) => auth.tokenExpiresAtMs ?? 0);
  expect(expiries).toEqual([...new Set(expiries)].toSorted((a, b) => a - b));
}
