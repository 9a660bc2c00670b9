// Where Redis cannot be asked the origin is, for that answer alone; and what Redis does in the middle of a load.

import { describe, expect } from 'vitest';
import { answeredReads } from '../../../src/telemetry/measures.ts';
import { it, told } from '../../support/in-memory-cache.ts';

describe('while Redis is down', () => {
  it('the origin is asked, and the answer says that nothing was stored', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', 'value');
    instance.connection.fault = 'unavailable';
    expect(await instance.read('key')).toMatchObject({
      kind: 'loaded',
      forwarded: { why: 'bypass', status: 200, stored: false, collapsed: false },
    });
    expect(answeredReads(instance.measures)).toBe(0);
    instance.connection.fault = 'none';
    expect(world.server.has('key')).toBe(false);
  });

  it('loads are bounded, and one is enough for all who ask for the same', async ({ world }) => {
    const instance = world.instance();
    const names = Array.from({ length: 100 }, (_, index) => `key-${index}`);
    for (const name of names) world.origin.set(name, name);
    world.origin.delayMs = 50;
    instance.connection.fault = 'unavailable';
    const results = await world.after(500, Promise.all(names.map((name) => instance.read(name))));
    expect(results.map(told)).toEqual(names.map((name) => `loaded ${name}`));
    expect(world.origin.peak).toBe(32);
    const same = Array.from({ length: 50 }, () => instance.read('key-0'));
    await world.after(50, Promise.all(same));
    expect(world.origin.loads).toHaveLength(101);
  });

  it('only Redis knows that a key is absent where clients write', async ({ world }) => {
    const instance = world.instance();
    instance.connection.fault = 'unavailable';
    const outage = { kind: 'unavailable', error: { code: 'redis-unavailable' } };
    expect(await instance.read('none')).toMatchObject(outage);
    world.origin.failing = true;
    expect(await instance.read('none')).toMatchObject(outage);
  });

  it('the origin’s word counts where clients cannot write', async ({ world }) => {
    const instance = world.instance({ clientsWrite: false });
    instance.connection.fault = 'unavailable';
    expect(await instance.read('none')).toEqual({ kind: 'miss', origin: 'bypass' });
    world.origin.failing = true;
    expect(told(await instance.read('none'))).toBe('unavailable');
  });

  it('it is an outage where there is no origin', async ({ world }) => {
    const instance = world.instance({ origin: undefined });
    instance.connection.fault = 'unavailable';
    expect(told(await instance.read('key'))).toBe('unavailable');
  });

  it('a load that begins after its turn has come too late is pending', async ({ world }) => {
    const instance = world.instance();
    const names = Array.from({ length: 48 }, (_, index) => `slow-${index}`);
    for (const name of names) world.origin.set(name, name);
    world.origin.delayMs = 10_000;
    instance.connection.fault = 'unavailable';
    const slow = names.map((name) => instance.read(name, 20_000));
    await world.clock.advance(600);
    const more = Array.from({ length: 32 }, (_, index) => instance.read(`more-${index}`, 20_000));
    await world.clock.advance(600);
    const waiting = instance.read('waiting', 3000);
    expect(told(await world.after(3000, waiting))).toBe('unavailable');
    await world.clock.advance(12_000);
    await Promise.all([...slow, ...more]);
    expect(world.origin.loads.map(({ name }) => name)).not.toContain('waiting');
  });
});

describe('when Redis fails', () => {
  it('before the lock, the origin is asked all the same, in time', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', 'value');
    instance.connection.hold();
    const reading = instance.read('key');
    instance.connection.step();
    // A third of the time is Redis's, for the lock.
    expect(await world.after(700, reading)).toMatchObject({
      kind: 'loaded',
      forwarded: { why: 'miss', stored: false },
    });
    instance.connection.release();
    await world.clock.advance(1);
    // Nor is a lock left behind that Redis gave when nobody waited for it any more.
    expect(await instance.read('key')).toMatchObject({ kind: 'loaded', forwarded: { stored: true } });
  });

  it('before the lock, those who have left let go of the load at the origin', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', 'value');
    world.origin.delayMs = 5000;
    instance.connection.hold();
    const reading = instance.read('key', 300);
    instance.connection.step();
    expect(told(await world.after(300, reading))).toBe('origin-pending');
    await world.clock.advance(6000);
    instance.connection.release();
    expect(world.origin.loads).toHaveLength(1);
  });

  it('under the lock, the origin is asked without it', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', 'value');
    instance.connection.hold();
    const reading = instance.read('key');
    instance.connection.step();
    await world.clock.advance(1);
    instance.connection.step();
    instance.connection.fault = 'unavailable';
    expect(await world.after(1, reading)).toMatchObject({ kind: 'loaded', forwarded: { stored: false } });
    instance.connection.fault = 'none';
    instance.connection.release();
    await world.clock.advance(4000);
  });

  it('before the answer is stored, it is not held back, and is stored later', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', 'value');
    world.origin.delayMs = 200;
    const reading = instance.read('key');
    await world.clock.advance(100);
    instance.connection.hold();
    expect(await world.after(400, reading)).toMatchObject({ kind: 'loaded', forwarded: { stored: false } });
    instance.connection.release();
    await world.clock.advance(1);
    expect(told(await instance.read('key'))).toBe('hit value');
    expect(world.origin.loads).toHaveLength(1);
  });

  it('while the answer is stored, nobody can tell whether it was', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', 'value');
    world.origin.delayMs = 200;
    const reading = instance.read('key');
    await world.clock.advance(100);
    instance.connection.fault = 'lost-after';
    expect(await world.after(100, reading)).toMatchObject({ kind: 'loaded', forwarded: { stored: false } });
    instance.connection.fault = 'none';
    expect(told(await instance.read('key'))).toBe('hit value');
  });

  it('while another instance’s load is waited for, the origin is asked', async ({ world }) => {
    const [first, second] = [world.instance(), world.instance()];
    world.origin.set('key', 'value');
    world.origin.delayMs = 1000;
    const loading = first.read('key');
    const waiting = second.read('key');
    await world.clock.advance(100);
    second.connection.fault = 'unavailable';
    world.origin.delayMs = 0;
    expect(await world.after(300, waiting)).toMatchObject({ kind: 'loaded', forwarded: { stored: false } });
    expect(told(await world.after(1000, loading))).toBe('loaded value');
  });

  it('slowly, taking a fifth of the budget for each command, a miss is filled', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', 'value');
    instance.connection.slowMs = 400;
    await world.after(2000, instance.read('key'));
    await world.clock.advance(1000);
    expect(told(await world.after(400, instance.read('key')))).toBe('hit value');
    expect(world.origin.loads).toHaveLength(1);
  });
});
