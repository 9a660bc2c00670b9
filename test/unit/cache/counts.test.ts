// What is counted beside reads: loads, their bytes and times, changes, and what memory gives up.

import { expect } from 'vitest';
import { filledInstance, it, type InMemoryInstance } from '../../support/in-memory-cache.ts';

/** Those that are not zero. */
function counted({ measures }: InMemoryInstance): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(measures.events).filter(([, count]) => count > 0));
}

it('loads are counted with their bytes and times, whether they succeed or not', async ({ world }) => {
  const instance = world.instance();
  world.origin.set('key', 'value');
  world.origin.delayMs = 30;
  await world.after(100, instance.read('key'));
  await world.after(100, instance.read('none'));
  world.origin.failing = true;
  await world.after(100, instance.read('other'));
  expect(counted(instance)).toEqual({ loads: 3, loadsFailed: 1, loadedBytes: 5 });
  const { origin, lockWait } = instance.measures.latencies;
  expect([origin.count, lockWait.count]).toEqual([3, 3]);
  expect(origin.sumMs).toBe(90);
});

it('a load that another instance makes is counted there, and waited for here', async ({ world }) => {
  const [first, second] = [world.instance(), world.instance()];
  world.origin.set('key', 'value');
  world.origin.delayMs = 300;
  await world.after(1000, Promise.all([first.read('key'), second.read('key')]));
  expect([counted(first), counted(second)]).toEqual([{ loads: 1, loadedBytes: 5 }, {}]);
  expect([first.measures.reads.loaded, second.measures.reads.collapsed]).toEqual([1, 1]);
  expect(second.measures.latencies.lockWait.sumMs).toBeGreaterThanOrEqual(300);
});

it('a renewal is a load, and counted as both', async ({ world }) => {
  const instance = await filledInstance(world, 'value', 'max-age=1, stale-while-revalidate=60');
  await world.clock.advance(1500);
  await instance.read('key');
  await world.clock.advance(10);
  expect(counted(instance)).toMatchObject({ loads: 2, renewals: 1 });
});

it('a load that is ended from here is no failure of the origin', async ({ world }) => {
  const instance = world.instance();
  world.origin.delayMs = 60_000;
  const reading = instance.read('key');
  await world.clock.advance(50);
  const stopping = instance.cache.stop();
  await world.clock.advance(5000);
  await Promise.all([reading, stopping]);
  expect(counted(instance)).toEqual({ loads: 1 });
});

it('changes are counted by what came of them', async ({ world }) => {
  const instance = world.instance();
  await instance.write('key', 'value');
  await instance.write('key', 'another');
  await instance.write('key', 'no', { kind: 'none-match', etags: ['*'] });
  await instance.remove('key');
  await instance.remove('key');
  instance.connection.fault = 'unavailable';
  await instance.write('key', 'value');
  instance.connection.fault = 'none';
  expect(counted(instance)).toEqual({ written: 2, removed: 1, writesFailed: 1 });
});

it('what memory gives up is counted by its reason', async ({ world }) => {
  const [instance, other] = [world.instance({ memory: { maxBytes: 20_000 } }), world.instance()];
  const fill = async (name: string): Promise<void> => {
    await instance.write(name, 'x'.repeat(3000));
    for (let reads = 0; reads < 3; reads += 1) await instance.read(name);
  };
  await fill('key');
  await other.write('key', 'another');
  expect(counted(instance)).toMatchObject({ memoryInvalidations: 1 });
  for (let at = 0; at < 10; at += 1) await fill(`key-${at}`);
  expect(instance.measures.events.memoryEvictions).toBeGreaterThan(0);
  expect(instance.store?.entries).toBe(10 - instance.measures.events.memoryEvictions);
});
