// What is in the memory of a process is served from there while it is known to be true, and at no other time.

import { describe, expect } from 'vitest';
import type { CacheAnswer } from '../../../src/cache/answer.ts';
import type { MemoryStoreOptions } from '../../../src/cache/memory-store.ts';
import { answeredReads } from '../../../src/telemetry/measures.ts';
import { settle } from '../../support/fake-clock.ts';
import { entryKey, it, told, type InMemoryInstance, type World } from '../../support/in-memory-cache.ts';

const fromOf = (answer: CacheAnswer): string =>
  `${told(answer)} ${answer.kind === 'hit' && answer.from === 'memory' ? 'from memory' : 'from Redis'}`;
const inMemory = 'hit value from memory';
const inRedis = 'hit value from Redis';

/** An instance without an origin that has `value` under the key `key` in memory. */
async function filled(world: World, memory: Partial<MemoryStoreOptions> = {}): Promise<InMemoryInstance> {
  const instance = world.instance({ memory, origin: undefined });
  await instance.write('key', 'value');
  await read(instance);
  await read(instance);
  expect(await read(instance)).toBe(inMemory);
  return instance;
}

async function read(instance: InMemoryInstance, name = 'key'): Promise<string> {
  const answer = fromOf(await instance.read(name));
  await settle();
  return answer;
}

describe('a copy', () => {
  it('that is not there yet is made once, and who names a key twice gets two values', async ({ world }) => {
    const instance = world.instance({ memory: {}, origin: undefined });
    await instance.write('key', 'value');
    const [one, other] = await instance.readMany(['key', 'key']);
    if (one?.kind !== 'hit' || other?.kind !== 'hit') return expect.unreachable();
    expect([fromOf(one), fromOf(other)]).toEqual([inRedis, inRedis]);
    expect(one.entry.body).not.toBe(other.entry.body);
  });

  it('is made of what is read a second time, and answers at once', async ({ world }) => {
    const instance = world.instance({ memory: {}, origin: undefined });
    await instance.write('key', 'value');
    expect([await read(instance), await read(instance)]).toEqual([inRedis, inRedis]);
    const before = instance.connection.commands;
    const answer = instance.cache.read(entryKey('key'), world.clock.nowMs() + 2000);
    expect(answer).toMatchObject({ kind: 'hit', stale: false, from: 'memory' });
    expect(instance.connection.commands).toBe(before);
    expect(answeredReads(instance.measures)).toBe(3);
  });

  it('is gone when another instance changes or removes the key, or Redis loses all', async ({ world }) => {
    const [instance, other] = [await filled(world), world.instance({ origin: undefined })];
    for (const change of [
      async () => other.write('key', 'other'),
      async () => other.remove('key'),
      async () => world.server.restart(),
    ]) {
      await change();
      const before = instance.connection.commands;
      await read(instance);
      expect(instance.connection.commands).toBeGreaterThan(before);
      await instance.write('key', 'value');
      await read(instance);
      await read(instance);
      expect(await read(instance)).toBe(inMemory);
    }
  });

  it('is not made where the key changes while it is read', async ({ world }) => {
    const instance = world.instance({ memory: {}, origin: undefined });
    const other = world.instance({ origin: undefined });
    await instance.write('key', 'value');
    await read(instance);
    instance.connection.hold();
    const reading = read(instance);
    await settle();
    // The read, and how long Redis keeps the key.
    instance.connection.step();
    instance.connection.step();
    await other.write('key', 'other');
    instance.connection.release();
    expect(await reading).toBe(inRedis);
    expect(await read(instance)).toBe('hit other from Redis');
    expect(await read(instance)).toBe('hit other from memory');
  });

  it('is not made while a change by this instance is on its way, and one’s own write is seen', async ({
    world,
  }) => {
    // It hears of nothing: what is seen is not what Redis says.
    const instance = await filled(world);
    instance.tracking.isHeard = false;
    instance.connection.hold();
    const writing = instance.write('key', 'mine');
    const reading = read(instance);
    await settle();
    // The read comes before the write.
    while (instance.connection.held > 1) instance.connection.step(1);
    await settle();
    instance.connection.release();
    await Promise.all([writing, reading]);
    expect(await read(instance)).toBe('hit mine from Redis');
  });

  it('ends when Redis no longer has it, though nobody says so', async ({ world }) => {
    const instance = world.instance({ memory: {}, origin: undefined });
    instance.tracking.tracker.answered(Number.POSITIVE_INFINITY);
    world.server.set('key', 'value', 5000);
    await read(instance);
    await read(instance);
    await world.clock.advance(4999);
    expect(await read(instance)).toBe(inMemory);
    await world.clock.advance(2);
    expect(await read(instance)).toBe('miss from Redis');
  });

  it('has bytes of its own: who gets those of Redis may change them', async ({ world }) => {
    const instance = world.instance({ memory: {}, origin: undefined });
    await instance.write('key', 'value');
    await read(instance);
    const answer = await instance.read('key');
    if (answer.kind === 'hit') answer.entry.body.fill('x');
    expect(await read(instance)).toBe(inMemory);
  });

  it('is due, stale and renewed as from Redis', async ({ world }) => {
    const instance = world.instance({ memory: {} });
    instance.tracking.tracker.answered(Number.POSITIVE_INFINITY);
    world.origin.set('key', 'value');
    world.origin.fields = { 'cache-control': 'max-age=10, stale-while-revalidate=20' };
    for (const expected of ['loaded value from Redis', inRedis, inRedis, inMemory])
      expect(await read(instance)).toBe(expected);
    await world.clock.advance(11_000);
    world.origin.set('key', 'newer');
    expect(await read(instance)).toBe('stale value from memory');
    await world.clock.advance(1000);
    expect(await read(instance)).toBe('hit newer from Redis');
  });
});

describe('only while it is known to be true', () => {
  it('for 2 s after the connection was last heard from, which is asked once a second', async ({ world }) => {
    const instance = await filled(world);
    await world.clock.advance(1001);
    expect([await read(instance), instance.tracking.pings]).toEqual([inMemory, 1]);
    await world.clock.advance(1900);
    expect([await read(instance), instance.tracking.pings]).toEqual([inMemory, 2]);
    instance.tracking.isHeard = false;
    await world.clock.advance(2000);
    expect(await read(instance)).toBe(inMemory);
    await world.clock.advance(1);
    expect(await read(instance)).toBe(inRedis);
  });

  it('not where another connection has taken the place of its own', async ({ world }) => {
    const instance = await filled(world);
    instance.tracking.reconnect();
    expect(await read(instance)).toBe(inRedis);
    expect(await read(instance)).toBe(inMemory);
  });

  it('not where another node serves its slot', async ({ world }) => {
    const instance = await filled(world);
    instance.tracking.serving = () => undefined;
    expect(await read(instance)).toBe(inRedis);
  });

  it('not where the process stood still', async ({ world }) => {
    const loop = { isCurrent: () => loop.is, is: true, stop() {} };
    const instance = await filled(world, { loop });
    loop.is = false;
    expect(await read(instance)).toBe(inRedis);
  });

  it('and what is said of one connection concerns no other', async ({ world }) => {
    const instance = await filled(world);
    const before = instance.tracking.tracker;
    instance.tracking.reconnect();
    await read(instance);
    instance.tracking.tell(undefined, before);
    expect(await read(instance)).toBe(inMemory);
    instance.tracking.tell(undefined);
    expect(await read(instance)).toBe(inRedis);
  });
});

describe('where Redis has agreed to say which keys change', () => {
  it('and does not, nothing comes from memory', async ({ world }) => {
    const instance = world.instance({ memory: {}, origin: undefined });
    instance.tracking.isTelling = false;
    instance.tracking.reconnect();
    await instance.write('key', 'value');
    for (let seconds = 0; seconds < 10; seconds += 1) {
      expect(await read(instance)).toBe(inRedis);
      await world.clock.advance(1000);
    }
    expect(instance.tracking.tracker.isTracking).toBe(false);
  });

  it('and does so no more, nothing from memory is older than a minute', async ({ world }) => {
    const [instance, other] = [await filled(world), world.instance({ origin: undefined })];
    instance.tracking.isTelling = false;
    await other.write('key', 'other');
    const changedAtMs = world.clock.nowMs();
    while ((await read(instance)) === inMemory) await world.clock.advance(500);
    expect(world.clock.nowMs() - changedAtMs).toBeLessThan(63_000);
    expect(await read(instance)).toBe('hit other from Redis');
  });

  it('but not for a while, what it was told nothing of is read anew', async ({ world }) => {
    const [instance, other] = [await filled(world), world.instance({ origin: undefined })];
    instance.tracking.isTelling = false;
    await other.write('key', 'other');
    for (let seconds = 0; seconds < 61; seconds += 1) {
      await world.clock.advance(1000);
      await read(instance);
    }
    instance.tracking.isTelling = true;
    for (let seconds = 0; seconds < 3; seconds += 1) {
      await world.clock.advance(1000);
      await read(instance);
    }
    expect(await read(instance)).toBe('hit other from memory');
  });
});

describe('where Redis does not say which keys change', () => {
  it('nothing is kept, unless an age is allowed', async ({ world }) => {
    const none = world.instance({ memory: {}, origin: undefined });
    const some = world.instance({ memory: { maxAgeMs: 3000 }, origin: undefined });
    for (const instance of [none, some]) {
      instance.tracking.isTracking = false;
      instance.tracking.reconnect();
      await instance.write('key', 'value');
    }
    for (const instance of [none, some]) {
      await read(instance);
      await read(instance);
    }
    expect([await read(none), await read(some)]).toEqual([inRedis, inMemory]);
    await none.write('key', 'newer');
    await world.clock.advance(2999);
    expect(await read(some)).toBe(inMemory);
    await world.clock.advance(1);
    expect(await read(some)).toBe('hit newer from Redis');
    await some.write('key', 'mine');
    expect(await read(some)).toBe('hit mine from Redis');
  });
});

describe('what is kept', () => {
  it('is the most recently read, within the limit, and no value that would drive out the others', async ({
    world,
  }) => {
    const maxBytes = 100_000;
    const instance = world.instance({ memory: { maxBytes }, origin: undefined });
    const text = 'x'.repeat(9000);
    const names = Array.from({ length: 20 }, (_, index) => `key-${index}`);
    for (const name of [...names, 'large']) {
      await instance.write(name, name === 'large' ? 'x'.repeat(26_000) : text);
      await read(instance, name);
      await read(instance, name);
    }
    expect(instance.store?.usedBytes).toBeLessThanOrEqual(maxBytes);
    expect(instance.store?.usedBytes).toBeGreaterThan(maxBytes * 0.8);
    expect(await read(instance, 'large')).toBe(`hit ${'x'.repeat(26_000)} from Redis`);
    expect(await read(instance, 'key-19')).toContain('memory');
    expect(await read(instance, 'key-0')).toContain('Redis');
  });

  it('is not what is read once, however much that is', async ({ world }) => {
    const instance = await filled(world, { maxBytes: 100_000 });
    for (let index = 0; index < 500; index += 1) {
      await instance.write(`crawled-${index}`, 'x'.repeat(1000));
      await instance.read(`crawled-${index}`);
    }
    expect(await read(instance)).toBe(inMemory);
  });

  it('is no value of another type, none of a newer app, none that is damaged and none that is too large', async ({
    world,
  }) => {
    const instance = world.instance({
      memory: { readBefore: { has: () => true, add() {} } },
      origin: undefined,
    });
    world.server.set('other', 'other');
    world.server.set('large', Buffer.alloc(2 ** 20 + 1));
    for (const [name, kind] of [
      ['other', 'wrong-type'],
      ['large', 'stored-value-too-large'],
      ['none', 'miss'],
    ] as const) {
      for (let times = 0; times < 3; times += 1) expect((await instance.read(name)).kind).toBe(kind);
    }
    expect(instance.store?.usedBytes).toBe(0);
  });
});

describe('a batch', () => {
  it('asks Redis for what is not in memory alone, in one go', async ({ world }) => {
    const instance = await filled(world);
    await instance.write('another', 'another');
    const before = instance.connection.commands;
    const answers = await instance.readMany(['none', 'key', 'another']);
    expect(answers.map(fromOf)).toEqual(['miss from Redis', inMemory, 'hit another from Redis']);
    expect(instance.connection.commands).toBe(before + 2);
    expect((await instance.readMany(['key', 'key'])).map(fromOf)).toEqual([inMemory, inMemory]);
    expect(instance.connection.commands).toBe(before + 2);
  });
});
