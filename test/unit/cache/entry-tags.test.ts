// The tags of entries from the origin: they survive a renewal, change with the content, and are never lost.

import { describe, expect } from 'vitest';
import type { EntryHead } from '../../../src/cache/entry.ts';
import type { OriginAnswer } from '../../../src/origin/origin.ts';
import { taggingOf } from '../../../src/origin/tags.ts';
import { entryKey, it, told, type InMemoryInstance, type World } from '../../support/in-memory-cache.ts';

/** The origin answers as ever, with these tags. */
function tag(world: World, cacheTag: string | undefined): void {
  const { origin } = world;
  const load = Object.getPrototypeOf(origin).load.bind(origin) as typeof origin.load;
  const tagging = taggingOf(cacheTag === undefined ? {} : { 'cache-tag': cacheTag });
  origin.load = async (...question): Promise<OriginAnswer> => {
    const answer = await load(...question);
    if (answer.kind === 'none') return { ...answer, ...(tagging.tags && { tags: tagging.tags }) };
    return 'restrictions' in answer ? { ...answer, ...tagging } : answer;
  };
}

async function headOf({ cache }: InMemoryInstance, { clock }: World): Promise<EntryHead | undefined> {
  const [found] = await cache.readHeads([entryKey('key')], clock.nowMs() + 1000);
  return found?.kind === 'hit' ? found.head : undefined;
}

/** A cache that has loaded an entry with the tags `a` and `b`. It lives for 10 s. */
async function tagged(world: World): Promise<InMemoryInstance> {
  const instance = world.instance();
  world.origin.set('key', 'value');
  world.origin.fields = { 'cache-control': 'max-age=10' };
  tag(world, 'a, b');
  expect(told(await instance.read('key'))).toBe('loaded value');
  return instance;
}

async function renewed(instance: InMemoryInstance, world: World): Promise<EntryHead | undefined> {
  await world.clock.advance(11_000);
  await instance.read('key');
  await world.clock.advance(100);
  return headOf(instance, world);
}

describe('an entry of the origin', () => {
  it('is stored with its tags, and has them when it is read', async ({ world }) => {
    const instance = await tagged(world);
    expect(await instance.read('key')).toMatchObject({ kind: 'hit', entry: { tags: ['a', 'b'] } });
  });

  it('keeps them over a 304 that says nothing of tags', async ({ world }) => {
    const instance = await tagged(world);
    tag(world, undefined);
    const head = await renewed(instance, world);
    expect(head?.freshness?.storedAtMs).toBe(world.clock.wallMs() - 100);
    expect(head?.tags).toEqual(['a', 'b']);
    expect(world.origin.bodiesMoved).toBe(1);
  });

  it('has those of a 304 that names some, and none where that names none', async ({ world }) => {
    const instance = await tagged(world);
    tag(world, 'c');
    expect((await renewed(instance, world))?.tags).toEqual(['c']);
    tag(world, '');
    expect((await renewed(instance, world))?.tags).toBeUndefined();
    expect(world.origin.bodiesMoved).toBe(1);
  });

  it('has those of the new content, and only those', async ({ world }) => {
    const instance = await tagged(world);
    world.origin.set('key', 'new');
    tag(world, undefined);
    expect((await renewed(instance, world))?.tags).toBeUndefined();
    expect(world.origin.bodiesMoved).toBe(2);
  });

  it('is served and not stored where it cannot have its tags, and the one before goes', async ({ world }) => {
    const instance = await tagged(world);
    tag(world, 'a b');
    expect(await renewed(instance, world)).toBeUndefined();
    const answer = await instance.read('key');
    expect(told(answer)).toBe('loaded value');
    expect(answer).toMatchObject({
      entry: {
        loaded: { notStored: { reason: expect.stringContaining('tags cannot be stored') as string } },
      },
      forwarded: { stored: false },
    });
    expect(instance.told).toContain('answerNotStored');
  });
});

describe('the warmup', () => {
  const refresh = async (instance: InMemoryInstance, held: EntryHead | undefined) => {
    const { signal } = new AbortController();
    return instance.cache.refresh(entryKey('key'), { held, isChanged: false, isFresh: true, signal });
  };

  it('writes other tags though the entry is fresh', async ({ world }) => {
    const instance = await tagged(world);
    const held = await headOf(instance, world);
    expect(await refresh(instance, held)).toEqual({ kind: 'current' });
    tag(world, 'b, a');
    expect(await refresh(instance, held)).toEqual({ kind: 'current' });
    tag(world, 'a');
    expect(await refresh(instance, held)).toEqual({ kind: 'renewed' });
    expect((await headOf(instance, world))?.tags).toEqual(['a']);
  });

  it('writes those that a listing names, and removes what cannot have them', async ({ world }) => {
    const instance = await tagged(world);
    const extend = async (cacheTag: string) => {
      const held = (await headOf(instance, world)) ?? expect.unreachable();
      return instance.cache.extend(entryKey('key'), held, taggingOf({ 'cache-tag': cacheTag }));
    };
    expect(await extend('c')).toEqual({ kind: 'renewed' });
    expect((await headOf(instance, world))?.tags).toEqual(['c']);
    expect(await extend('ü')).toEqual({ kind: 'failed', cause: 'not-cacheable' });
    expect(await headOf(instance, world)).toBeUndefined();
  });
});

it('that there is nothing is not remembered for long where tags came with it', async ({ world }) => {
  const instance = world.instance();
  world.origin.fields = { 'cache-control': 'max-age=3600' };
  tag(world, 'a');
  await instance.read('key');
  await instance.read('key');
  expect(world.origin.loads).toHaveLength(1);
  await world.clock.advance(5001);
  await instance.read('key');
  expect(world.origin.loads).toHaveLength(2);
});
