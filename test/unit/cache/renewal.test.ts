// Renewals in the background: when they begin, what they leave alone, and what becomes of them.

import { describe, expect } from 'vitest';
import {
  filledInstance,
  it,
  told,
  type InMemoryInstance,
  type World,
} from '../../support/in-memory-cache.ts';

/** An entry that lives for 10 s, and may be served stale for a minute. */
const filled = (world: World, options?: object): Promise<InMemoryInstance> =>
  filledInstance(world, 'old', 'max-age=10', options);

describe('a renewal', () => {
  it('begins before the end of the lifetime, the earlier the longer a load takes', async ({ world }) => {
    world.origin.delayMs = 1000;
    const instance = world.instance({ random: () => 0.9 });
    world.origin.set('key', 'old');
    world.origin.fields = { 'cache-control': 'max-age=10' };
    await world.after(1000, instance.read('key'));
    // 0.9 cuts the lifetime to 9.1 s, and a load of 1 s is then due 2.3 s before its end.
    await world.clock.advance(6700);
    expect(told(await instance.read('key'))).toBe('hit old');
    expect(world.origin.loads).toHaveLength(1);
    await world.clock.advance(200);
    expect(told(await instance.read('key'))).toBe('hit old');
    await world.clock.advance(1);
    expect(world.origin.loads).toHaveLength(2);
  });

  it('that comes to nothing for a bug is nobody’s request: the entry is served on', async ({ world }) => {
    const instance = await filled(world);
    await world.clock.advance(10_001);
    world.origin.answers.set('key', () => new TypeError('a bug'));
    expect(told(await instance.read('key'))).toBe('stale old');
    await world.clock.advance(100);
    expect(told(await instance.read('key'))).toBe('stale old');
  });

  it('leaves alone what a client writes meanwhile', async ({ world }) => {
    const instance = await filled(world);
    await world.clock.advance(10_001);
    world.origin.set('key', 'new');
    world.origin.delayMs = 500;
    await instance.read('key');
    await world.clock.advance(1);
    await instance.write('key', 'mine');
    await world.clock.advance(500);
    expect(told(await instance.read('key'))).toBe('hit mine');
    await world.clock.advance(10_000);
    expect(world.origin.loads).toHaveLength(2);
  });

  it('that finds Redis gone leaves the entry as it is', async ({ world }) => {
    const instance = await filled(world);
    await world.clock.advance(10_001);
    instance.connection.hold();
    const reading = instance.read('key');
    instance.connection.step();
    expect(told(await reading)).toBe('stale old');
    instance.connection.fault = 'unavailable';
    await world.clock.advance(2000);
    instance.connection.fault = 'none';
    instance.connection.release();
    await world.clock.advance(2000);
    expect(world.origin.loads).toHaveLength(1);
  });

  it('keeps a hot key loaded once a lifetime, and no read waits for the origin after the first', async ({
    world,
  }) => {
    const random = { state: 1 };
    const next = (): number => (random.state = (random.state * 16_807) % 2_147_483_647) / 2_147_483_647;
    const instances = world.instances(3, { random: next });
    world.origin.set('key', 'value');
    world.origin.fields = { 'cache-control': 'max-age=10' };
    world.origin.delayMs = 100;
    await world.after(100, instances[0]?.read('key') ?? expect.unreachable());
    const kinds = new Set<string>();
    for (let reads = 0; reads < 1500; reads += 1) {
      const instance = instances[reads % 3] ?? expect.unreachable();
      kinds.add(told(await instance.read('key')));
      await world.clock.advance(20);
    }
    expect([...kinds].filter((kind) => !['hit value', 'stale value'].includes(kind))).toEqual([]);
    // Three lifetimes, each cut by up to a tenth, and a renewal begins before it ends.
    expect(world.origin.loads.length).toBeGreaterThanOrEqual(4);
    expect(world.origin.loads.length).toBeLessThanOrEqual(6);
    expect(world.origin.bodiesMoved).toBe(1);
  });
});
