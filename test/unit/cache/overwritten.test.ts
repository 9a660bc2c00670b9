// What a client writes or removes while an entry is being loaded is newer, and stays.

import { describe, expect } from 'vitest';
import { it, told } from '../../support/in-memory-cache.ts';

describe('while an entry is being loaded', () => {
  it('what a client writes is not overwritten, and its entry is left alone', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', 'from the origin');
    world.origin.delayMs = 300;
    const loading = instance.read('key');
    await world.clock.advance(100);
    expect(await instance.write('key', 'mine')).toEqual({ kind: 'created' });
    expect(await world.after(200, loading)).toMatchObject({ kind: 'loaded', forwarded: { stored: false } });
    expect(told(await instance.read('key'))).toBe('hit mine');
    await world.clock.advance(1000);
    expect(world.origin.loads).toHaveLength(1);
  });

  it('what somebody else writes as a plain string stays, too', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', 'from the origin');
    world.origin.delayMs = 300;
    const loading = instance.read('key');
    await world.clock.advance(100);
    world.server.set('key', 'plain');
    expect(await world.after(200, loading)).toMatchObject({ kind: 'loaded', forwarded: { stored: false } });
    expect(told(await instance.read('key'))).toBe('hit plain');
  });

  it('what is removed does not come back, and who asks after that gets a new load', async ({ world }) => {
    const [first, second] = [world.instance(), world.instance()];
    world.origin.set('key', 'old');
    world.origin.delayMs = 500;
    const loading = first.read('key');
    await world.clock.advance(100);
    world.origin.set('key', 'new');
    world.origin.delayMs = 0;
    expect(await first.remove('key')).toEqual({ kind: 'absent' });
    expect(told(await first.read('key'))).toBe('loaded new');
    expect(await world.after(400, loading)).toMatchObject({ kind: 'loaded', forwarded: { stored: false } });
    expect(told(await second.read('key'))).toBe('hit new');
  });

  it('who asks after a removal of which nobody knows whether it was done gets a new load, too', async ({
    world,
  }) => {
    const instance = world.instance();
    world.origin.set('key', 'old');
    world.origin.delayMs = 500;
    const loading = instance.read('key');
    await world.clock.advance(100);
    world.origin.set('key', 'new');
    world.origin.delayMs = 0;
    instance.connection.fault = 'lost-after';
    expect(await instance.remove('key')).toMatchObject({ kind: 'unavailable', applied: 'unknown' });
    instance.connection.fault = 'none';
    expect(told(await instance.read('key'))).toBe('loaded new');
    await world.after(400, loading);
  });

  it('who asks after a removal that was not done joins the load', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', 'value');
    world.origin.delayMs = 500;
    const loading = instance.read('key');
    await world.clock.advance(100);
    instance.connection.fault = 'unavailable';
    expect(await instance.remove('key')).toMatchObject({ kind: 'unavailable', applied: 'no' });
    instance.connection.fault = 'none';
    const results = await world.after(400, Promise.all([loading, instance.read('key')]));
    expect(results.map(told)).toEqual(['loaded value', 'loaded value']);
    expect(world.origin.loads).toHaveLength(1);
  });

  it('what is removed on another instance does not come back, loaded or renewed', async ({ world }) => {
    const [first, second] = [world.instance({ defaultTtlSeconds: 1 }), world.instance()];
    world.origin.set('key', 'old');
    world.origin.delayMs = 500;
    const loading = first.read('key');
    await world.clock.advance(100);
    expect(await second.remove('key')).toEqual({ kind: 'absent' });
    expect(await world.after(400, loading)).toMatchObject({ kind: 'loaded', forwarded: { stored: false } });
    expect(world.server.has('key')).toBe(false);

    world.origin.delayMs = 0;
    expect(told(await first.read('key'))).toBe('loaded old');
    await world.clock.advance(1001);
    world.origin.set('key', 'renewed');
    world.origin.delayMs = 500;
    expect(told(await first.read('key'))).toBe('stale old');
    await world.clock.advance(100);
    expect(await second.remove('key')).toEqual({ kind: 'removed' });
    await world.clock.advance(1000);
    expect(world.origin.loads).toHaveLength(3);
    expect(world.server.has('key')).toBe(false);
  });

  it('what is removed of a key without a guard does not come back as a renewal', async ({ world }) => {
    const [first, second] = [world.instance({ defaultTtlSeconds: 1 }), world.instance()];
    const key = 'key{a}{b}';
    world.origin.set(key, 'old');
    await first.read(key);
    await world.clock.advance(1001);
    world.origin.set(key, 'renewed');
    world.origin.delayMs = 500;
    expect(told(await first.read(key))).toBe('stale old');
    await world.clock.advance(100);
    expect(await second.remove(key)).toEqual({ kind: 'removed' });
    await world.clock.advance(1000);
    expect(world.server.has(key)).toBe(false);
  });

  it('what has only expired is written all the same', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', 'old');
    world.origin.fields = { 'cache-control': 'max-age=10' };
    await instance.read('key');
    await world.clock.advance(10_001);
    world.origin.set('key', 'new');
    world.origin.delayMs = 500;
    await instance.read('key');
    await world.clock.advance(100);
    world.server.delete('key');
    await world.clock.advance(500);
    expect(told(await instance.read('key'))).toBe('hit new');
  });
});
