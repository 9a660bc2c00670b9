// A token that Garnet refuses although it is good: it was signed with a key that Entra began to use after Garnet had
// read the keys, which it does once a day. The token before it is worth more than the new one until its own end.

import { expect, it } from 'vitest';
import type { RollOver } from '../../local/token-issuer.ts';
import { eventually, sleep } from '../support/eventually.ts';
import { startGarnetApp, type GarnetApp } from '../support/garnet-app.ts';
import { failed, steadyReads } from '../support/steady-reads.ts';

const times = (app: GarnetApp, event: string): readonly number[] =>
  app.host
    .logs()
    .filter(({ message }) => message.startsWith(`${event} `))
    .map(({ atMs }) => atMs);

it.concurrent('no read fails while the token that was let in is valid, on its connection and on new ones', async () => {
  const lifetimeMs = 16_000;
  await using app = await startGarnetApp({ tokenLifetimeMs: lifetimeMs });
  const letInAtMs = times(app, 'tokenRotated').at(-1) ?? expect.unreachable();
  await app.fetch('/api/cache/steady?ttl=3600', { method: 'PUT', body: 'value' });
  const rollOver = await app.stack.issuer.rollOver();
  // It outlives the first one, and its successor comes before the end of the first one.
  app.stack.identity.setTokenLifetimeMs(10_000);
  const read = async (): Promise<number> => (await app.fetch('/api/cache/steady')).status;
  const reads = steadyReads(read, { perSecond: 100, limitMs: 60_000 });
  try {
    await eventually(() => expect(times(app, 'connectionReauthenticationFailed')).not.toEqual([]), lifetimeMs);
    const refusedAtMs = Date.now();
    expect(refusedAtMs).toBeLessThan(letInAtMs + lifetimeMs - 3000);
    await sleep(500);
    for (let cuts = 0; cuts < 3; cuts += 1) {
      await app.stack.redis.cutAll();
      await sleep(500);
    }
    rollOver.undo();
    // The next token is let in again, and carries on past the end of the first.
    const firstEndsAtMs = letInAtMs + lifetimeMs;
    await sleep(firstEndsAtMs + 1500 - Date.now());
  } finally {
    const outcomes = await reads.stop();
    expect(failed(outcomes)).toEqual([]);
    expect(outcomes.length).toBeGreaterThan(500);
  }
  // A decent pace: what was refused is not sent again with every breath.
  expect(times(app, 'connectionReauthenticationFailed').length).toBeLessThan(20);
});

it.concurrent('a token that is let in ends the back-off of one that was not', async () => {
  let rollOver: RollOver | undefined;
  await using app = await startGarnetApp({
    // Half of its life falls into the pause of 8 s or more after the fifth attempt.
    tokenLifetimeMs: 20_000,
    untilReady: false,
    prepare: async ({ issuer }) => {
      rollOver = await issuer.rollOver();
    },
  });
  await eventually(() => expect(times(app, 'connectionFailed')).not.toEqual([]));
  expect((await app.fetch('/api/health/ready')).status).toBe(503);
  rollOver?.undo();
  await eventually(() => expect(times(app, 'connectionReady')).toHaveLength(1), 30_000);
  const [, secondTokenAtMs = 0] = times(app, 'tokenRotated');
  const [readyAtMs = 0] = times(app, 'connectionReady');
  expect(readyAtMs - secondTokenAtMs).toBeLessThan(2000);
  expect((await app.fetch('/api/health/ready')).status).toBe(200);
});
