// Tokens of 20 seconds under steady reads: what a day of rotations looks like, in two minutes.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { startLocalApp, type LocalApp } from '../support/local-app.ts';
import { failed, steadyReads } from '../support/steady-reads.ts';

const runMs = 120_000;
let app: LocalApp;

beforeAll(async () => {
  app = await startLocalApp({ tokenLifetimeMs: 20_000, instances: 2 });
  await app.fetch('/api/cache/steady', { method: 'PUT', body: 'value' });
});
afterAll(async () => app?.stop());

it(
  'no read fails, and each connection lives on across at least four rotations with one AUTH for each',
  { timeout: runMs + 60_000 },
  async () => {
    const read = async (): Promise<number> => {
      const response = await app.fetch('/api/cache/steady');
      const body = await response.text();
      return body === 'value' ? response.status : 0;
    };
    const reads = steadyReads(read, { perSecond: 50, limitMs: runMs });
    await new Promise((resolve) => {
      setTimeout(resolve, runMs);
    });
    const outcomes = await reads.stop();
    expect(outcomes.length).toBeGreaterThan(5000);
    expect(failed(outcomes)).toEqual([]);

    const connections = app.stack.front.connections;
    // Of each instance one for commands and one that hears announcements.
    expect(connections).toHaveLength(4);
    for (const connection of connections) {
      expect(connection.closedAtMs).toBeUndefined();
      const [handshake, ...rotations] = connection.auths;
      expect(handshake).toMatchObject({ command: 'HELLO', accepted: true });
      expect(rotations.length).toBeGreaterThanOrEqual(4);
      // One AUTH a rotation: each with a later token, none twice with the same.
      const expiries = connection.auths.map((auth) => auth.tokenExpiresAtMs ?? 0);
      expect(expiries).toEqual([...new Set(expiries)].toSorted((a, b) => a - b));
      expect(rotations.every((auth) => auth.command === 'AUTH' && auth.accepted)).toBe(true);
    }
  },
);
