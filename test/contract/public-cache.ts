// The public cache on a real Redis; what needs none has unit tests by a clock of their own.

import { expect, it } from 'vitest';
import type { CacheKind } from '../support/caches.ts';
import { publicCaches } from '../support/public-caches.ts';

const values = { object: { a: [1, null, 'ü', { b: true }] }, text: 'text', zero: 0, no: false, null: null };

export function publicCacheSuite(kind: CacheKind): void {
  const begin = publicCaches(kind);

  it('gives back what was set: any JSON, and bytes as they are', async () => {
    const cache = await begin().start();
    expect(await cache.get('absent')).toEqual({ kind: 'miss' });
    for (const [name, value] of Object.entries(values)) {
      const written = await cache.set(`value:${name}`, value, { ttlSeconds: 60 });
      expect(written).toEqual({ kind: 'created', etag: expect.any(String) });
      expect(await cache.get(`value:${name}`)).toMatchObject({
        kind: 'hit',
        value,
        stale: false,
        contentType: 'application/json',
      });
    }
    const bytes = Buffer.from([0, 255, 1]);
    await cache.set('value:bytes', bytes);
    expect(await cache.get('value:bytes')).toMatchObject({
      value: bytes,
      contentType: 'application/octet-stream',
    });
    const names = ['value:object', 'absent', 'value:bytes'];
    expect(
      (await cache.getMany(names)).map((found) => (found.kind === 'hit' ? found.value : found.kind)),
    ).toEqual([values.object, 'miss', bytes]);
    expect(await cache.delete('value:text')).toEqual({ kind: 'deleted' });
    expect(await cache.delete('value:text')).toEqual({ kind: 'absent' });
  });

  it('writes under a condition', async () => {
    const cache = await begin().start();
    const first = await cache.set('condition', 1, { condition: 'absent' });
    expect(first.kind).toBe('created');
    expect(await cache.set('condition', 2, { condition: 'absent' })).toEqual({ kind: 'precondition-failed' });
    const { etag } = first as { readonly etag: string };
    expect(await cache.set('condition', 2, { condition: { etag } })).toMatchObject({ kind: 'replaced' });
    expect(await cache.delete('condition', { condition: { etag } })).toEqual({ kind: 'precondition-failed' });
    expect(await cache.delete('condition', { condition: 'present' })).toEqual({ kind: 'deleted' });
  });

  it('loads once, for 1,000 callers of 3 instances', async () => {
    // A Redis that has no time to answer is another test's matter: then each would load.
    const caches = await begin().startMany(3, { timeoutMs: 60_000 });
    let loads = 0;
    const load = async (): Promise<{ readonly load: number }> => {
      loads += 1;
      const mine = loads;
      await new Promise((resolve) => setTimeout(resolve, 150));
      return { load: mine };
    };
    const answers = await Promise.all(
      Array.from({ length: 1000 }, async (_, index) =>
        caches[index % 3]?.getOrSet('once', load, { ttlSeconds: 60 }),
      ),
    );
    expect(loads).toBe(1);
    expect(new Set(answers).size).toBe(1000);
    expect(answers.every((answer) => answer?.load === 1)).toBe(true);
  });

  it('asks the factory where Redis is silent, and has no error and no miss then', async () => {
    const caches = begin();
    const { stack } = caches;
    const cache = await caches.start({ timeoutMs: 600 });
    await cache.set('outage', 'old');
    stack.front.setBehaviour('stall');
    const answers = await Promise.all(
      Array.from({ length: 200 }, async (_, index) =>
        cache.getOrSet(`outage-${index % 20}`, async () => Promise.resolve(index % 20), { ttlSeconds: 60 }),
      ),
    );
    expect(answers.map((answer, index) => answer === index % 20)).not.toContain(false);
    expect(await cache.get('outage')).toMatchObject({ kind: 'unavailable' });
    expect(await cache.set('outage', 'new')).toMatchObject({ kind: 'unavailable' });
    stack.front.setBehaviour('normal');
    await expect.poll(async () => (await cache.get('outage-0')).kind, { timeout: 30_000 }).toBe('miss');
  });
}
