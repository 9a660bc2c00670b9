import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { createRedis } from 'redis-entra-functions/redis';
import { startAzureInABox, type AzureInABox } from 'redis-entra-functions/testing';
import { startPrices, type Prices } from './prices.ts';

let box: AzureInABox;
let prices: Prices;
let loads = 0;

before(async () => {
  box = await startAzureInABox({ tokenLifetimeMs: 4000 });
  const client = { ...box.client, timeoutMs: 1500 };
  prices = startPrices(client, async () => (loads += 1));
  // The same client. A cache waits a third of `timeoutMs` for Redis, which may be less than a first connection takes.
  await createRedis(client).run((commands) => commands.ping(), { key: 'any', timeoutMs: 30_000 });
});
after(async () => {
  await prices?.close();
  await box?.stop();
});

test('a price is loaded once', async () => {
  const answers = await Promise.all([prices.of('a'), prices.of('a'), prices.of('a')]);
  assert.deepEqual(answers, [1, 1, 1]);
  assert.equal(await prices.of('a'), 1);
});

test('the login outlives the token', async () => {
  const { auths } = box.cache.stats;
  while (box.cache.stats.auths === auths) await setTimeout(50);
  assert.equal(await prices.of('a'), 1);
});

test('a cache that answers nothing costs a load, and no error', async () => {
  box.cache.setBehaviour('stall');
  // Not of 'a', which is in memory by now.
  assert.equal(await prices.of('b'), 2);
  box.cache.setBehaviour('normal');
});
