// Purges on a cluster whose node with the order of purges is away, while those with the entries are not.

import { expect, it } from 'vitest';
import type { ClusterStack } from '../../local/stack.ts';
import { caches } from '../support/caches.ts';
import { eventually } from '../support/eventually.ts';
import { publicCaches } from '../support/public-caches.ts';
import { hearing, read, timeoutMs } from '../support/purging.ts';

const begin = publicCaches(caches.cluster);

it('entries on other nodes are served, what has been purged is not, and purges are refused until it is back', async () => {
  const world = begin();
  const { redis, front } = world.stack as ClusterStack;
  const both = await hearing(await world.startMany(2));
  const [first = expect.unreachable(), second = expect.unreachable()] = both;
  const ordering = await redis.ownerOf('ref:\u001F{purges}:state');
  const names: string[] = [];
  for (let index = 0; names.length < 2; index += 1)
    if ((await redis.ownerOf(`shop:entry${index}`)) !== ordering) names.push(`entry${index}`);
  const [purgedKey = '', keptKey = ''] = names;
  await first.set(purgedKey, 'old', { ttlSeconds: 600, tags: ['gone'] });
  await first.set(keptKey, 'kept', { ttlSeconds: 600, tags: ['later'] });
  const bytes = await redis.adminRaw('GET', `shop:${purgedKey}`);
  if (!Buffer.isBuffer(bytes)) throw new Error('There is no entry.');
  expect(await first.purge({ tags: ['gone'], mode: 'remove' }, { timeoutMs })).toMatchObject({
    acknowledged: 2,
  });
  await redis.admin('SET', `shop:${purgedKey}`, bytes);

  front.node(ordering).setBehaviour('refuse');
  front.node(ordering).cutAll();
  for (let turn = 0; turn < 3; turn += 1) {
    expect(await read(both, keptKey)).toEqual(['kept', 'kept']);
    expect(await read(both, purgedKey)).toEqual(['miss', 'miss']);
    await redis.admin('SET', `shop:${purgedKey}`, bytes);
  }
  expect(await second.purge({ tags: ['later'], mode: 'remove' }, { timeoutMs: 1000 })).toMatchObject({
    kind: 'unavailable',
  });
  // Whatever is left of the old one.
  const { kind } = await first.set(purgedKey, 'new', { ttlSeconds: 600, tags: ['gone'] });
  expect(['created', 'replaced']).toContain(kind);
  expect(await read(both, purgedKey)).toEqual(['new', 'new']);

  front.node(ordering).setBehaviour('normal');
  // Until an instance has a connection to that node again, it goes by what it knew.
  for (const cache of both) {
    await eventually(async () => {
      const purged = await cache.purge({ tags: ['other'] }, { timeoutMs });
      expect(purged).toMatchObject({ kind: 'purged', silent: [] });
    });
  }
  expect(await second.purge({ tags: ['later'], mode: 'remove' }, { timeoutMs })).toMatchObject({
    kind: 'purged',
  });
  expect(await read(both, keptKey)).toEqual(['miss', 'miss']);
  expect(await read(both, purgedKey)).toEqual(['new', 'new']);
});
