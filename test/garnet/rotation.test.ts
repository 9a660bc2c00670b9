// Tokens of six seconds, checked by Garnet, under steady reads: what a day of rotations and lost connections looks like.

import { expect, it } from 'vitest';
import { startGarnetApp } from '../support/garnet-app.ts';
import { eventually, sleep } from '../support/eventually.ts';
import { leakedPart } from '../support/scenario.ts';
import { failed, steadyReads } from '../support/steady-reads.ts';

const tokenLifetimeMs = 6000;
const runMs = 20_000;
const cutEveryMs = 700;

it.concurrent(
  'no read fails over three lifetimes, while all connections are cut again and again',
  async () => {
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
  },
);

it.concurrent('a token that runs out is an outage, never a miss, and ends with the next token', async () => {
  await using app = await startGarnetApp({ tokenLifetimeMs, settings: { REQUEST_BUDGET_MS: '500' } });
  await app.fetch('/api/cache/kept?ttl=3600', { method: 'PUT', body: 'value' });
  app.stack.identity.setBehaviour('fail');
  // Garnet leaves the connection open and answers NOAUTH; it reads its clock once a second.
  await sleep(tokenLifetimeMs + 2000);
  for (const path of ['/api/cache/kept', '/api/cache/absent', '/api/health/ready']) {
    expect((await app.fetch(path)).status).toBe(503);
  }
  const batch = await app.fetch('/api/batch', { method: 'POST', body: '{"keys":["kept","absent"]}' });
  expect(await batch.json()).toEqual({
    results: ['kept', 'absent'].map((key) => ({ key, status: 'unavailable' })),
  });
  app.stack.identity.setBehaviour('normal');
  await eventually(async () => expect((await app.fetch('/api/cache/kept')).status).toBe(200));
  expect((await app.fetch('/api/cache/absent')).status).toBe(404);
});
