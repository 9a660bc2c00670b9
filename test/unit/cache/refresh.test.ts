// Entries are brought up to date before they are asked for, without a lock: what a client does meanwhile is newer.

import { describe, expect } from 'vitest';
import { lockKeys } from '../../../src/cache/lock-keys.ts';
import type { EntryHead } from '../../../src/cache/entry.ts';
import type { Refreshed } from '../../../src/cache/refresher.ts';
import type { OriginAnswer } from '../../../src/origin/origin.ts';
import { AppError } from '../../../src/util/errors.ts';
import { entryKey, it, told, type InMemoryInstance } from '../../support/in-memory-cache.ts';

async function headOf({ cache }: InMemoryInstance, atMs: number): Promise<EntryHead | undefined> {
  const [found] = await cache.readHeads([entryKey('key')], atMs + 1000);
  return found?.kind === 'hit' ? found.head : undefined;
}

const refresh = (
  { cache }: InMemoryInstance,
  held: EntryHead | undefined,
  more: { isChanged?: boolean; isFresh?: boolean; signal?: AbortSignal; key?: string } = {},
): Promise<Refreshed> => {
  const { isChanged = false, isFresh = false, signal = new AbortController().signal, key = 'key' } = more;
  return cache.refresh(entryKey(key), { held, isChanged, isFresh, signal });
};

describe('an absent entry', () => {
  it('is loaded, and what was remembered in its place is forgotten', async ({ world }) => {
    const instance = world.instance();
    expect(told(await instance.read('key'))).toBe('miss');
    world.origin.set('key', 'value');
    expect(await refresh(instance, undefined)).toEqual({ kind: 'loaded', bytes: 5 });
    expect(world.server.has(lockKeys('ref', { kind: 'load', name: 'key' }).mark)).toBe(false);
    expect(told(await instance.read('key'))).toBe('hit value');
  });

  it('is left to whoever wrote it meanwhile', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', 'value');
    world.origin.delayMs = 300;
    const refreshing = refresh(instance, undefined);
    await world.clock.advance(100);
    await instance.write('key', 'mine');
    expect(await world.after(200, refreshing)).toEqual({ kind: 'superseded' });
    expect(told(await instance.read('key'))).toBe('hit mine');
  });

  it('that is removed while it is loaded stays away', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', 'old');
    world.origin.delayMs = 300;
    const refreshing = refresh(instance, undefined);
    await world.clock.advance(100);
    await instance.remove('key');
    expect(await world.after(200, refreshing)).toEqual({ kind: 'superseded' });
    expect(world.server.has('key')).toBe(false);
  });

  it('that is removed while the origin is asked stays away, with a note of that or without', async ({
    world,
  }) => {
    const instance = world.instance();
    for (const key of ['key', 'key{a}{b}']) {
      world.origin.delayMs = 0;
      world.origin.set(key, 'value');
      await refresh(instance, undefined, { key });
      const [found] = await instance.cache.readHeads([entryKey(key)], world.clock.nowMs() + 1000);
      const held = found?.kind === 'hit' ? found.head : undefined;
      world.origin.set(key, 'new');
      world.origin.delayMs = 300;
      const refreshing = refresh(instance, held, { key });
      await world.clock.advance(100);
      await instance.remove(key);
      expect(await world.after(300, refreshing)).toEqual({ kind: 'superseded' });
      expect(world.server.has(key)).toBe(false);
    }
  });
});

describe('an entry', () => {
  it('that has not changed gets a new lifetime, unless it is fresh for long enough', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', 'value');
    await refresh(instance, undefined);
    await world.clock.advance(100_000);
    const held = await headOf(instance, world.clock.nowMs());
    expect(await refresh(instance, held, { isFresh: true })).toEqual({ kind: 'current' });
    expect(await refresh(instance, held)).toEqual({ kind: 'renewed' });
    expect((await headOf(instance, world.clock.nowMs()))?.freshness?.storedAtMs).toBe(world.clock.wallMs());
    // By now it is another write.
    expect(await refresh(instance, held)).toEqual({ kind: 'superseded' });
    expect(world.origin.bodiesMoved).toBe(1);
  });

  it('that is known to have changed is asked for as a whole', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', 'value');
    await refresh(instance, undefined);
    const held = await headOf(instance, world.clock.nowMs());
    world.origin.set('key', 'changed');
    expect(await refresh(instance, held, { isChanged: true })).toEqual({ kind: 'loaded', bytes: 7 });
    expect(world.origin.loads.map(({ conditional }) => conditional)).toEqual([false, false]);
  });

  it('that is known not to have changed gets a new lifetime without a question', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', 'value');
    await refresh(instance, undefined);
    await world.clock.advance(100_000);
    const held = (await headOf(instance, world.clock.nowMs())) ?? expect.unreachable();
    expect(await instance.cache.extend(entryKey('key'), held)).toEqual({ kind: 'renewed' });
    expect(world.origin.loads).toHaveLength(1);
  });

  it('that a 304 forbids to store is removed', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', 'value');
    await refresh(instance, undefined);
    const held = await headOf(instance, world.clock.nowMs());
    world.origin.fields = { 'cache-control': 'no-store' };
    expect(await refresh(instance, held)).toEqual({ kind: 'failed', cause: 'not-cacheable' });
    expect(world.server.has('key')).toBe(false);
  });

  it('about which the 304 does not speak has changed meanwhile', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', 'value');
    await refresh(instance, undefined);
    const held = await headOf(instance, world.clock.nowMs());
    world.origin.answers.set('key', () => ({
      kind: 'unchanged',
      fields: { etag: '"v9"' },
      restrictions: [],
    }));
    expect(await refresh(instance, held)).toEqual({ kind: 'failed', cause: 'changed-meanwhile' });
  });
});

describe('what did not come from the origin', () => {
  it('is never renewed: to ask for that is a bug', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', 'value');
    const { body: _body, ...head } = instance.entry('mine');
    await expect(instance.cache.extend(entryKey('key'), head)).rejects.toThrow(TypeError);
    await expect(refresh(instance, { ...head, writeId: undefined })).rejects.toThrow(TypeError);
  });
});

describe('a refresh fails', () => {
  const answered = (status: number, fields = {}): OriginAnswer => ({
    kind: 'answered',
    status,
    body: Buffer.from('x'),
    codings: [],
    fields,
    restrictions: [],
  });
  const answers: readonly (readonly [string, OriginAnswer])[] = [
    ['not-found', { kind: 'none', status: 404, fields: {} }],
    ['value-too-large', { kind: 'too-large', bytes: undefined }],
    ['answered-403', answered(403)],
    ['answered-503', answered(503)],
    ['not-cacheable', answered(200, { 'cache-control': 'private' })],
  ];
  it.for(answers)('as %s', async ([cause, answer], { world }) => {
    const instance = world.instance();
    world.origin.answers.set('key', () => answer);
    expect(await refresh(instance, undefined)).toEqual({ kind: 'failed', cause });
    expect(world.server.has('key')).toBe(false);
  });

  it('as unusable where the fault is this entry’s, as of the origin where it is not, and tells of that', async ({
    world,
  }) => {
    const instance = world.instance();
    world.origin.failing = true;
    for (const key of ['one', 'two', 'three']) {
      expect(await refresh(instance, undefined, { key })).toEqual({ kind: 'failed', cause: 'origin-failed' });
    }
    expect(instance.told).toEqual(['originFailing']);
    world.origin.failing = false;
    world.origin.answers.set('key', () => new AppError('origin-failed', 'x', { isOfOneEntry: true }));
    expect(await refresh(instance, undefined)).toEqual({ kind: 'failed', cause: 'unusable' });
  });

  it('as the cache’s outage before the origin is asked, and after', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', 'value');
    instance.connection.fault = 'unavailable';
    const outage = { kind: 'failed', cause: 'cache-unavailable' };
    expect(await refresh(instance, undefined)).toEqual(outage);
    expect(world.origin.loads).toEqual([]);
    instance.connection.fault = 'none';
    world.origin.delayMs = 100;
    const refreshing = refresh(instance, undefined);
    await world.clock.advance(50);
    instance.connection.fault = 'unavailable';
    expect(await world.after(50, refreshing)).toEqual(outage);
  });

  it('as wrong-type where somebody else has it', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', 'value');
    world.server.set('key', 'other');
    expect(await refresh(instance, undefined)).toEqual({ kind: 'failed', cause: 'wrong-type' });
  });

  it('as aborted when it is, and throws what is a bug', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', 'value');
    world.origin.delayMs = 1000;
    const aborting = new AbortController();
    const refreshing = refresh(instance, undefined, { signal: aborting.signal });
    await world.clock.advance(100);
    aborting.abort();
    expect(await refreshing).toEqual({ kind: 'aborted' });
    world.origin.delayMs = 0;
    for (const answer of [
      () => ({ kind: 'not-admitted' }) as const,
      () => ({ kind: 'unchanged', fields: {}, restrictions: [] }) as const,
    ]) {
      world.origin.answers.set('key', answer);
      await expect(refresh(instance, undefined)).rejects.toThrow(TypeError);
    }
    expect(() => refresh(world.instance({ origin: undefined }), undefined)).toThrow(TypeError);
  });
});
