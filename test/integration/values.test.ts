// Values that are read in portions while others write them: what is served was stored as it is, always.

import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ByteBudget } from '../../src/util/byte-budget.ts';
import { newEntry } from '../../src/cache/entry.ts';
import { RedisTier } from '../../src/cache/redis-tier.ts';
import type { Stack } from '../../local/stack.ts';
import { adoptStack, startSharedClient, type SharedClient } from '../support/shared-client.ts';
import { loaded as loadedOnce } from '../contract/tier-world.ts';
import { startStack } from '../support/stack.ts';

let stack: Stack;
let client: SharedClient;
let budget: ByteBudget;
let store: RedisTier;
const always = { kind: 'none', etags: [] } as const;
const soon = (): number => performance.timeOrigin + performance.now() + 20_000;

beforeAll(async () => {
  stack = await startStack({ storage: false });
  adoptStack(stack);
  client = startSharedClient(stack);
  await client.connected();
  budget = new ByteBudget(128 * 2 ** 20);
  store = new RedisTier({ redis: client.redis, budget, maxValueBytes: 2 ** 20, emit() {} });
});
afterAll(async () => {
  await client?.[Symbol.asyncDispose]();
  await stack?.stop();
});

/** Each of its bytes says which value it is part of. */
const valueOf = (version: number): Buffer =>
  Buffer.alloc(200_000 + (version % 7) * 90_000, version.toString(36).padStart(8, '.'));

/** Writes version after version, and reads all the while: 150 writes at the least, and more than 10 reads. */
async function readWhileWriting(key: string, write: (version: number) => Promise<unknown>): Promise<void> {
  await write(0);
  const progress = { versions: 0, reads: 0, over: false };
  const writing = (async () => {
    while (!progress.over && (progress.versions < 150 || progress.reads <= 10)) {
      await write((progress.versions += 1));
    }
  })().finally(() => (progress.over = true));
  try {
    while (!progress.over) {
      const result = await store.read(key, soon());
      if (result.kind !== 'hit') return expect.unreachable(`a read is ${result.kind}`);
      const { body } = result.entry;
      const version = Number.parseInt(body.toString('latin1', 0, 8).replaceAll('.', ''), 36);
      expect(body.equals(valueOf(version)), `a mixture that begins with ${version}`).toBe(true);
      progress.reads += 1;
    }
  } finally {
    progress.over = true;
    await writing;
  }
}

describe('a value that is replaced while it is read in portions', () => {
  it('is one of those that were written, never a mixture', async () => {
    await readWhileWriting('written', (version) =>
      store.write('written', newEntry(valueOf(version), 'text/plain', Date.now(), 60), always, soon()),
    );
    expect(budget.usedBytes).toBe(0);
  });

  it('neither where others write it as plain strings', async () => {
    await readWhileWriting('foreign', (version) => stack.redis.admin('SET', 'foreign', valueOf(version)));
    expect(budget.usedBytes).toBe(0);
  });
});

describe('of a stored string', () => {
  it.each([0, 1, 4095, 4096, 4097, 65_536, 73_727, 73_728, 73_729, 200_000, 2 ** 20])(
    '%i bytes come back as they are, and as an entry, too',
    async (bytes) => {
      const body = randomBytes(bytes);
      await stack.redis.admin('SET', 'plain', body);
      await store.write('own', newEntry(body, 'image/png', Date.now(), 60), always, soon());
      for (const results of [
        [await store.read('plain', soon()), await store.read('own', soon())],
        await store.readMany(['plain', 'own'], soon()),
      ]) {
        for (const result of results) {
          expect(result.kind).toBe('hit');
          if (result.kind === 'hit') expect(result.entry.body.equals(body)).toBe(true);
        }
      }
      expect(budget.usedBytes).toBe(0);
    },
  );

  it('a head that is longer than the first portion is read as well', async () => {
    const entry = { ...newEntry(randomBytes(9000), 'text/plain', Date.now(), 60), etag: 'x' };
    const fields = { etag: `"${'v'.repeat(4000)}"` };
    const loaded = { ...loadedOnce, fields };
    await store.write('long-head', { ...entry, loaded }, always, soon());
    // Of so many the first portions are the shortest.
    const others = Array.from({ length: 1100 }, (_, index) => `absent-${index}`);
    const [result] = await store.readMany(['long-head', ...others], soon());
    expect(result).toMatchObject({ kind: 'hit', entry: { etag: 'x', loaded: { fields } } });
    if (result?.kind === 'hit') expect(result.entry.body.equals(entry.body)).toBe(true);
  });

  it('what is not there is a miss, in one round trip where misses are common', async () => {
    expect(await store.read('absent', soon())).toEqual({ kind: 'miss' });
    expect(await store.readMany(['absent', 'absent too'], soon())).toEqual([
      { kind: 'miss' },
      { kind: 'miss' },
    ]);
    for (let reads = 0; reads < 100; reads += 1) await store.read('plain', soon());
    expect(await store.read('absent', soon())).toEqual({ kind: 'miss' });
  });

  it('what does not fit beside what is in memory is refused, and what is owed counts until it has come', async () => {
    const body = randomBytes(2 ** 20);
    await store.write('large', newEntry(body, 'image/png', Date.now(), 60), always, soon());
    await store.write(
      'little',
      newEntry(Buffer.from('little'), 'text/plain', Date.now(), 60),
      always,
      soon(),
    );
    const full = budget.open();
    full.add(budget.totalBytes - 100_000);
    expect(await store.read('large', soon())).toEqual({ kind: 'overloaded' });
    expect((await store.read('little', soon())).kind).toBe('hit');
    full.close();
    stack.front.setBehaviour('stall');
    const stalled = await store.read('large', performance.timeOrigin + performance.now() + 100);
    expect(stalled).toMatchObject({ kind: 'unavailable', error: { code: 'deadline-exceeded' } });
    expect(budget.usedBytes).toBeGreaterThan(0);
    stack.front.setBehaviour('normal');
    stack.front.cutAll();
    await expect.poll(() => budget.usedBytes, { timeout: 30_000 }).toBe(0);
  });
});
