// Redis goes away and comes back: an outage is answered as one, in time, and ends by itself.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, sleep } from '../support/eventually.ts';
import { startLocalApp, type LocalApp } from '../support/local-app.ts';
import { lateMs } from '../support/timing.ts';

const budgetMs = 1000;
let app: LocalApp;

beforeAll(async () => {
  app = await startLocalApp({ settings: { REQUEST_BUDGET_MS: `${budgetMs}` } });
});
afterAll(async () => app?.stop());

/** A request and how long its answer took. */
async function timed(path: string, init?: RequestInit): Promise<{ response: Response; tookMs: number }> {
  const startedAtMs = performance.now();
  const response = await app.fetch(path, init);
  return { response, tookMs: performance.now() - startedAtMs };
}

async function expectOutageAnswers(): Promise<void> {
  const read = await timed('/api/cache/key');
  expect(read.response.status).toBe(503);
  expect(read.response.headers.get('content-type')).toBe('application/problem+json');
  expect(Number(read.response.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  expect(read.response.headers.get('cache-status')).toContain('detail=cache-unavailable');
  expect(await read.response.json()).toMatchObject({ code: 'cache-unavailable' });
  expect(read.tookMs).toBeLessThan(budgetMs + lateMs);

  const write = await timed('/api/cache/key', { method: 'PUT', body: 'x' });
  expect(write.response.status).toBe(503);
  expect(write.tookMs).toBeLessThan(budgetMs + lateMs);

  const batch = await timed('/api/batch', { method: 'POST', body: '{"keys":["key","other"]}' });
  expect(batch.response.status).toBe(200);
  expect(await batch.response.json()).toEqual({
    results: [
      { key: 'key', status: 'unavailable' },
      { key: 'other', status: 'unavailable' },
    ],
  });
  expect(batch.tookMs).toBeLessThan(budgetMs + lateMs);

  const ready = await timed('/api/health/ready');
  expect(ready.response.status).toBe(503);
  expect(await ready.response.json()).toEqual({ status: 'unavailable' });
  expect(ready.response.headers.get('retry-after')).not.toBeNull();
  expect((await app.fetch('/api/health/live')).status).toBe(200);
}

async function expectRecoveryWithin(limitMs: number): Promise<void> {
  const read = async () => expect((await app.fetch('/api/cache/key')).status).toBe(200);
  await eventually(read, limitMs + lateMs);
}

describe('while Redis is away', () => {
  it('answers 503 within the budget, and 200 within two seconds of its return', async () => {
    const pids = app.host.instances.map(({ pid }) => pid);
    await app.fetch('/api/cache/key', { method: 'PUT', body: 'value' });
    await app.stack.redis.kill();
    await expectOutageAnswers();
    // Also long into the outage, when it is known.
    await sleep(1.5 * budgetMs);
    await expectOutageAnswers();
    // At once, and not at its deadline.
    const tookMs: number[] = [];
    for (let reads = 0; reads < 5; reads += 1) tookMs.push((await timed('/api/cache/key')).tookMs);
    expect(Math.min(...tookMs)).toBeLessThan(budgetMs / 2);

    await app.stack.redis.restart();
    const written = eventually(async () => {
      const { status } = await app.fetch('/api/cache/key', { method: 'PUT', body: 'value' });
      expect([201, 204]).toContain(status);
    }, 2000 + lateMs);
    await written;
    await expectRecoveryWithin(2000);
    expect(app.host.instances.map(({ pid }) => pid)).toEqual(pids);
    expect(app.host.crashes).toBe(0);
  });

  it('answers 503 within the budget when Redis accepts and never answers, and recovers by itself', async () => {
    await app.fetch('/api/cache/key', { method: 'PUT', body: 'value' });
    app.stack.front.setBehaviour('stall');
    await expectOutageAnswers();
    app.stack.front.setBehaviour('normal');
    await expectRecoveryWithin(10_000);
    expect(app.host.crashes).toBe(0);
  });

  it('loses no read when every connection is cut', async () => {
    await app.fetch('/api/cache/key', { method: 'PUT', body: 'value' });
    for (let cuts = 0; cuts < 10; cuts += 1) {
      const reads = Array.from({ length: 20 }, async () => (await app.fetch('/api/cache/key')).status);
      app.stack.front.cutAll();
      expect(new Set(await Promise.all(reads))).toEqual(new Set([200]));
    }
  });
});
