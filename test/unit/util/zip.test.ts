import { expect, it } from 'vitest';
import { ReadThrough } from '../../../src/cache/read-through.ts';
import type { EntryStore } from '../../../src/cache/store.ts';
import { zip } from '../../../src/util/zip.ts';
import { FakeClock } from '../../support/fake-clock.ts';

it('pairs two lists, and refuses one that is too short or too long', () => {
  expect(zip(['a', 'b'], [1, 2])).toEqual([
    ['a', 1],
    ['b', 2],
  ]);
  expect(() => zip(['a', 'b'], [1])).toThrow('Expected 2 results and got 1.');
  expect(() => zip(['a'], [1, 2])).toThrow(TypeError);
});

it('a result that is missing from a batch is a bug that surfaces, never a miss', async () => {
  const store: Pick<EntryStore, 'readMany'> = { readMany: async () => [{ kind: 'miss' }] };
  const readThrough = new ReadThrough({
    store: store as EntryStore,
    loader: undefined,
    clientsWrite: true,
    clock: new FakeClock(),
    random: () => 0,
  });
  const keys = ['a', 'b'].map((name) => ({ name, redisKey: name }));
  await expect(readThrough.readMany(keys, 1)).rejects.toThrow('Expected 2 results and got 1.');
});
