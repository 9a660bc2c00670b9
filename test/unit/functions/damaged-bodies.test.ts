// An entry whose body is not what it is said to be counts as absent: it is loaded anew, or a miss, and never a 500.

import { gzipSync } from 'node:zlib';
import { expect } from 'vitest';
import { encodeEntry } from '../../../src/cache/entry-encoder.ts';
import { newEntry, type Entry } from '../../../src/cache/entry.ts';
import { readBatch } from '../../../src/functions/read-batch.ts';
import { readCache } from '../../../src/functions/read-cache.ts';
import { callHandler, type Called } from '../../support/call-handler.ts';
import { it, type World } from '../../support/in-memory-cache.ts';
import { publicInstance } from '../../support/in-memory-public-cache.ts';

const text = 'Some text. '.repeat(100);
const told = { type: 'entryInvalid', reason: 'body' };

function damagedEntry(world: World, more: Partial<Entry> = {}): Buffer {
  const body = gzipSync(text).subarray(1);
  const entry = newEntry(body, 'text/plain', world.clock.wallMs(), 3600);
  return encodeEntry({ ...entry, isGzipped: true, ...more });
}

/** Over an origin that has what the entry was to be, or over none. */
function start(world: World, options: object = {}) {
  const instance = world.instance(options);
  const { cache, budget, events } = instance;
  const emit = (event: (typeof events)[number]): void => void events.push(event);
  const deps = { clock: world.clock, emit, requestBudgetMs: 2000, budget, cache };
  const read = readCache({ ...deps, queryRule: 'reject', maxValueBytes: 2 ** 20 });
  const batch = readBatch(deps);
  world.server.set('key', damagedEntry(world));
  return {
    events,
    read: async (headers: Record<string, string> = {}): Promise<Called> =>
      callHandler(read, { params: { key: 'key' }, headers }),
    batch: async (...keys: string[]): Promise<unknown> => {
      const { body = '' } = await callHandler(batch, { method: 'POST', body: JSON.stringify({ keys }) });
      return (JSON.parse(body) as { readonly results: unknown }).results;
    },
  };
}

it('over HTTP is loaded anew, and stored', async ({ world }) => {
  world.origin.set('key', text);
  const { read, events } = start(world);
  expect(await read()).toMatchObject({ status: 200, body: text });
  expect(events).toEqual([told]);
  expect((await read()).headers['cache-status']).toMatch(/; hit; /u);
});

it('in a batch is loaded anew, once for equal keys, and what stands beside it is as it was', async ({
  world,
}) => {
  world.origin.set('key', text);
  const { batch, events } = start(world);
  world.server.set('other', Buffer.from('plain'));
  const loaded = { key: 'key', status: 'hit', value: text };
  expect(await batch('other', 'key', 'key')).toMatchObject([{ value: 'plain' }, loaded, loaded]);
  expect(events).toEqual([told]);
});

it('without an origin is a miss, and gone', async ({ world }) => {
  const { read, batch, events } = start(world, { origin: undefined });
  expect((await read()).status).toBe(404);
  expect(world.server.has('key')).toBe(false);
  world.server.set('key', damagedEntry(world));
  expect(await batch('key')).toEqual([{ key: 'key', status: 'miss' }]);
  expect(events).toEqual([told, told]);
});

it('is a miss where somebody writes such entries again and again', async ({ world }) => {
  const { read, batch } = start(world, { origin: undefined });
  const remove = world.server.delete.bind(world.server);
  world.server.delete = (...keys) => {
    const count = remove(...keys);
    world.server.set('key', damagedEntry(world));
    return count;
  };
  const answer = await read();
  expect([answer.status, answer.headers['cache-status']]).toEqual([404, 'redis-entra-functions; fwd=miss']);
  expect(await batch('key')).toEqual([{ key: 'key', status: 'miss' }]);
});

it('as a value is a miss, and made anew by a factory', async ({ world }) => {
  const { cache, instance } = publicInstance(world);
  const put = (): void => world.server.set('key', damagedEntry(world, { contentType: 'application/json' }));
  put();
  expect(await cache.get('key')).toEqual({ kind: 'miss' });
  put();
  expect(await cache.getMany(['key'])).toEqual([{ kind: 'miss' }]);
  put();
  expect(await cache.getOrSet('key', () => 'made', { ttlSeconds: 60 })).toBe('made');
  expect(await cache.get('key')).toMatchObject({ kind: 'hit', value: 'made' });
  expect(instance.events).toEqual([told, told, told]);
});
