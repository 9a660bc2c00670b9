// The smoke test of a deployment, pointed at the packaged app on the local Functions host.

import { createServer } from 'node:http';
import { expect, it } from 'vitest';
import { listenOnLoopback } from '../../local/listening.ts';
import { smokeTest } from '../../scripts/smoke-test.ts';
import { startLocalApp } from '../support/local-app.ts';

/** The first answer of each probe counts: what is not as it should be is told at once. */
const once = { limitMs: 30_000, pauseMs: 30_000 };
const patient = { limitMs: 60_000, pauseMs: 100 };

it('passes where the app gets into Redis, and says so', async () => {
  await using app = await startLocalApp();
  const lines: string[] = [];
  await smokeTest(app.host.url, { ...patient, keysAsked: false, log: (line) => lines.push(line) });
  expect(lines).toEqual([
    '/api/health/live: 200, the app runs',
    '/api/health/ready: 200, its identity gets into Redis',
  ]);
  // Nobody asks for a key here: on Azure that would be a fault, and is told.
  await expect(smokeTest(app.host.url, once)).rejects.toThrow(
    '/api/cache/smoke-test answered 404 and not 401',
  );
});

it('fails where the identity gets no token, and names the probe', async () => {
  await using app = await startLocalApp({
    untilReady: false,
    settings: { REQUEST_BUDGET_MS: '500' },
    prepare: (stack) => stack.identity.setBehaviour('fail'),
  });
  await expect(smokeTest(app.host.url, once)).rejects.toThrow('/api/health/ready answered 503 and not 200');
});

it('waits for an app that is still starting', async () => {
  let asked = 0;
  const server = createServer((_, response) => {
    asked += 1;
    response.writeHead(asked < 3 ? 503 : 200).end();
  });
  const listening = await listenOnLoopback(server);
  try {
    await smokeTest(`http://127.0.0.1:${listening.port}`, { ...patient, keysAsked: false });
    expect(asked).toBe(4);
  } finally {
    await listening.close();
  }
});
