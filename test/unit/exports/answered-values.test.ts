// Values of entries in memory: each reader has one of its own, and they count in the memory of the tier.

import { gzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { newEntry, type Entry } from '../../../src/cache/entry.ts';
import { settle } from '../../support/fake-clock.ts';
import { it, type World } from '../../support/in-memory-cache.ts';
import { publicInstance, type PublicInstance } from '../../support/in-memory-public-cache.ts';

const value = { list: [1, 2.5, { text: 'ü' }], none: null };
const never = (): never => expect.unreachable();
const ttl = { ttlSeconds: 3600 };

function start(world: World, memory = {}): PublicInstance & { usedBytes(): number } {
  const made = publicInstance(world, { memory });
  return { ...made, usedBytes: () => made.instance.store?.usedBytes ?? 0 };
}

/** Reads of a key that is written: by then it is in memory. */
async function readTwice({ cache }: PublicInstance, key = 'key'): Promise<void> {
  for (let read = 0; read < 2; read += 1) {
    await cache.getOrSet(key, never, ttl);
    await settle();
  }
}

describe('a value in memory', () => {
  it('is equal for all readers, and each may change its own', async ({ world }) => {
    const shop = start(world);
    await shop.cache.set('key', value);
    await readTwice(shop);
    for (let read = 0; read < 4; read += 1) {
      const found = await shop.cache.get<typeof value>('key');
      const own = await shop.cache.getOrSet('key', (): typeof value => never(), ttl);
      expect([found, own]).toMatchObject([{ kind: 'hit', value }, value]);
      own.list.length = 0;
      own.none = 1 as never;
      if (found.kind === 'hit') found.value.list.push(3);
    }
  });

  it('counts from its second read on, and goes with its entry', async ({ world }) => {
    const shop = start(world);
    await shop.cache.set('key', value);
    await readTwice(shop);
    const counted: number[] = [];
    for (let read = 0; read < 4; read += 1) {
      counted.push(shop.usedBytes());
      await shop.cache.getOrSet('key', never, ttl);
    }
    const [before = 0, first, second = 0, third] = counted;
    expect([first, third]).toEqual([before, second]);
    expect(second - before).toBeGreaterThan(200);
    expect(second - before).toBeLessThan(500);
    const other: object = { other: 1 };
    await shop.cache.set('key', other);
    expect(shop.usedBytes()).toBe(0);
    await readTwice(shop);
    for (let read = 0; read < 4; read += 1) {
      expect(await shop.cache.getOrSet('key', never, ttl)).toEqual(other);
    }
    await shop.cache.delete('key');
    expect(shop.usedBytes()).toBe(0);
  });

  it('that is told to be changed by others is not kept any longer', async ({ world }) => {
    const [shop, other] = [start(world), start(world)];
    await shop.cache.set('key', 'old');
    await readTwice(shop);
    for (let read = 0; read < 4; read += 1) await shop.cache.getOrSet('key', never, ttl);
    await other.cache.set('key', 'new');
    expect(await shop.cache.getOrSet('key', never, ttl)).toBe('new');
  });

  it.for([
    ['more than a quarter of the memory', 2 ** 15],
    ['a part of it', 2 ** 20],
  ] as const)('that takes %s is parsed each time or kept, and right', async ([, maxBytes], { world }) => {
    const shop = start(world, { maxBytes });
    const many = Array.from({ length: 400 }, (_, index) => ({ index }));
    await shop.cache.set('key', many);
    await readTwice(shop);
    const before = shop.usedBytes();
    expect(before).toBeGreaterThan(4000);
    for (let read = 0; read < 3; read += 1) {
      expect(await shop.cache.getOrSet('key', never, ttl)).toEqual(many);
    }
    expect(shop.usedBytes() > before).toBe(maxBytes === 2 ** 20);
    expect(shop.usedBytes()).toBeLessThanOrEqual(maxBytes);
  });

  it('of bytes and text is no JSON: it counts no more than its entry', async ({ world }) => {
    const shop = start(world);
    const { instance, cache } = shop;
    const bytes = Buffer.from('bytes');
    await cache.set('key', bytes);
    await instance.write('text', 'text');
    await readTwice(shop);
    await readTwice(shop, 'text');
    const before = shop.usedBytes();
    for (let read = 0; read < 3; read += 1) {
      const own = await cache.getOrSet('key', (): Buffer => never(), ttl);
      expect(own).toEqual(bytes);
      own.fill(0);
      expect(await cache.getOrSet('text', never, ttl)).toBe('text');
    }
    expect(shop.usedBytes()).toBe(before);
  });

  it.for([700, 20_000])(
    'whose entry is compressed (%i bytes) is decompressed twice',
    async (length, { world }) => {
      const shop = start(world);
      const body = Buffer.from(JSON.stringify('x'.repeat(length)));
      const plain = newEntry(body, 'application/json', world.clock.wallMs(), 3600);
      const entry: Entry = { ...plain, body: gzipSync(body), isGzipped: true };
      const always = { kind: 'none', etags: [] } as const;
      await shop.instance.tier.write('key', entry, always, world.clock.nowMs() + 1000);
      await readTwice(shop);
      const before = shop.usedBytes();
      for (let read = 0; read < 4; read += 1) {
        expect(await shop.cache.getOrSet('key', never, ttl)).toBe('x'.repeat(length));
      }
      expect(shop.usedBytes() - before).toBeGreaterThan(length);
    },
  );

  it('is counted once, however many wait for its decompression', async ({ world }) => {
    const shop = start(world);
    const body = Buffer.from(JSON.stringify({ text: 'x'.repeat(20_000) }));
    const plain = newEntry(body, 'application/json', world.clock.wallMs(), 3600);
    const entry: Entry = { ...plain, body: gzipSync(body), isGzipped: true };
    const always = { kind: 'none', etags: [] } as const;
    await shop.instance.tier.write('key', entry, always, world.clock.nowMs() + 1000);
    await readTwice(shop);
    await shop.cache.getOrSet('key', never, ttl);
    const before = shop.usedBytes();
    const found = await Promise.all(
      Array.from({ length: 20 }, async () => shop.cache.getOrSet('key', (): object => never(), ttl)),
    );
    expect(new Set(found).size).toBe(20);
    expect(shop.usedBytes() - before).toBeGreaterThan(20_000);
    expect(shop.usedBytes() - before).toBeLessThan(21_000);
  });
});
