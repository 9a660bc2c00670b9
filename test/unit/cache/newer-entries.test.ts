// What a newer version of the app wrote: asked of the origin for each answer, and left as it is.

import { expect } from 'vitest';
import { newerEntries } from '../../contract/tier-world.ts';
import { it, told } from '../../support/in-memory-cache.ts';

it.for(newerEntries)('an entry %s is loaded for each answer, and stays', async ([, value], { world }) => {
  const instance = world.instance();
  world.server.set('key', value);
  world.origin.set('key', 'value');
  for (let reads = 0; reads < 2; reads += 1) {
    expect(await instance.read('key')).toMatchObject({
      kind: 'loaded',
      forwarded: { why: 'entry-newer', stored: false },
    });
  }
  expect((await instance.readMany(['key'])).map(told)).toEqual(['loaded value']);
  expect(world.origin.loads).toHaveLength(3);
  expect(world.server.get('key')).toEqual(value);
  expect(world.server.keys()).toEqual(['key']);
  expect(instance.told).toEqual(['entryNewer']);
});

it.for(newerEntries)('an entry %s is an outage where nobody else has it', async ([, value], { world }) => {
  const [bare, instance] = [world.instance({ origin: undefined }), world.instance()];
  world.server.set('key', value);
  expect(told(await bare.read('key'))).toBe('entry-newer');
  // The origin has none, and a client may have written it.
  expect(told(await instance.read('key'))).toBe('entry-newer');
  expect(world.server.keys()).toEqual(['key']);
});

it('a load that finds a newer entry once it has its lock stores nothing', async ({ world }) => {
  const instance = world.instance();
  const [[, value]] = newerEntries;
  world.origin.set('key', 'value');
  const read = instance.tier.read.bind(instance.tier);
  instance.tier.read = async (...question) => {
    const result = await read(...question);
    world.server.set('key', value);
    return result;
  };
  expect(await instance.read('key')).toMatchObject({ kind: 'loaded', forwarded: { stored: false } });
  expect(world.server.get('key')).toEqual(value);
});

it('what a newer instance writes during a load stays', async ({ world }) => {
  const instance = world.instance();
  const [[, value]] = newerEntries;
  world.origin.set('key', 'value');
  world.origin.delayMs = 200;
  const reading = instance.read('key');
  await world.clock.advance(100);
  world.server.set('key', value);
  expect(await world.after(100, reading)).toMatchObject({ kind: 'loaded', forwarded: { stored: false } });
  expect(world.server.get('key')).toEqual(value);
});
