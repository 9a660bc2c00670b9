// Rules by prefix: which origin is asked for a key, and what holds of its entries where that does not say.

import { describe, expect } from 'vitest';
import { entryKey, it, told, type InMemoryInstance, type World } from '../../support/in-memory-cache.ts';
import { publicInstance } from '../../support/in-memory-public-cache.ts';
import { OriginHealth } from '../../../src/origin/origin-health.ts';
import { createOrigins, type OwnOrigin, type RuleOfOrigin } from '../../../src/origin/origins.ts';
import { AppError } from '../../../src/util/errors.ts';
import { ScriptedOrigin } from '../../support/scripted-origin.ts';

interface Started {
  readonly instance: InMemoryInstance;
  readonly images: ScriptedOrigin;
  /** What the health of the origin of `images/` has emitted. */
  readonly events: readonly string[];
}

/** With a rule for `images/`, and the origin of the world for the rest. */
function start(world: World, more: readonly RuleOfOrigin[] = [], terms: Partial<RuleOfOrigin> = {}): Started {
  const { clock, origin } = world;
  const images = new ScriptedOrigin(clock);
  const events: string[] = [];
  const health = new OriginHealth(({ type }) => void events.push(type), clock, 'https://images.example');
  const usual: OwnOrigin = { origin, health: new OriginHealth(() => {}, clock) };
  const rules = [{ prefix: 'images/', origin: { origin: images, health }, ...terms }, ...more];
  const instance = world.instance({ origins: createOrigins(usual, rules) });
  for (const key of ['key', 'images/a', 'images/special/b']) {
    origin.set(key, 'usual');
    images.set(key, 'image');
  }
  return { instance, images, events };
}

const entryOf = async (instance: InMemoryInstance, name: string) => {
  const answer = await instance.read(name);
  return answer.kind === 'hit' ? answer.entry : expect.unreachable(answer.kind);
};

describe('the origin', () => {
  it('is that of the longest prefix, or else the default one', async ({ world }) => {
    const { instance } = start(world, [{ prefix: 'images/special/' }]);
    const answers = await instance.readMany(['key', 'images/a', 'images/special/b', 'imagesx']);
    expect(answers.map(told)).toEqual(['loaded usual', 'loaded image', 'loaded usual', 'miss']);
  });

  it('that there is none for a key makes it a miss, as without any', async ({ world }) => {
    const health = new OriginHealth(() => {}, world.clock);
    const own = { prefix: 'own/', origin: { origin: world.origin, health } };
    const origins = createOrigins(undefined, [own, { prefix: 'own/not/', ttlSeconds: 5 }]);
    const instance = world.instance({ origins });
    world.origin.set('own/not/a', 'value');
    expect(await instance.read('own/not/a')).toEqual({ kind: 'miss', origin: undefined });
    expect(await instance.read('other')).toEqual({ kind: 'miss', origin: undefined });
    expect(world.origin.loads).toEqual([]);
    instance.connection.fault = 'unavailable';
    expect(told(await instance.read('other'))).toBe('unavailable');
  });

  it('that fails holds up no other, and is reported by itself', async ({ world }) => {
    const { instance, images, events } = start(world);
    images.failing = true;
    for (const key of ['images/a', 'images/b', 'images/c']) {
      expect(told(await instance.read(key))).toBe('origin-failed');
      expect(told(await instance.read(`${key}/../key`))).toBe('origin-failed');
    }
    expect(told(await instance.read('key'))).toBe('loaded usual');
    expect(events).toEqual(['originFailing']);
    images.failing = false;
    expect(told(await instance.read('images/a'))).toBe('loaded image');
    expect(events).toEqual(['originFailing', 'originRecovered']);
    expect(instance.told).toEqual([]);
  });

  it('that hangs keeps no load of another waiting, with Redis or without', async ({ world }) => {
    const { instance, images } = start(world);
    images.delayMs = 30_000;
    const keys = Array.from({ length: 100 }, (_, index) => `images/${index}`);
    const hanging = keys.map(async (key) => instance.read(key));
    await world.clock.advance(100);
    expect(images.loads.length).toBeLessThan(100);
    expect(told(await instance.read('key'))).toBe('loaded usual');
    instance.connection.fault = 'unavailable';
    const bypassing = keys.map(async (key) => instance.read(`${key}x`));
    await world.clock.advance(100);
    expect(told(await instance.read('other'))).toBe('unavailable');
    world.origin.set('other', 'usual');
    expect(told(await instance.read('other'))).toBe('loaded usual');
    await world.clock.advance(2000);
    await Promise.all([...hanging, ...bypassing]);
  });

  it('is asked where Redis cannot be', async ({ world }) => {
    const { instance } = start(world);
    instance.connection.fault = 'unavailable';
    expect(told(await instance.read('images/a'))).toBe('loaded image');
  });
});

describe('the lifetimes of a rule', () => {
  it('hold where the origin does not say, and those of the cache for other keys', async ({ world }) => {
    const { instance, images } = start(world, [], { ttlSeconds: 10, staleSeconds: 5 });
    await instance.readMany(['key', 'images/a']);
    expect((await entryOf(instance, 'key')).freshness?.ttlSeconds).toBe(300);
    expect(await entryOf(instance, 'images/a')).toMatchObject({
      freshness: { ttlSeconds: 10 },
      loaded: { staleWhileRevalidateSeconds: 5, staleIfErrorSeconds: 5 },
    });
    images.set('images/a', 'new');
    images.fields = { 'cache-control': 'max-age=20, stale-while-revalidate=30' };
    await world.clock.advance(11_000);
    await instance.read('images/a');
    await world.clock.advance(100);
    expect(await entryOf(instance, 'images/a')).toMatchObject({
      freshness: { ttlSeconds: 20 },
      loaded: { staleWhileRevalidateSeconds: 30, staleIfErrorSeconds: 5 },
    });
  });

  it('hold over a renewal, and for how long it is remembered that there is nothing', async ({ world }) => {
    const { instance, images } = start(world, [], { ttlSeconds: 1, staleSeconds: 100 });
    await instance.read('images/a');
    await world.clock.advance(2000);
    await instance.read('images/a');
    await world.clock.advance(100);
    expect((await entryOf(instance, 'images/a')).freshness?.ttlSeconds).toBe(1);
    expect(images.bodiesMoved).toBe(1);
    const asked = (): number => images.loads.filter(({ name }) => name === 'images/none').length;
    await instance.read('images/none');
    await instance.read('images/none');
    expect(asked()).toBe(1);
    await world.clock.advance(1001);
    await instance.read('images/none');
    expect(asked()).toBe(2);
  });
});

describe('the tags of a rule', () => {
  it('are added to those of the origin, at first and when it is renewed', async ({ world }) => {
    const { instance, images } = start(world, [], { ttlSeconds: 10, tags: ['images', 'all'] });
    const load = images.load.bind(images);
    images.load = async (...question) => {
      const answer = await load(...question);
      return answer.kind === 'answered' ? { ...answer, tags: ['own', 'all'] } : answer;
    };
    await instance.readMany(['key', 'images/a']);
    expect((await entryOf(instance, 'images/a')).tags).toEqual(['own', 'all', 'images']);
    expect((await entryOf(instance, 'key')).tags).toBeUndefined();
    await world.clock.advance(11_000);
    await instance.read('images/a');
    await world.clock.advance(100);
    const renewed = await entryOf(instance, 'images/a');
    expect(renewed.freshness?.storedAtMs).toBe(world.clock.wallMs() - 100);
    expect(renewed.tags).toEqual(['own', 'all', 'images']);
  });

  it('that do not fit beside those of the origin keep the answer from being stored', async ({ world }) => {
    const { instance, images } = start(world, [], { tags: ['images'] });
    const tags = Array.from({ length: 64 }, (_, index) => `${index}`);
    const load = images.load.bind(images);
    images.load = async (...question) => {
      const answer = await load(...question);
      return answer.kind === 'answered' ? { ...answer, tags } : answer;
    };
    expect(await instance.read('images/a')).toMatchObject({ kind: 'loaded', forwarded: { stored: false } });
  });

  it('come to entries that were stored without them: by the warmup, and with what a listing says', async ({
    world,
  }) => {
    const before = world.instance();
    world.origin.set('images/a', 'image');
    await before.read('images/a');
    const health = new OriginHealth(() => {}, world.clock);
    const rules = [{ prefix: 'images/', tags: ['images'] }];
    const instance = world.instance({ origins: createOrigins({ origin: world.origin, health }, rules) });
    const { signal } = new AbortController();
    const held = await entryOf(instance, 'images/a');
    const request = { held, isChanged: false, isFresh: true, signal };
    expect(await instance.cache.refresh(entryKey('images/a'), request)).toEqual({ kind: 'renewed' });
    expect((await entryOf(instance, 'images/a')).tags).toEqual(['images']);
    expect(world.origin.bodiesMoved).toBe(1);
  });

  it('and its lifetimes are nothing to whoever brings a factory, or writes', async ({ world }) => {
    const rules = [{ prefix: '', ttlSeconds: 5, tags: ['rule'] }];
    const { cache, instance } = publicInstance(world, { settings: { originRules: rules } });
    await cache.getOrSet('made', () => 1, { ttlSeconds: 60 });
    await cache.set('written', 1);
    expect(await entryOf(instance, 'made')).toMatchObject({ freshness: { ttlSeconds: 60 } });
    expect(
      [await entryOf(instance, 'made'), await entryOf(instance, 'written')].map(({ tags }) => tags),
    ).toEqual([undefined, undefined]);
  });
});

it('an error of one origin that concerns one entry is no failure of it', async ({ world }) => {
  const { instance, images, events } = start(world);
  images.answers.set('images/a', () => new AppError('origin-failed', 'Unusable.', { isOfOneEntry: true }));
  expect(told(await instance.read('images/a'))).toBe('origin-failed');
  expect(events).toEqual([]);
});
