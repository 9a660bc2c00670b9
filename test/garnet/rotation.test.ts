// Tokens of six seconds, checked by Garnet, under steady reads: what a day of rotations and lost connections looks like.

import { expect, it } from 'vitest';
import { startGarnetApp } from '../support/garnet-app.ts';
import { sleep } from '../support/eventually.ts';
import { leakedPart } from '../support/scenario.ts';
import { failed, steadyReads } from '../support/steady-reads.ts';

const tokenLifetimeMs = 6000;
const runMs = 20_000;
const cutEveryMs = 700;

it('no read fails over three lifetimes, while all connections are cut again and again', async () => {
  await using app = await startGarnetApp({ tokenLifetimeMs, instances: 2 });
  await app.fetch('/api/cache/steady?ttl=3600', { method: 'PUT', body: 'value' });
  const read = async (): Promise<number> => {
    const response = await app.fetch('/api/cache/steady');
    return (await response.text()) === 'value' ? response.status : response.status % 200;
  };
  const reads = steadyReads(read, { perSecond: 100, limitMs: 2 * runMs });
  const untilMs = Date.now() + runMs;
  while (Date.now() < untilMs) {
    await sleep(cutEveryMs);
    await app.stack.redis.cutAll();
  }
  const outcomes = await reads.stop();
  expect(outcomes.length).toBeGreaterThan(runMs / 20);
  expect(failed(outcomes)).toEqual([]);

  const messages = app.host.logs().map(({ message }) => message);
  const count = (event: string): number => messages.filter((line) => line.startsWith(`${event} `)).length;
  // Each of two instances adopts its first token and about six later ones, at half of their life.
  expect(count('tokenRotated')).toBeGreaterThanOrEqual(2 * 4);
  expect(count('connectionLost')).toBeGreaterThanOrEqual(2 * 10);
  expect(count('connectionReauthenticated')).toBeGreaterThan(0);
  expect(count('connectionReauthenticationFailed')).toBe(0);
  expect(app.host.crashes).toBe(0);
  expect(leakedPart(messages.join('\n'), app.stack.issuer.issued)).toBeUndefined();
});
