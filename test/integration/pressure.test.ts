// Large values beside small ones, through the packaged app with the heap limits of a 512 MB instance.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startHost, type Host } from '../../local/functions-host/host.ts';
import type { AnyStack } from '../../local/stack.ts';
import { eventually, sleep } from '../support/eventually.ts';
import { packagedApp, startLocalApp, type LocalApp } from '../support/local-app.ts';
import { heldApp } from '../support/openapi-contract.ts';
import { startSlowLink } from '../support/slow-link.ts';
import { lateMs, startControl } from '../support/timing.ts';

const mebibyte = 2 ** 20;
const smallInstance = {
  NODE_OPTIONS: '--max-old-space-size=256 --max-semi-space-size=8',
  // What is refused is what would come from Redis.
  CACHE_MEMORY_MB: '0',
};

let app: LocalApp;

beforeAll(async () => {
  // What is looked at is who is refused for want of memory; how long two busy cores take is another matter.
  app = await startLocalApp({ settings: { ...smallInstance, REQUEST_BUDGET_MS: '10000' } });
  app = await heldApp(app);
  const big = await put('big', Buffer.alloc(mebibyte, 'text '));
  expect(big.status).toBe(201);
  await put('small', 'small');
});
afterAll(async () => app?.stop());

const put = (
  key: string,
  body: string | Buffer<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Response> => app.fetch(`/api/cache/${key}?ttl=3600`, { method: 'PUT', body, headers });
const get = (key: string): Promise<Response> => app.fetch(`/api/cache/${key}`);

interface Item {
  readonly key: string;
  readonly status: 'hit' | 'miss' | 'unavailable';
  readonly code?: string;
  readonly value?: string;
  readonly encoding?: 'utf8' | 'base64';
}

async function batch(of: LocalApp<AnyStack>, keys: readonly string[]): Promise<readonly Item[]> {
  const response = await of.fetch('/api/batch', { method: 'POST', body: JSON.stringify({ keys }) });
  expect(response.status).toBe(200);
  return ((await response.json()) as { results: Item[] }).results;
}

function lost({ host }: { readonly host: Host }): number {
  return host.logs().filter(({ message }) => message.includes('connectionLost')).length;
}

/** Milliseconds that `work` took, and what it brought. */
async function timed<T>(work: () => Promise<T>): Promise<{ readonly tookMs: number; readonly result: T }> {
  const startedAtMs = performance.now();
  const result = await work();
  return { result, tookMs: performance.now() - startedAtMs };
}

describe('many reads of 1 MiB at once', () => {
  it('are 200 or refused, fail no small read, lose no connection, and leave nothing taken', async () => {
    const large = Array.from({ length: 120 }, async () => {
      const response = await get('big');
      return { response, bytes: (await response.arrayBuffer()).byteLength };
    });
    const small = Array.from({ length: 40 }, async (_, index) => {
      await sleep(index * 10);
      return (await get('small')).status;
    });
    const answers = await Promise.all(large);
    expect(new Set(await Promise.all(small))).toEqual(new Set([200]));
    const served = answers.filter(({ response }) => response.status === 200);
    const refused = answers.filter(({ response }) => response.status === 503);
    expect(served.length + refused.length).toBe(120);
    expect(served.length).toBeGreaterThanOrEqual(6);
    expect(served.every(({ bytes }) => bytes === mebibyte)).toBe(true);
    expect(refused.length).toBeGreaterThan(0);
    for (const { response } of refused) {
      expect(response.headers.get('retry-after')).toBe('1');
      expect(response.headers.get('cache-status')).toBe('redis-entra-functions; detail=overloaded');
    }
    expect(lost(app)).toBe(0);
    for (let reads = 0; reads < 20; reads += 1) {
      const response = await get('big');
      expect(response.status).toBe(200);
      await response.arrayBuffer();
    }
  });

  it('and as many writes are done or refused before anything was done', async () => {
    const body = Buffer.alloc(mebibyte, 'new ');
    const writes = Array.from({ length: 30 }, async (_, index) => {
      const response = await put(`written-${index}`, body);
      const problem = response.status === 503 ? ((await response.json()) as { code: string }) : undefined;
      return { status: response.status, code: problem?.code };
    });
    for (const [index, { status, code }] of (await Promise.all(writes)).entries()) {
      if (status === 503) expect(code).toBe('overloaded');
      else expect(status).toBe(201);
      expect(await app.stack.redis.admin('EXISTS', `written-${index}`)).toBe(status === 201 ? 1 : 0);
    }
  });
});

describe('a batch', () => {
  it('of one key of 1 MiB, 32 times, is answered, and fetches it once', async () => {
    const before = await bytesOut();
    const items = await batch(
      app,
      Array.from({ length: 32 }, () => 'big'),
    );
    expect(items.filter(({ status }) => status === 'hit').length).toBeGreaterThan(2);
    for (const { status, code = '' } of items) {
      if (status !== 'hit') expect(['overloaded', 'answer-too-large']).toContain(code);
    }
    expect((await bytesOut()) - before).toBeLessThan(1.5 * mebibyte);
    expect(lost(app)).toBe(0);
  });

  it('of 100 values of 1 MiB of NUL holds nobody up, and its answer is bounded', async () => {
    const keys = await fill(app);
    const live: number[] = [];
    const probe = { over: false };
    const probing = (async () => {
      while (!probe.over)
        live.push((await timed(async () => (await app.fetch('/api/health/live')).status)).tookMs);
    })();
    const { result: items, tookMs } = await timed(async () => batch(app, keys));
    probe.over = true;
    await probing;
    const hits = items.filter(({ status }) => status === 'hit');
    expect(hits.length).toBeGreaterThan(2);
    expect(hits[0]).toMatchObject({ encoding: 'base64', value: Buffer.alloc(mebibyte).toString('base64') });
    expect(new Set(items.map(({ code }) => code))).toContain('overloaded');
    // Where the machine is busy with something else, all of it takes longer: then each wait is a small part of that.
    expect(Math.max(...live)).toBeLessThan(Math.max(1000, tookMs / 2));
    expect(lost(app)).toBe(0);
  });

  it('is bounded on a cluster, too', async () => {
    await using cluster = await startLocalApp({ cluster: true });
    const keys = await fill(cluster);
    const items = await batch(cluster, keys);
    expect(items.filter(({ status }) => status === 'hit').length).toBeGreaterThan(2);
    expect(items.filter(({ status, code }) => status === 'unavailable' && code === undefined)).toEqual([]);
    expect(lost(cluster)).toBe(0);
  });

  /** 100 values of 1 MiB, written by somebody else. */
  async function fill({ stack }: LocalApp<AnyStack>): Promise<string[]> {
    const keys = Array.from({ length: 100 }, (_, index) => `nul-${index}`);
    for (const key of keys) await stack.redis.admin('SET', key, Buffer.alloc(mebibyte));
    return keys;
  }

  async function bytesOut(): Promise<number> {
    const info = String(await app.stack.redis.admin('INFO', 'stats'));
    return Number(/total_net_output_bytes:(\d+)/u.exec(info)?.[1]);
  }
});

describe('a string of 200 MiB that somebody else wrote', () => {
  beforeAll(async () => {
    await app.stack.redis.admin('SETRANGE', 'huge', `${200 * mebibyte - 1}`, 'x');
  });
  afterAll(async () => app?.stack.redis.admin('DEL', 'huge'));

  it('is not served, and costs next to nothing', async () => {
    using control = startControl(async () => (await app.fetch('/api/health/live')).text());
    const { tookMs, result } = await timed(async () => get('huge'));
    expect(result.status).toBe(422);
    expect(await result.json()).toMatchObject({ code: 'stored-value-too-large' });
    expect(result.headers.get('cache-status')).toBe('redis-entra-functions; detail=stored-value-too-large');
    expect(tookMs).toBeLessThan(lateMs + control.longestMs);
    expect(await batch(app, ['huge', 'small'])).toMatchObject([
      { status: 'unavailable', code: 'stored-value-too-large' },
      { status: 'hit', value: 'small' },
    ]);
  });

  it('is not hashed for a condition; it can be replaced and removed', async () => {
    await app.stack.redis.admin('CONFIG', 'RESETSTAT');
    const tag = { 'If-Match': `"${'0'.repeat(40)}"` };
    expect((await put('huge', 'new', tag)).status).toBe(412);
    const stats = String(await app.stack.redis.admin('INFO', 'commandstats'));
    const evalUsec = Number(/cmdstat_eval:calls=\d+,usec=(\d+)/u.exec(stats)?.[1]);
    expect(evalUsec).toBeLessThan(100_000);
    expect((await put('huge', 'new', { 'If-Match': '*' })).status).toBe(204);
  });
});

describe('the largest value that the settings allow', () => {
  it('can be written and read; one byte more can not be written', async () => {
    const largestBytes = 104_857_600;
    const host = await startHost({
      appDirectory: packagedApp,
      settings: {
        ...app.stack.settings,
        CACHE_MAX_VALUE_BYTES: `${largestBytes}`,
        REQUEST_BUDGET_MS: '60000',
      },
      timers: false,
    });
    try {
      const url = `${host.url}/api/cache/largest`;
      const body = Buffer.alloc(largestBytes, 'The quick brown fox ');
      expect((await fetch(`${url}?ttl=600`, { method: 'PUT', body })).status).toBe(201);
      const answer = await fetch(url);
      expect(answer.status).toBe(200);
      expect(Buffer.from(await answer.arrayBuffer()).equals(body)).toBe(true);
      expect((await fetch(url, { method: 'PUT', body: Buffer.alloc(largestBytes + 1) })).ok).toBe(false);
      expect(lost({ host })).toBe(0);
    } finally {
      await host.stop();
      await app.stack.redis.admin('DEL', 'largest');
    }
  });
});

describe('what was refused', () => {
  it('is told: one line as it begins, one with their number when it is over', async () => {
    const told = (type: string): readonly string[] =>
      app.host.logs().flatMap(({ message }) => (message.startsWith(`${type} `) ? [message] : []));
    await eventually(() => expect(told('sheddingEnded').length).toBe(told('sheddingStarted').length));
    expect(told('sheddingStarted')[0]).toContain('"level":"warn","valueBytes":10');
    const [, refusals] = /"refusals":(\d+)/u.exec(told('sheddingEnded')[0] ?? '') ?? [];
    expect(Number(refusals)).toBeGreaterThan(50);
  });
});

describe('a link of 20 MB/s', () => {
  it('that is asked for five times as much serves small reads again within a second of the burst', async () => {
    await using link = await startSlowLink(app.stack.front.port);
    const host = await startHost({
      appDirectory: packagedApp,
      settings: { ...app.stack.settings, ...smallInstance, REDIS_PORT: `${link.port}` },
      timers: false,
    });
    try {
      await put('medium', Buffer.alloc(mebibyte / 4, 'medium '));
      const ask = async (key: string): Promise<number> => {
        const response = await fetch(`${host.url}/api/cache/${key}`);
        await response.arrayBuffer();
        return response.status;
      };
      await eventually(async () => expect(await ask('small')).toBe(200));
      using control = startControl(async () => (await fetch(`${host.url}/api/health/live`)).text());
      link.bytesPerSecond = 20_000_000;
      const burst: Promise<number>[] = [];
      const startedAtMs = performance.now();
      while (performance.now() - startedAtMs < 3000) {
        // Reckoned once a turn: where a request takes longer to begin than is between two, there would be no end.
        const due = (performance.now() - startedAtMs) * 0.4;
        while (burst.length < due) burst.push(ask('medium').catch(() => 0));
        await sleep(5);
      }
      const endedAtMs = Date.now();
      await eventually(async () => expect(await ask('small')).toBe(200));
      // What asks nothing of Redis has to get past the burst, too.
      const heldUpMs = control.totalIn(endedAtMs);
      expect(Date.now() - endedAtMs).toBeLessThan(1000 + lateMs + heldUpMs);
      const after: number[] = [];
      for (let reads = 0; reads < 20; reads += 1) {
        const atMs = Date.now();
        const status = await ask('small');
        // One whose time was up while the machine did something else says nothing of the link.
        if (control.longestIn(atMs, Date.now()) < 1000) after.push(status);
        await sleep(50);
      }
      const statuses = await Promise.all(burst);
      expect(after.filter((status) => status !== 200)).toEqual([]);
      // Some were served, and some refused; of a machine that does something else, none may be in time.
      const wasPrompt = control.longestMs < 1000;
      for (const status of statuses) expect([200, 503]).toContain(status);
      if (wasPrompt) expect(statuses).toContain(200);
      expect(statuses).toContain(503);
      // A connection on which nothing came because the machine did something else is given up.
      if (wasPrompt) expect(lost({ host })).toBe(0);
    } finally {
      await host.stop();
    }
  });
});
