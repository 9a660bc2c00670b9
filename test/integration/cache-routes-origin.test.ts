// Read-through as clients see it: the packaged app, three instances, over an HTTP origin that can misbehave.

import { randomBytes } from 'node:crypto';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startContractApp, type ContractApp } from '../support/contract-app.ts';
import { eventually } from '../support/eventually.ts';
import { lockKeys } from '../../src/cache/lock-keys.ts';
import { startOriginServer, type OriginResource, type OriginServer } from '../support/origin-server.ts';
import { cacheStatusOf, lateMs, startControl, type Control } from '../support/timing.ts';

/** Of the app whose answers are timed; the other one has time for whatever the machine does. */
const budgetMs = 3000;
const maxValueBytes = 100_000;
let origin: OriginServer;
let app: ContractApp;
/** One that nobody has asked for. */
let key: string;

const startApp = (settings: Record<string, string>): Promise<ContractApp> =>
  startContractApp({
    instances: 3,
    settings: { ORIGIN_URL_TEMPLATE: `${origin.url}/entries/{key}?v=1`, ...settings },
  });

beforeAll(async () => {
  origin = await startOriginServer();
  app = await startApp({
    CACHE_MAX_VALUE_BYTES: `${maxValueBytes}`,
    WARMUP_KEYS: 'warm/1,warm/2,warm/none',
  });
});
afterAll(async () => {
  await app?.stop();
  await origin?.stop();
});
beforeEach(() => {
  key = `key-${randomBytes(4).toString('hex')}`;
});
afterEach(() => {
  origin.delayMs = 0;
  origin.behaviour = 'normal';
  expect(app.host.crashes).toBe(0);
});

const targetOf = (name: string): string => `/entries/${encodeURIComponent(name)}?v=1`;
const put = (name: string, body: string | Buffer, more: Partial<OriginResource> = {}): void =>
  origin.put(targetOf(name), { body, ...more });
const loads = (name: string): number => origin.loads(targetOf(name));

interface Answer {
  readonly status: number;
  readonly cacheStatus: string;
  readonly text: string;
  readonly headers: Headers;
  readonly tookMs: number;
}

async function read(name: string, init?: RequestInit, of: ContractApp = app): Promise<Answer> {
  const startedAtMs = performance.now();
  const response = await of.fetch(`/api/cache/${encodeURIComponent(name)}`, init);
  const text = await response.text();
  const { status, headers } = response;
  const tookMs = performance.now() - startedAtMs;
  const cacheStatus = await cacheStatusOf(response, tookMs, { redis: of.stack.redis, name });
  return { status, cacheStatus, text, headers, tookMs };
}

const retryAfter = ({ headers }: Answer): number => Number(headers.get('retry-after') ?? Number.NaN);
const codeOf = ({ text }: Answer): string => (JSON.parse(text) as { code: string }).code;
const inRedis = (name: string): Promise<unknown> => app.stack.redis.admin('EXISTS', name);

describe('a read', () => {
  it('that misses is filled, and a hit for every instance from then on', async () => {
    put(key, '{"a":1}', { headers: { 'Content-Type': 'application/json', 'Cache-Control': 'max-age=120' } });
    const miss = await read(key);
    expect(miss).toMatchObject({ status: 200, text: '{"a":1}' });
    expect(miss.cacheStatus).toMatch(/^fwd=miss; fwd-status=200; stored; ttl=1[01]\d$/u);
    const etag = /^"(v\d+)"$/u.exec(miss.headers.get('etag') ?? '')?.[0];
    expect(etag).toBeDefined();
    for (let reads = 0; reads < 6; reads += 1) {
      const hit = await read(key);
      expect(hit).toMatchObject({ status: 200, text: '{"a":1}' });
      expect(hit.cacheStatus).toMatch(/^hit; ttl=1[012]\d$/u);
      expect(hit.headers.get('content-type')).toBe('application/json');
      expect(hit.headers.get('etag')).toBe(etag);
      expect(hit.headers.get('cache-control')).toMatch(/^private, max-age=1[012]\d$/u);
      expect(hit.headers.get('x-content-type-options')).toBe('nosniff');
    }
    expect(loads(key)).toBe(1);
  });

  it('of a stale entry is answered with it at once, and renewed without moving a body that has not changed', async () => {
    put(key, 'old', { headers: { 'Cache-Control': 'max-age=1' } });
    await read(key);
    origin.delayMs = 500;
    const moved = origin.bodiesMoved;
    const stale = await eventually(async () => {
      const answer = await read(key);
      expect(answer.cacheStatus).toMatch(/^hit; ttl=-?\d; detail=stale$/u);
      return answer;
    });
    expect(stale).toMatchObject({ status: 200, text: 'old' });
    await eventually(async () => expect((await read(key)).cacheStatus).toMatch(/^hit; ttl=[01]$/u));
    expect(origin.bodiesMoved).toBe(moved);
    put(key, 'new', { headers: { 'Cache-Control': 'max-age=60' } });
    await eventually(async () => expect(await read(key)).toMatchObject({ status: 200, text: 'new' }));
  });

  it('by HEAD fills, too; with If-None-Match it ends as 304 whether it was a miss or a hit', async () => {
    put(key, 'twelve bytes');
    const head = await read(key, { method: 'HEAD' });
    expect(head).toMatchObject({ status: 200, text: '' });
    expect(head.headers.get('content-length')).toBe('12');
    expect(head.cacheStatus).toMatch(/^fwd=miss; fwd-status=200; stored; ttl=/u);
    const etag = head.headers.get('etag') ?? '';
    expect(await read(key)).toMatchObject({ status: 200, text: 'twelve bytes' });
    const ifNoneMatch = { headers: { 'If-None-Match': etag } };
    expect(await read(key, ifNoneMatch)).toMatchObject({ status: 304, text: '' });
    await app.fetch(`/api/cache/${key}`, { method: 'DELETE' });
    const missed = await read(key, ifNoneMatch);
    expect(missed).toMatchObject({ status: 304, text: '' });
    expect(missed.cacheStatus).toMatch(/^fwd=miss; fwd-status=200; stored/u);
    expect(missed.headers.get('etag')).toBe(etag);
    expect(loads(key)).toBe(2);
  });

  it('of what neither has is 404, and the origin is asked once for many', async () => {
    const first = await read(key);
    expect(first).toMatchObject({ status: 404, cacheStatus: 'fwd=miss; fwd-status=404' });
    expect(codeOf(first)).toBe('not-found');
    for (let reads = 0; reads < 6; reads += 1) {
      expect(await read(key)).toMatchObject({ status: 404, cacheStatus: 'hit; detail=negative' });
    }
    expect((await read(key, { method: 'HEAD' })).status).toBe(404);
    expect(loads(key)).toBe(1);
  });

  it('of what a client wrote never asks the origin', async () => {
    put(key, 'from the origin');
    await app.fetch(`/api/cache/${key}`, { method: 'PUT', body: 'from a client' });
    expect(await read(key)).toMatchObject({ status: 200, text: 'from a client' });
    expect(loads(key)).toBe(0);
    await app.fetch(`/api/cache/${key}`, { method: 'DELETE' });
    expect(await read(key)).toMatchObject({ status: 200, text: 'from the origin' });
  });

  it('of a hostile key stays in the place of keys', async () => {
    for (const target of ['/secret', '/secret?v=1', '/entries/', '/?v=1'])
      origin.put(target, { body: 'secret' });
    const dots = ['..', '.', '../secret', '..\\secret', 'a/../../secret', '%2e%2e/secret', '%2E%2E%2Fsecret'];
    const others = ['//evil.example', '@evil.example', '?', '#', 'a?b=c', 'ü/🔑', '%'.repeat(1024)];
    const keys = [...dots, ...others];
    // In a body, for a URL's parser would resolve some before they are sent.
    const response = await app.fetch('/api/batch', { method: 'POST', body: JSON.stringify({ keys }) });
    expect(await response.json()).toEqual({ results: keys.map((name) => ({ key: name, status: 'miss' })) });
    expect(await read('../secret')).toMatchObject({ status: 404 });
    const outside = origin.requests.filter(({ target }) => !/^\/entries\/[\w.~%-]+\?v=1$/u.test(target));
    expect(outside).toEqual([]);
  });
});

describe('what the origin says', () => {
  const json = JSON.stringify({ text: 'abc'.repeat(500) });

  it('in chunks and gzipped, as most web frameworks do, is stored once and fits every client', async () => {
    const headers = {
      'Content-Type': 'application/json',
      'Content-Encoding': 'gzip',
      'Content-Language': 'de',
    };
    put(key, gzipSync(json), { headers, behaviour: 'chunked' });
    const plain = await read(key, { headers: { 'Accept-Encoding': 'identity' } });
    expect(plain).toMatchObject({ status: 200, text: json });
    expect(plain.cacheStatus).toMatch(/stored/u);
    expect(plain.headers.get('content-encoding')).toBeNull();
    expect(plain.headers.get('content-language')).toBe('de');
    // fetch decodes by itself.
    const coded = await read(key, { headers: { 'Accept-Encoding': 'gzip' } });
    expect(coded).toMatchObject({ status: 200, text: json });
    expect(coded.cacheStatus).toMatch(/^hit/u);
    expect(coded.headers.get('content-encoding')).toBe('gzip');
    expect(coded.headers.get('vary')).toBe('Accept-Encoding');
    expect(coded.headers.get('etag')).not.toBe(plain.headers.get('etag'));
    const batch = await app.fetch('/api/batch', { method: 'POST', body: JSON.stringify({ keys: [key] }) });
    expect(await batch.json()).toMatchObject({ results: [{ status: 'hit', value: json, encoding: 'utf8' }] });
    // A condition on either form holds for the entry.
    const ifMatch = { method: 'DELETE', headers: { 'If-Match': plain.headers.get('etag') ?? '' } };
    expect((await app.fetch(`/api/cache/${key}`, ifMatch)).status).toBe(204);
    expect(await inRedis(key)).toBe(0);
    expect(loads(key)).toBe(1);
  });

  it('in brotli is given in parts, and a coded body that is cut is no entry', async () => {
    put(key, brotliCompressSync(json), { headers: { 'Content-Encoding': 'BR' } });
    const part = await read(key, { headers: { 'Accept-Encoding': 'identity', Range: 'bytes=2-5' } });
    expect(part).toMatchObject({ status: 206, text: json.slice(2, 6) });
    expect(part.headers.get('content-range')).toBe(`bytes 2-5/${json.length}`);
    const cut = `${key}-cut`;
    put(cut, gzipSync(json).subarray(0, -3), { headers: { 'Content-Encoding': 'gzip' } });
    expect((await read(cut)).status).toBe(502);
    expect(await inRedis(cut)).toBe(0);
  });

  it('of one key is handed on as it is: no failure of the origin, nor a reason to ask again', async () => {
    const before = app.host.logs().length;
    put(key, '', {
      behaviour: { status: 400, headers: { 'Content-Type': 'text/plain' }, body: 'What is that?' },
    });
    const refused = await read(key);
    expect(refused).toMatchObject({ status: 400, text: 'What is that?' });
    expect(refused.headers.get('cache-control')).toBe('no-store');
    expect(refused.headers.has('retry-after')).toBe(false);
    put(`${key}-kept`, '', {
      behaviour: { status: 403, headers: { 'Cache-Control': 'max-age=60' }, body: 'No.' },
    });
    for (let reads = 0; reads < 3; reads += 1)
      expect(await read(`${key}-kept`)).toMatchObject({ status: 403, text: 'No.' });
    expect(loads(`${key}-kept`)).toBe(1);
    const logged = app.host
      .logs()
      .slice(before)
      .map(({ message }) => message);
    expect(logged.filter((message) => /originFailing|originRecovered/u.test(message))).toEqual([]);
  });

  it('with 429 holds for that key as long as it says', async () => {
    put(key, '', { behaviour: { status: 429, headers: { 'Retry-After': '60' }, body: 'Slowly.' } });
    for (let reads = 0; reads < 9; reads += 1) {
      const held = await read(key);
      expect(held).toMatchObject({ status: 429, text: 'Slowly.' });
      expect(retryAfter(held)).toBeGreaterThan(50);
    }
    expect(loads(key)).toBeLessThanOrEqual(3);
    put(`${key}-other`, 'value');
    expect((await read(`${key}-other`)).status).toBe(200);
  });

  it.each([
    [404, 'no-store', 2],
    [410, 'max-age=0', 2],
    [404, 'max-age=60', 1],
  ])('with %i and %s is 404, remembered as it says', async (status, said, asked) => {
    put(key, '', { behaviour: { status, headers: { 'Cache-Control': said } } });
    for (let reads = 0; reads < 2; reads += 1) expect((await read(key)).status).toBe(404);
    expect(loads(key)).toBe(asked);
    const { mark } = lockKeys('ref', { kind: 'load', name: key });
    const leftMs = Number(await app.stack.redis.admin('PTTL', mark));
    if (said === 'max-age=60') expect(leftMs).toBeGreaterThan(50_000);
  });

  it('with no-cache is stored, and served only after it was asked again, without moving its body', async () => {
    put(key, 'value', { headers: { 'Cache-Control': 'no-cache' } });
    expect(await read(key)).toMatchObject({ status: 200, text: 'value' });
    const moved = origin.bodiesMoved;
    const again = await read(key);
    expect(again).toMatchObject({ status: 200, text: 'value' });
    expect(again.cacheStatus).toMatch(/^fwd=stale; fwd-status=304; stored/u);
    expect(again.headers.get('cache-control')).toBe('private, no-cache');
    expect(origin.bodiesMoved).toBe(moved);
    put(key, 'new', { headers: { 'Cache-Control': 'no-cache' } });
    expect(await read(key)).toMatchObject({ status: 200, text: 'new' });
    await origin.down();
    try {
      expect((await read(key)).status).toBe(502);
    } finally {
      await origin.up();
    }
  });

  it('with stale-if-error is served when it fails, and not without', async () => {
    const [kept, strict] = [`${key}-kept`, `${key}-strict`];
    put(kept, 'kept', { headers: { 'Cache-Control': 'max-age=0, stale-if-error=60' } });
    put(strict, 'strict', { headers: { 'Cache-Control': 'max-age=0, stale-if-error=0' } });
    await read(kept);
    await read(strict);
    await origin.down();
    try {
      const served = await read(kept);
      expect(served).toMatchObject({ status: 200, text: 'kept' });
      expect(served.cacheStatus).toMatch(/^fwd=stale; ttl=-?\d+; detail=origin-failed$/u);
      expect((await read(strict)).status).toBe(502);
    } finally {
      await origin.up();
    }
  });

  it('in 20 KB of header fields is read, and more than the limit is named', async () => {
    put(key, 'value', { headers: { 'X-Large': 'x'.repeat(20_000) } });
    expect(await read(key)).toMatchObject({ status: 200, text: 'value' });
    put(`${key}-larger`, 'value', { headers: { 'X-Large': 'x'.repeat(70_000) } });
    const refused = await read(`${key}-larger`);
    expect(refused.status).toBe(502);
    expect(refused.text).toContain('65536 bytes');
  });
});

describe('an origin in trouble', () => {
  it('that fails is 502 with its own Retry-After, never 404, left alone for that long, and works again by itself', async () => {
    put(key, 'value', { behaviour: { status: 503, headers: { 'Retry-After': '3' } } });
    const failed = await read(key);
    expect(failed).toMatchObject({ status: 502, cacheStatus: 'fwd=miss; detail=origin-failed' });
    expect(codeOf(failed)).toBe('origin-failed');
    expect(failed.headers.get('content-type')).toBe('application/problem+json');
    expect(retryAfter(failed)).toBe(3);
    for (let reads = 0; reads < 9; reads += 1) {
      const held = await read(key);
      expect(held.status).toBe(502);
      expect(retryAfter(held)).toBeLessThanOrEqual(3);
      expect(retryAfter(held)).toBeGreaterThanOrEqual(1);
    }
    // Each instance has found out for itself.
    expect(loads(key)).toBeLessThanOrEqual(3);
    put(key, 'value');
    await eventually(async () => expect(await read(key)).toMatchObject({ status: 200, text: 'value' }));
    // No instance holds back what the next tests ask for.
    await eventually(async () => {
      for (let reads = 0; reads < 6; reads += 1)
        expect((await read(`${key}-none-${reads}`)).status).toBe(404);
    });
  });

  it('that is down is 502 for a miss, and what is cached is served, fresh or stale', async () => {
    const fresh = `${key}-fresh`;
    const stale = `${key}-stale`;
    put(fresh, 'fresh');
    put(stale, 'stale', { headers: { 'Cache-Control': 'max-age=1' } });
    await read(fresh);
    await read(stale);
    await origin.down();
    try {
      const missed = await read(key);
      expect(missed.status).toBe(502);
      expect(retryAfter(missed)).toBeGreaterThanOrEqual(1);
      await eventually(async () => expect((await read(stale)).cacheStatus).toMatch(/detail=stale/u));
      for (let reads = 0; reads < 10; reads += 1) {
        expect(await read(stale)).toMatchObject({ status: 200, text: 'stale' });
        expect(await read(fresh)).toMatchObject({ status: 200, text: 'fresh' });
      }
    } finally {
      await origin.up();
    }
    put(key, 'back');
    expect(await read(key)).toMatchObject({ status: 200, text: 'back' });
    await eventually(async () => expect((await read(stale)).cacheStatus).toMatch(/^hit; ttl=[01]$/u));
  });

  it.each(['cut', 'too-long', 'chunked-cut', 'no-answer'] as const)(
    'that answers wrongly is never cached: %s',
    async (behaviour) => {
      put(key, 'a value that is cut', { behaviour });
      for (let reads = 0; reads < 3; reads += 1) {
        const failed = await read(key);
        expect(failed.status).toBe(502);
        expect(failed.text).not.toContain('a value');
      }
      expect(await inRedis(key)).toBe(0);
      put(key, 'whole');
      expect(await read(key)).toMatchObject({ status: 200, text: 'whole' });
    },
  );

  it('that never says where its answer ends is served and not cached, and says so', async () => {
    put(key, 'until the end', { behaviour: 'no-length' });
    for (let reads = 1; reads <= 2; reads += 1) {
      expect(await read(key)).toMatchObject({
        status: 200,
        text: 'until the end',
        cacheStatus: expect.stringMatching(
          /^fwd=miss; fwd-status=200; detail="its end was not announced/u,
        ) as string,
      });
      expect(loads(key)).toBe(reads);
    }
    expect(await inRedis(key)).toBe(0);
    const told = app.host.logs().filter(({ message }) => message.includes('answerNotStored'));
    expect(told.some(({ message }) => message.includes('its end was not announced'))).toBe(true);
  });

  it.each([
    ['no-store', 'no-store'],
    ['private, no-store', 'no-store'],
    // This lets a client keep it that asks each time.
    ['private', 'private, no-cache'],
  ])('that forbids to store, by %s, is served and not cached, and says so', async (said, handedOn) => {
    put(key, 'secret', { headers: { 'Cache-Control': said } });
    const answer = await read(key);
    expect(answer).toMatchObject({ status: 200, text: 'secret' });
    expect(answer.cacheStatus).toMatch(/^fwd=miss; fwd-status=200; detail="Cache-Control: \S+"$/u);
    expect(answer.headers.get('cache-control')).toBe(handedOn);
    expect(await inRedis(key)).toBe(0);
  });

  it('that has more than the limit is 502, and nothing is cached', async () => {
    put(key, Buffer.alloc(maxValueBytes + 1, 'x'));
    const failed = await read(key);
    expect(failed.status).toBe(502);
    expect(failed.text).toContain('CACHE_MAX_VALUE_BYTES');
    put(key, Buffer.alloc(maxValueBytes, 'x'));
    expect(await read(key)).toMatchObject({ status: 200 });
  });
});

describe('the warm set', () => {
  it('is warmed by key: a hit before anybody has asked', async () => {
    put('warm/1', 'one');
    put('warm/2', 'two');
    const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"input":""}' };
    expect((await app.fetch('/admin/functions/scheduledWarmup', init)).status).toBe(202);
    await eventually(() =>
      expect(app.host.logs().some(({ message }) => message.includes('warmup {'))).toBe(true),
    );
    expect(await read('warm/1')).toMatchObject({ status: 200, text: 'one' });
    expect((await read('warm/2')).cacheStatus).toMatch(/^hit; ttl=/u);
    expect(loads('warm/1') + loads('warm/2')).toBe(2);
  });
});

describe('an app whose answers are timed', () => {
  let other: ContractApp;
  let control: Control;
  beforeAll(async () => {
    other = app;
    app = await startApp({ REQUEST_BUDGET_MS: `${budgetMs}` });
  });
  afterAll(async () => {
    await app.stop();
    app = other;
  });
  beforeEach(() => {
    control = startControl(async () => (await app.fetch('/api/health/live')).text());
  });
  afterEach(() => control[Symbol.dispose]());

  const expectInTime = (tookMs: number): void =>
    expect(tookMs).toBeLessThan(budgetMs + lateMs + control.longestMs);

  it('a batch loads what it lacks, and says of each key what is the matter', async () => {
    const names = ['cached', 'loaded', 'none', 'failing', 'slow'].map((name) => `${key}-${name}`);
    for (const name of [...names.slice(0, 2), ...names.slice(3)]) put(name, `value of ${name}`);
    await read(names[0] ?? '');
    put(names[3] ?? '', '', { behaviour: { status: 500 } });
    put(names[4] ?? '', '', { behaviour: 'hang' });
    const startedAtMs = performance.now();
    const response = await app.fetch('/api/batch', { method: 'POST', body: JSON.stringify({ keys: names }) });
    expect(response.status).toBe(200);
    expectInTime(performance.now() - startedAtMs);
    expect(await response.json()).toMatchObject({
      results: [
        { key: names[0], status: 'hit', value: `value of ${names[0]}` },
        { key: names[1], status: 'hit', value: `value of ${names[1]}` },
        { key: names[2], status: 'miss' },
        { key: names[3], status: 'unavailable', code: 'origin-failed' },
        { key: names[4], status: 'unavailable', code: 'origin-pending' },
      ],
    });
    expect((await read(names[1] ?? '')).cacheStatus).toMatch(/^hit/u);
  });

  it('an origin that is slower than the budget is 503 in time, and its answer is in the cache later', async () => {
    put(key, 'late');
    origin.delayMs = budgetMs * 2;
    const pending = await read(key);
    expect(pending).toMatchObject({ status: 503, cacheStatus: 'fwd=miss; detail=origin-pending' });
    expect(codeOf(pending)).toBe('origin-pending');
    expect(retryAfter(pending)).toBeGreaterThanOrEqual(1);
    expectInTime(pending.tookMs);
    await eventually(async () => expect(await read(key)).toMatchObject({ status: 200, text: 'late' }));
    expect(loads(key)).toBe(1);
  });

  describe('Redis in trouble', () => {
    // With what a client's entry answers afterwards: Redis keeps nothing on disk here.
    const outages = [
      ['gone', 404, () => app.stack.redis.kill(), () => app.stack.redis.restart()],
      ['silent', 200, async () => app.silenceRedis(true), async () => app.silenceRedis(false)],
    ] as const;

    it.each(outages)(
      '%s: the origin answers, marked; without it 503; both back, it works',
      async (_how, writtenAfterwards, begin, end) => {
        put(key, 'value');
        await read(key);
        const written = `${key}-written`;
        expect((await read(written, { method: 'PUT', body: 'mine' })).status).toBe(201);
        await begin();
        try {
          for (let reads = 0; reads < 6; reads += 1) {
            const bypassed = await read(key);
            expect(bypassed).toMatchObject({ status: 200, text: 'value' });
            expect(bypassed.cacheStatus).toMatch(
              /^fwd=bypass; fwd-status=200; (?:collapsed; )?ttl=\d+; detail=cache-unavailable$/u,
            );
            expectInTime(bypassed.tookMs);
          }
          // The origin was asked and has none; but what a client wrote is in Redis only.
          expect(codeOf(await read(written))).toBe('cache-unavailable');

          await origin.down();
          for (const name of [key, written]) {
            const neither = await read(name);
            expect(neither).toMatchObject({
              status: 503,
              cacheStatus: 'fwd=bypass; detail=cache-unavailable',
            });
            expect(codeOf(neither)).toBe('cache-unavailable');
            expect(retryAfter(neither)).toBeGreaterThanOrEqual(1);
          }
          const batch = await app.fetch('/api/batch', {
            method: 'POST',
            body: JSON.stringify({ keys: [key, written] }),
          });
          expect(await batch.json()).toEqual({
            results: [key, written].map((name) => ({ key: name, status: 'unavailable' })),
          });
          await origin.up();
          expect((await read(key)).status).toBe(200);
        } finally {
          await end();
        }
        await eventually(async () => {
          for (let reads = 0; reads < 6; reads += 1)
            expect((await read(key)).cacheStatus).toMatch(/^hit; ttl=/u);
        });
        expect((await read(written)).status).toBe(writtenAfterwards);
      },
    );

    it('slow origin too: 503 within the budget', async () => {
      put(key, 'value', { behaviour: 'hang' });
      await app.stack.redis.kill();
      try {
        const neither = await read(key);
        expect(neither.status).toBe(503);
        expectInTime(neither.tookMs);
      } finally {
        await app.stack.redis.restart();
      }
    });
  });
});

describe('three instances with a long budget', () => {
  it('make one load of 1,000 concurrent reads of one absent key, and ask with queries that are part of keys', async () => {
    // A budget that two busy cores can keep: what is looked at is the number of loads.
    await using patient = await startApp({ REQUEST_BUDGET_MS: '60000', CACHE_QUERY: 'key' });
    put(key, 'value');
    origin.delayMs = 500;
    const answers = await Promise.all(Array.from({ length: 1000 }, async () => read(key, {}, patient)));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`))).toEqual(new Set(['200 value']));
    expect(loads(key)).toBe(1);

    // The same app takes queries for a part of the key.
    const target = (query: string): string => `/entries/${key}?v=1&${query}`;
    origin.put(target('a=1&page=1'), { body: 'one' });
    origin.put(target('a=1&page=2'), { body: 'two' });
    const page = async (query: string): Promise<string> =>
      (await patient.fetch(`/api/cache/${key}?${query}`)).text();
    for (let reads = 0; reads < 2; reads += 1) {
      expect(await page('page=1&a=1')).toBe('one');
      expect(await page('a=1&page=2&code=x')).toBe('two');
    }
    expect([origin.loads(target('a=1&page=1')), origin.loads(target('a=1&page=2'))]).toEqual([1, 1]);
    const named = encodeURIComponent(`${key}?a=1&page=1`);
    expect((await patient.fetch(`/api/cache/${named}`, { method: 'DELETE' })).status).toBe(204);
    expect(await page('a=1&page=1')).toBe('one');
    expect(origin.loads(target('a=1&page=1'))).toBe(2);
    expect((await patient.fetch(`/api/cache/${key}?page=1`, { method: 'DELETE' })).status).toBe(400);
  });
});
