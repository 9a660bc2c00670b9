// An instance among newer ones, as in a rolling deployment: entries that it does not understand, in every operation.

import { HttpRequest, HttpResponse, InvocationContext, type HttpHandler } from '@azure/functions';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Stack } from '../../local/stack.ts';
import { encodeEntry } from '../../src/cache/entry-encoder.ts';
import { magic, version } from '../../src/cache/entry-form.ts';
import { newEntry } from '../../src/cache/entry.ts';
import type { WriteCondition } from '../../src/cache/tier.ts';
import { readBatch } from '../../src/functions/read-batch.ts';
import { readCache } from '../../src/functions/read-cache.ts';
import { removeCache, writeCache } from '../../src/functions/write-cache.ts';
import { systemClock } from '../../src/util/clock.ts';
import { entryKey, startCacheInstance, type CacheInstance } from '../support/cache-instance.ts';
import { ScriptedOrigin } from '../support/scripted-origin.ts';
import { adoptStack } from '../support/shared-client.ts';
import { bytesOf } from '../support/stored-entries.ts';
import { startStack } from '../support/stack.ts';

const name = 'key';
const mine = newEntry(Buffer.from('mine'), 'text/plain', Date.now(), 60);
const laterVersion = encodeEntry(mine);
laterVersion[magic.length] = version + 1;
const known = { write: 'w', type: 'text/plain', stored: '1', ttl: '1000' };
const large = Buffer.concat([laterVersion, Buffer.alloc(200_000)]);
// As a version that knows no tags sees it.
const tagged = encodeEntry({ ...mine, tags: ['a'] })
  .toString('latin1')
  .replace('\nTags=', '\nTagz=');
const newerEntries = [
  { what: 'of the next version', stored: laterVersion, told: { version: version + 1 } },
  { what: 'of the next version, and large', stored: large, told: { version: version + 1 } },
  { what: 'of another form altogether', stored: Buffer.from([...magic, 255]), told: { version: 255 } },
  {
    what: 'with a field that must be understood',
    stored: bytesOf({ ...known, Key: 'k1' }),
    told: { version, field: 'Key' },
  },
  {
    what: 'with tags, where they are not known',
    stored: Buffer.from(tagged, 'latin1'),
    told: { version, field: 'Tagz' },
  },
  {
    what: 'whose body is compressed in a way that is not known here',
    stored: bytesOf({ ...known, Zstd: '1' }),
    told: { version, field: 'Zstd' },
  },
];

let stack: Stack;
let origin: ScriptedOrigin;

beforeAll(async () => {
  stack = await startStack({ storage: false });
  adoptStack(stack);
});
afterAll(async () => stack?.stop());
beforeEach(async () => {
  await stack.redis.admin('FLUSHALL');
  origin = new ScriptedOrigin();
});

const soon = (): number => Date.now() + 15_000;
const put = (stored: Buffer): Promise<unknown> => stack.redis.admin('SET', name, stored, 'PX', '60000');

async function expectUntouched(stored: Buffer): Promise<void> {
  expect(await stack.redis.adminRaw('GET', name)).toEqual(stored);
  expect(Number(await stack.redis.admin('PTTL', name))).toBeGreaterThan(30_000);
}

const newerEvents = ({ events }: CacheInstance): unknown[] =>
  events.filter(({ type }) => type === 'entryNewer' || type === 'entryInvalid');

interface Answer {
  readonly status: number;
  readonly cacheStatus: string | null;
  readonly retryAfter: string | null;
  readonly body: string;
}

async function ask(handler: HttpHandler, method: string, headers = {}, body?: string): Promise<Answer> {
  const url = `http://localhost/api/cache/${name}`;
  const request = new HttpRequest({
    method,
    url,
    params: { key: name },
    headers,
    ...(body && { body: { string: body } }),
  });
  const answer = await handler(request, new InvocationContext());
  const response = answer instanceof HttpResponse ? answer : new HttpResponse(answer ?? {});
  return {
    status: response.status,
    cacheStatus: response.headers.get('cache-status'),
    retryAfter: response.headers.get('retry-after'),
    body: Buffer.from(await response.arrayBuffer()).toString(),
  };
}

function depsOf(instance: CacheInstance) {
  const { cache, budget } = instance;
  return {
    cache,
    budget,
    clock: systemClock,
    emit: () => {},
    queryRule: 'reject' as const,
    requestBudgetMs: 15_000,
    maxValueBytes: 2 ** 20,
    writesEnabled: true,
    defaultTtlSeconds: 300,
  };
}

describe.each(newerEntries)('an entry $what', ({ stored, told }) => {
  beforeEach(async () => put(stored));

  it('is loaded from the origin for each answer, and nothing is stored', async () => {
    await using instance = await startCacheInstance(stack, origin);
    origin.set(name, 'value');
    for (let reads = 0; reads < 2; reads += 1) {
      expect(await instance.cache.read(entryKey(name), soon())).toMatchObject({
        kind: 'loaded',
        entry: { body: Buffer.from('value') },
        forwarded: { why: 'entry-newer', stored: false },
      });
    }
    const [many] = await instance.cache.readMany([entryKey(name)], soon());
    expect(many).toMatchObject({ kind: 'loaded', forwarded: { stored: false } });
    expect(origin.loads).toHaveLength(3);
    await expectUntouched(stored);
    expect(newerEvents(instance)).toEqual([{ type: 'entryNewer', ...told }]);
    expect(await stack.redis.admin('DBSIZE')).toBe(1);
  });

  it('is left to newer instances where there is no origin, or it has nothing', async () => {
    await using instance = await startCacheInstance(stack, undefined);
    await using filling = await startCacheInstance(stack, origin);
    for (const { cache } of [instance, filling]) {
      expect(await cache.read(entryKey(name), soon())).toEqual({ kind: 'entry-newer' });
      expect(await cache.readMany([entryKey(name)], soon())).toEqual([{ kind: 'entry-newer' }]);
    }
    await using readOnly = await startCacheInstance(stack, origin, { CACHE_WRITES: 'disabled' });
    expect(await readOnly.cache.read(entryKey(name), soon())).toEqual({ kind: 'miss', origin: 'asked' });
    await expectUntouched(stored);
  });

  it('is neither overwritten nor touched, whatever the condition, and removed only without one', async () => {
    await using instance = await startCacheInstance(stack, undefined);
    const { tier, cache } = instance;
    const conditions: readonly WriteCondition[] = [
      { kind: 'none', etags: [] },
      { kind: 'match', etags: ['*'] },
      { kind: 'match', etags: [mine.etag] },
      { kind: 'none-match', etags: ['*'] },
      { kind: 'absent' },
      { kind: 'same', writeId: 'w' },
      { kind: 'same-or-absent', writeId: 'w' },
    ];
    for (const condition of conditions) {
      expect(await tier.write(name, mine, condition, soon())).toEqual({ kind: 'entry-newer' });
      if (condition.kind === 'none') continue;
      expect(await cache.remove(entryKey(name), condition, soon())).toEqual({ kind: 'entry-newer' });
    }
    expect(await tier.touch(name, 'w', mine, soon())).toEqual({ kind: 'entry-newer' });
    await expectUntouched(stored);
    expect(newerEvents(instance)).toEqual([{ type: 'entryNewer', version: told.version }]);
    expect(await cache.remove(entryKey(name), { kind: 'none', etags: [] }, soon())).toEqual({
      kind: 'removed',
    });
    expect(await stack.redis.admin('EXISTS', name)).toBe(0);
  });

  it('is passed over by the warmup, and counted', async () => {
    await using instance = await startCacheInstance(stack, origin);
    origin.set(name, 'value');
    origin.set('other', 'value');
    const nowMs = Date.now();
    const run = { nextRunAtMs: nowMs + 60_000, deadlineAtMs: nowMs + 60_000, endsAtMs: nowMs + 60_000 };
    const outcome = await instance.warmup?.run(run);
    expect(outcome).toMatchObject({ report: { kept: 1, loaded: 1, failed: {}, complete: true } });
    await expectUntouched(stored);
    expect(newerEvents(instance)).toEqual([{ type: 'entryNewer', ...told }]);
  });

  it('over HTTP is the value of the origin, or 503 with Retry-After', async () => {
    await using instance = await startCacheInstance(stack, origin);
    const deps = depsOf(instance);
    const problem = {
      status: 503,
      retryAfter: '1',
      body: expect.stringContaining('"entry-newer"') as string,
    };
    const status = 'redis-entra-functions; detail=entry-newer';
    expect(await ask(readCache(deps), 'GET')).toMatchObject({ ...problem, cacheStatus: status });
    expect(await ask(writeCache(deps), 'PUT', {}, 'body')).toMatchObject(problem);
    expect(await ask(removeCache(deps), 'DELETE', { 'if-match': '*' })).toMatchObject(problem);
    const batch = JSON.stringify({ keys: [name] });
    const refused = { key: name, status: 'unavailable', code: 'entry-newer' };
    expect(JSON.parse((await ask(readBatch(deps), 'POST', {}, batch)).body)).toEqual({ results: [refused] });
    origin.set(name, 'value');
    expect(await ask(readCache(deps), 'GET')).toMatchObject({
      status: 200,
      body: 'value',
      cacheStatus: expect.stringMatching(/fwd=miss; fwd-status=200; ttl=\d+; detail=entry-newer$/u) as string,
    });
    await expectUntouched(stored);
    expect((await ask(removeCache(deps), 'DELETE')).status).toBe(204);
  });
});

it('readers in one process share a load', async () => {
  await using instance = await startCacheInstance(stack, origin);
  await put(laterVersion);
  origin.set(name, 'value');
  origin.delayMs = 200;
  const reads = Array.from({ length: 20 }, async () => instance.cache.read(entryKey(name), soon()));
  for (const result of await Promise.all(reads)) expect(result.kind).toBe('loaded');
  expect(origin.loads).toHaveLength(1);
});

it('what a newer instance writes while the same key is loaded here stays', async () => {
  await using instance = await startCacheInstance(stack, origin);
  origin.set(name, 'value');
  origin.delayMs = 200;
  const reading = instance.cache.read(entryKey(name), soon());
  await expect.poll(() => origin.loads.length).toBe(1);
  await put(laterVersion);
  expect(await reading).toMatchObject({ kind: 'loaded', forwarded: { stored: false } });
  await expectUntouched(laterVersion);
});

it('a load that finds a newer entry under its lock asks the origin for this answer alone', async () => {
  await using instance = await startCacheInstance(stack, origin);
  origin.set(name, 'value');
  const look = instance.tier.read.bind(instance.tier);
  instance.tier.read = async (...question) => {
    const result = await look(...question);
    await put(laterVersion);
    return result;
  };
  expect(await instance.cache.read(entryKey(name), soon())).toMatchObject({
    kind: 'loaded',
    forwarded: { why: 'miss', stored: false },
  });
  await expectUntouched(laterVersion);
});

it('an entry of version 2 that is touched becomes one of the version that is written now', async () => {
  await using instance = await startCacheInstance(stack, undefined);
  await put(bytesOf(known, { version: 2 }));
  expect(await instance.tier.touch(name, 'w', mine, soon())).toEqual({ kind: 'replaced' });
  const stored = (await stack.redis.adminRaw('GET', name)) as Buffer;
  expect(stored).toEqual(encodeEntry({ ...mine, etag: 'x', body: Buffer.from('body') }));
});
