// Many keys in one round trip, each with an answer of its own.

import { expect } from 'vitest';
import { answeredReads } from '../../../src/telemetry/measures.ts';
import { entryKey, it, told } from '../../support/in-memory-cache.ts';

it('each key of many has its own answer, in their order', async ({ world }) => {
  const instance = world.instance();
  world.origin.set('stale', 'stale');
  world.origin.fields = { 'cache-control': 'max-age=1' };
  await instance.read('stale');
  world.origin.set('expired', 'expired');
  world.origin.fields = { 'cache-control': 'no-cache' };
  await instance.read('expired');
  world.origin.fields = {};
  await world.clock.advance(1001);
  world.origin.set('loaded', 'loaded');
  world.server.set('list', 'other');
  await instance.write('hit', 'hit');
  await instance.write('large', 'x'.repeat(2_000_000));
  instance.connection.unavailableKeys.add('down').add('down-too');
  world.origin.set('down', 'down');
  const names = ['hit', 'stale', 'expired', 'loaded', 'none', 'list', 'large', 'down', 'down-too'];
  expect((await instance.readMany(names)).map(told)).toEqual([
    'hit hit',
    'stale stale',
    'loaded expired',
    'loaded loaded',
    'miss',
    'wrong-type',
    'stored-value-too-large',
    'loaded down',
    'unavailable',
  ]);
  expect(answeredReads(instance.measures)).toBe(2 + 7);
  const { reads } = instance.measures;
  expect(Object.fromEntries(Object.entries(reads).filter(([, count]) => count > 0))).toEqual({
    redisHit: 1,
    redisStale: 1,
    // Two at first, and `expired` and `loaded`.
    loaded: 4,
    miss: 1,
    refused: 2,
    bypassed: 1,
    unavailable: 1,
  });
});

it('a key that stands there twice is loaded once', async ({ world }) => {
  const instance = world.instance();
  world.origin.set('key', 'value');
  expect((await instance.readMany(['key', 'key'])).map(told)).toEqual(['loaded value', 'loaded value']);
  expect(world.origin.loads).toHaveLength(1);
});

it('one that is slow keeps no other from its answer', async ({ world }) => {
  const instance = world.instance();
  for (const name of ['slow', 'quick']) world.origin.set(name, name);
  world.origin.delaysMs.set('slow', 5000);
  const answers = await world.after(500, instance.readMany(['slow', 'quick', 'none'], 500));
  expect(answers.map(told)).toEqual(['origin-pending', 'loaded quick', 'miss']);
});

it('what is known without bodies loads nothing', async ({ world }) => {
  const instance = world.instance();
  await instance.write('here', 'x');
  const heads = await instance.cache.readHeads(['here', 'none'].map(entryKey), world.clock.nowMs() + 100);
  expect(heads).toMatchObject([{ kind: 'hit', head: { contentType: 'text/plain' } }, { kind: 'miss' }]);
  expect(world.origin.loads).toEqual([]);
});

it('names of entries are checked by the rules of the cache', async ({ world }) => {
  const { cache } = world.instance({ keyRules: { prefix: 'shop:', namespace: 'ref' } });
  expect(cache.keyOf('a')).toEqual({ kind: 'valid', key: { name: 'a', redisKey: 'shop:a' } });
  expect(cache.keyOf('').kind).toBe('invalid');
});
