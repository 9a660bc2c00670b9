// While Redis cannot be asked, what is in memory is served as what it is: perhaps no longer true.

import { expect } from 'vitest';
import { entryKey, it, told, type InMemoryInstance, type World } from '../../support/in-memory-cache.ts';

const outage = { stale: true, despite: 'cache-unavailable', from: 'memory' };

/** An instance that has `value` of the origin under the key `key` in memory. */
async function filled(world: World, cacheControl: string): Promise<InMemoryInstance> {
  const instance = world.instance({ memory: {} });
  world.origin.set('key', 'value');
  world.origin.fields = { 'cache-control': cacheControl };
  for (let times = 0; times < 3; times += 1) await world.after(1, instance.read('key'));
  return instance;
}

function lose({ connection, tracking }: InMemoryInstance): void {
  connection.fault = 'unavailable';
  tracking.tracker.end();
}

it('a copy stands in, marked stale, until its stale time is over', async ({ world }) => {
  const instance = await filled(world, 'max-age=10, stale-if-error=20');
  expect(await instance.read('key')).toMatchObject({ kind: 'hit', stale: false, from: 'memory' });
  lose(instance);
  const loads = world.origin.loads.length;
  expect(await instance.read('key')).toMatchObject({ kind: 'hit', ...outage });
  expect((await instance.readMany(['key']))[0]).toMatchObject({ kind: 'hit', ...outage });
  await world.clock.advance(28_000);
  expect(await instance.read('key')).toMatchObject({ kind: 'hit', ...outage });
  expect(world.origin.loads).toHaveLength(loads);
  await world.clock.advance(2001);
  expect(told(await instance.read('key'))).toBe('loaded value');
});

it('not where the origin forbids it', async ({ world }) => {
  const instance = await filled(world, 'max-age=10, must-revalidate');
  expect(await instance.read('key')).toMatchObject({ kind: 'hit', stale: false, from: 'memory' });
  lose(instance);
  expect(told(await instance.read('key'))).toBe('loaded value');
});

it('what a client wrote stands in until its lifetime is over, and what has none does not', async ({
  world,
}) => {
  const instance = world.instance({ memory: {}, origin: undefined });
  await instance.write('key', 'value');
  world.server.set('foreign', 'value');
  for (let times = 0; times < 3; times += 1) {
    await instance.read('key');
    expect((await instance.read('foreign')).kind).toBe('hit');
  }
  lose(instance);
  expect(await instance.read('key')).toMatchObject({ kind: 'hit', ...outage });
  expect((await instance.read('foreign')).kind).toBe('unavailable');
  await world.clock.advance(3_600_001);
  expect((await instance.read('key')).kind).toBe('unavailable');
});

it('not what was read on a connection before the last one', async ({ world }) => {
  const instance = await filled(world, 'max-age=10, stale-if-error=20');
  instance.tracking.reconnect();
  lose(instance);
  expect(told(await instance.read('key'))).toBe('loaded value');
});

it('no load takes a copy for what Redis has', async ({ world }) => {
  const instance = await filled(world, 'max-age=10, stale-if-error=20');
  lose(instance);
  const result = await instance.tier.read('key', world.clock.nowMs() + 1000);
  expect(result).toMatchObject({ kind: 'unavailable', unconfirmed: { etag: expect.any(String) as string } });
});

it('its bytes are counted', async ({ world }) => {
  const instance = await filled(world, 'max-age=10, stale-if-error=20');
  lose(instance);
  const charge = instance.budget.open();
  await instance.cache.read(entryKey('key'), world.clock.nowMs() + 1000, { charge });
  expect(instance.budget.usedBytes).toBeGreaterThan(0);
  charge.close();
});
