// A token that Garnet refuses although it is good: it was signed with a key that the authority began to use after
// Garnet had read the keys, which it does once a day. The token before it is worth more until its own end.

import { expect, it } from 'vitest';
import type { RollOver } from '../../local/token-issuer.ts';
import { eventually, sleep } from '../support/eventually.ts';
import { startGarnetApp, type GarnetApp } from '../support/garnet-app.ts';
import { failed, steadyReads } from '../support/steady-reads.ts';

/** When the app told events of this type. */
const times = ({ host }: GarnetApp, event: string): readonly number[] =>
  host
    .logs()
    .filter(({ message }) => message.startsWith(`${event} `))
    .map(({ atMs }) => atMs);

it.concurrent('no read fails while the token that was let in is valid, on new connections too', async () => {
  const lifetimeMs = 20_000;
  await using app = await startGarnetApp({ tokenLifetimeMs: lifetimeMs });
  const [letInAtMs = 0] = times(app, 'tokenRotated');
  await app.fetch('/api/cache/steady?ttl=3600', { method: 'PUT', body: 'value' });
  const rollOver = await app.stack.issuer.rollOver();
  // The next token outlives the first, and is half used before the end of the first: then comes one that is let in.
  app.stack.identity.setTokenLifetimeMs(11_000);
  const read = async (): Promise<number> => (await app.fetch('/api/cache/steady')).status;
  const reads = steadyReads(read, { perSecond: 100, limitMs: 60_000 });
  try {
    await eventually(() => expect(times(app, 'tokenRotated')).toHaveLength(2), lifetimeMs);
    for (let cuts = 0; cuts < 3; cuts += 1) {
      await sleep(500);
      await app.stack.redis.cutAll();
    }
    await sleep(500);
    rollOver.undo();
    await sleep(letInAtMs + lifetimeMs + 1500 - Date.now());
  } finally {
    await reads.stop();
  }
  expect(failed(reads.outcomes)).toEqual([]);
  expect(reads.outcomes.length).toBeGreaterThan(lifetimeMs / 20);
  // It was refused, and not sent again with every breath.
  const refusals = [...times(app, 'connectionReauthenticationFailed'), ...times(app, 'connectionFailed')];
  expect(refusals).not.toEqual([]);
  expect(refusals.length).toBeLessThan(20);
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
  await eventually(() => expect(times(app, 'connectionReady')).toHaveLength(1));
  const [, secondTokenAtMs = 0] = times(app, 'tokenRotated');
  const [readyAtMs = 0] = times(app, 'connectionReady');
  expect(readyAtMs - secondTokenAtMs).toBeLessThan(2000);
  expect((await app.fetch('/api/health/ready')).status).toBe(200);
});
