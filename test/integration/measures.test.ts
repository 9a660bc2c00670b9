// What clients are told of their reads, counted on their side, is what the measures of the instances say. On a real
// stack, with an origin that is slow, has nothing, and fails, and with a Redis that goes away.

import { HttpRequest, InvocationContext, type HttpHandler } from '@azure/functions';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Cache } from '../../src/exports/cache.ts';
import { registerCacheRoutes } from '../../src/exports/cache-routes.ts';
import { cachePartsOf } from '../../src/exports/cache-parts.ts';
import { allMeasures } from '../../src/telemetry/all-measures.ts';
import { answeredReads, readKinds, type Measures, type ReadKind } from '../../src/telemetry/measures.ts';
import { eventually } from '../support/eventually.ts';
import { startOriginServer, type OriginServer } from '../support/origin-server.ts';
import { publicCaches } from '../support/public-caches.ts';
import { recordedFunctionsApp } from '../support/recorded-functions-app.ts';

const caches = publicCaches({ cluster: false });
let origin: OriginServer;

beforeAll(async () => {
  origin = await startOriginServer();
});
afterAll(async () => origin?.stop());

/** What docs/operations.md says that an answer means. */
function kindTold(status: number, cacheStatus: string): ReadKind {
  const [, ...parameters] = cacheStatus.split('; ');
  const detail = parameters.find((one) => one.startsWith('detail='))?.slice('detail='.length);
  const has = (one: string): boolean => parameters.includes(one);
  if (detail === 'negative') return 'negative';
  if (has('hit') && detail === 'cache-unavailable') return 'memoryStale';
  if (has('hit')) {
    const kinds: Readonly<Record<string, ReadKind>> = {
      memory: 'memoryHit',
      stale: 'redisStale',
      'stale-memory': 'memoryStale',
    };
    return kinds[detail ?? ''] ?? 'redisHit';
  }
  if (has('fwd=bypass')) return has(`fwd-status=${status}`) ? 'bypassed' : 'unavailable';
  if (status === 200) return has('collapsed') ? 'collapsed' : 'loaded';
  if (status === 404) return 'miss';
  return status === 422 ? 'refused' : 'failed';
}

/** One instance and those who ask it. */
class Asked {
  readonly told: Partial<Record<ReadKind, number>> = {};
  readonly measures: Measures;
  readonly #readCache: HttpHandler;
  readonly #readBatch: HttpHandler;
  requests = 0;
  bytes = 0;

  constructor(cache: Cache) {
    const app = recordedFunctionsApp();
    registerCacheRoutes(app, { cache });
    const handlerOf = (name: string): HttpHandler =>
      app.httpFunctions.get(name)?.handler ?? expect.unreachable(name);
    this.#readCache = handlerOf('readCache');
    this.#readBatch = handlerOf('readBatch');
    this.measures = cachePartsOf('test', cache).redis.measures;
  }

  async read(key: string): Promise<ReadKind> {
    const url = 'http://localhost/api/cache';
    const request = new HttpRequest({ method: 'GET', url, params: { key } });
    const { status, headers } = await this.#ask(this.#readCache, request);
    const kind = kindTold(status, new Headers(headers).get('cache-status') ?? '');
    this.#tell(kind, 1);
    return kind;
  }

  /** @param told what each key is expected to be, for the answer does not say where it was found. */
  async readBatch(told: Readonly<Record<string, ReadKind>>): Promise<void> {
    const body = { string: JSON.stringify({ keys: Object.keys(told) }) };
    const request = new HttpRequest({ method: 'POST', url: 'http://localhost/api/batch', body });
    const { status } = await this.#ask(this.#readBatch, request);
    expect(status).toBe(200);
    for (const kind of Object.values(told)) this.#tell(kind, 1);
  }

  #tell(kind: ReadKind, count: number): void {
    this.told[kind] = (this.told[kind] ?? 0) + count;
  }

  async #ask(
    handler: HttpHandler,
    request: HttpRequest,
  ): Promise<{ readonly status: number; readonly headers: Record<string, string> }> {
    this.requests += 1;
    const answer = await handler(request, new InvocationContext({ functionName: 'test', logHandler() {} }));
    const { byteLength } = 'arrayBuffer' in answer ? await answer.arrayBuffer() : { byteLength: 0 };
    this.bytes += byteLength;
    const headers = Object.fromEntries(new Headers(answer.headers as Record<string, string>));
    return { status: answer.status ?? 200, headers };
  }
}

it('reads are counted as their clients are told of them', async () => {
  const stacked = caches();
  const { stack } = stacked;
  const before = allMeasures().size;
  const options = { origin: { urlTemplate: `${origin.url}/{key}` }, memoryMb: 4 };
  const [one, other] = [new Asked(await stacked.start(options)), new Asked(await stacked.start(options))];
  const both = [one, other];
  const until = (asked: Asked, key: string, kind: ReadKind): Promise<void> =>
    eventually(async () => expect(await asked.read(key)).toBe(kind));

  // Many ask both for the same few, which are not there yet.
  origin.delayMs = 100;
  for (let at = 0; at < 5; at += 1) origin.put(`/key-${at}`, { body: `value ${at}` });
  for (let round = 0; round < 4; round += 1) {
    await Promise.all(
      Array.from({ length: 60 }, async (_, at) => (at % 3 === 0 ? other : one).read(`key-${at % 5}`)),
    );
  }
  origin.delayMs = 0;
  for (const asked of both) await until(asked, 'key-0', 'memoryHit');

  // What there is none of, what is no entry, what fails, and what is too old.
  await until(one, 'none', 'miss');
  await until(other, 'none', 'negative');
  const { redis } = stacked;
  await redis.run((client) => client.lPush('shop:list', 'value'), { key: 'shop:list' });
  expect(await one.read('list')).toBe('refused');
  origin.put('/failing', { body: '', behaviour: { status: 503 } });
  expect(await one.read('failing')).toBe('failed');
  const fields = { 'Cache-Control': 'max-age=1, stale-while-revalidate=600' };
  origin.put('/stale', { body: 'old', headers: fields });
  await until(one, 'stale', 'loaded');
  origin.put('/stale', { body: '', behaviour: { status: 503 } });
  await until(one, 'stale', 'redisStale');

  // Of many at once: an answer says less of each key, and these two cannot end in another way.
  await one.readBatch({ list: 'refused', failing: 'failed' });

  // Redis goes away, and comes back.
  stack.front.setBehaviour('stall');
  origin.put('/new', { body: 'new' });
  await until(one, 'key-0', 'memoryStale');
  await until(one, 'new', 'bypassed');
  await until(one, 'nowhere', 'unavailable');
  stack.front.setBehaviour('normal');
  await until(one, 'key-1', 'redisHit');

  // Some of what was answered may still be on its way to be stored.
  for (const { measures, told, requests, bytes } of both) {
    const counted = Object.entries(measures.reads).filter(([, count]) => count > 0);
    expect(Object.fromEntries(counted)).toEqual(told);
    expect(measures.latencies.request.count).toBe(requests);
    expect(measures.events.servedBytes).toBe(bytes);
    expect(measures.latencies.redis.count).toBeGreaterThan(0);
    const { unavailable = 0, bypassed = 0 } = told;
    const sum = Object.values(told).reduce((total, count) => total + count, 0);
    expect(answeredReads(measures)).toBe(sum - unavailable - bypassed);
  }
  expect(readKinds.filter((kind) => one.told[kind] === undefined && other.told[kind] === undefined)).toEqual(
    [],
  );
  // As often as the origin was asked, from whichever instance.
  await eventually(() => {
    const loads = both.reduce((sum, { measures }) => sum + measures.events.loads, 0);
    expect(loads).toBe(origin.loads());
  });

  // What metrics are made of.
  const clients = [...allMeasures()].slice(before);
  expect(clients.map(({ measures }) => measures)).toEqual(both.map(({ measures }) => measures));
  const gauges = clients[0]?.gauges();
  expect(gauges).toMatchObject({ connections: 2, reauthenticationsFailed: 0, memoryLimitBytes: 4 * 2 ** 20 });
  expect(gauges?.tokenSecondsLeft).toBeGreaterThan(0);
  expect(gauges?.memoryBytes).toBeGreaterThan(0);
}, 60_000);
