// What a tracer hears of reads and loads: which are parts of which, and who waited for whom.

import { describe, expect } from 'vitest';
import { lockKeys, loadOf } from '../../../src/cache/lock-keys.ts';
import { heardOperations } from '../../support/heard-operations.ts';
import { entryKey, filledInstance, it, namespace, told, type World } from '../../support/in-memory-cache.ts';

const lockOf = (world: World): string | undefined =>
  world.server.text(lockKeys(namespace, loadOf(entryKey('key'))).lock);

describe('a read', () => {
  it('that is a hit is one operation, and says where it was found', async ({ world }) => {
    const instance = await filledInstance(world, 'value', 'max-age=60', { memory: {} });
    const heard = heardOperations();
    await instance.read('key');
    expect(heard.tree).toEqual(['cacheRead in nothing']);
    expect(heard.one('cacheRead')).toMatchObject({ keys: 1, result: 'redisHit' });
    expect(heard.one('cacheRead').key?.()).toBe('key');
    expect(heard.all.every(({ isEnded }) => isEnded)).toBe(true);
  });

  it('that loads has the wait for the lock and the load as its parts', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', 'value');
    const heard = heardOperations();
    await instance.read('key');
    expect(heard.tree).toEqual(['cacheRead in nothing', 'lockWait in cacheRead', 'originLoad in cacheRead']);
    expect(heard.one('cacheRead').result).toBe('loaded');
    expect(heard.one('lockWait')).toMatchObject({ outcome: 'locked' });
    expect(heard.one('lockWait').loadedBy).toBeUndefined();
    const load = { source: 'http', why: 'load', outcome: 'found', bytes: 5 };
    expect(heard.one('originLoad')).toMatchObject(load);
    expect(heard.all.every(({ isEnded }) => isEnded)).toBe(true);
  });

  it('of many keys says how many ended how', async ({ world }) => {
    const instance = await filledInstance(world, 'value', 'max-age=60');
    world.origin.set('other', 'value');
    const heard = heardOperations();
    await instance.readMany(['key', 'other', 'none']);
    const [read] = heard.all;
    expect(read?.operation).toMatchObject({ keys: 3, results: { redisHit: 1, loaded: 1, miss: 1 } });
    expect(read?.isEnded).toBe(true);
  });

  it('that waits for the load of another read names it', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', 'value');
    world.origin.delayMs = 100;
    const heard = heardOperations();
    await world.after(200, Promise.all([instance.read('key'), instance.read('key')]));
    const reads = heard.all.flatMap(({ operation }) => (operation.type === 'cacheRead' ? [operation] : []));
    expect(reads.map(({ result }) => result)).toEqual(['loaded', 'collapsed']);
    expect(reads.map(({ loadedBy }) => loadedBy)).toEqual([undefined, heard.one('originLoad')]);
  });

  it('that waits for another instance names the span in which that got the lock', async ({ world }) => {
    const [first, second] = [world.instance(), world.instance()];
    world.origin.set('key', 'value');
    world.origin.delayMs = 300;
    const heard = heardOperations();
    await world.after(1000, Promise.all([first.read('key'), second.read('key')]));
    const waits = heard.all.flatMap(({ operation }) => (operation.type === 'lockWait' ? [operation] : []));
    expect(waits.map(({ outcome }) => outcome)).toEqual(['locked', 'filled']);
    expect(waits.map(({ loadedBy }) => loadedBy)).toEqual([undefined, waits[0]?.traceParent]);
  });

  it('tells of a renewal that it sets off as that', async ({ world }) => {
    const instance = await filledInstance(world, 'value', 'max-age=1, stale-while-revalidate=60');
    await world.clock.advance(1500);
    const heard = heardOperations();
    expect(told(await instance.read('key'))).toBe('stale value');
    await world.clock.advance(10);
    expect(heard.one('cacheRead')).toMatchObject({ result: 'redisStale' });
    expect(heard.one('originLoad')).toMatchObject({ why: 'renewal', outcome: 'found' });
  });

  it('while Redis is down tells of a load that passes it by', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', 'value');
    instance.connection.fault = 'unavailable';
    const heard = heardOperations();
    await instance.read('key');
    instance.connection.fault = 'none';
    expect(heard.one('cacheRead').result).toBe('bypassed');
    expect(heard.one('originLoad')).toMatchObject({ why: 'bypass', outcome: 'found' });
  });
});

describe('the lock of a load', () => {
  it('holds the span of whoever has it, where somebody listens', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', 'value');
    world.origin.delayMs = 100;
    const heard = heardOperations();
    const reading = instance.read('key');
    await world.clock.advance(50);
    expect(lockOf(world)).toMatch(/^[\da-f-]{36} 00-a{32}-[\da-f]{16}-01$/u);
    expect(lockOf(world)?.endsWith(` ${heard.one('lockWait').traceParent}`)).toBe(true);
    await world.after(100, reading);
    expect([lockOf(world), world.server.has('key')]).toEqual([undefined, true]);
  });

  it('holds a name alone where nobody does', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', 'value');
    world.origin.delayMs = 100;
    const reading = instance.read('key');
    await world.clock.advance(50);
    expect(lockOf(world)).toMatch(/^[\da-f-]{36}$/u);
    await world.after(100, reading);
  });
});

describe('a change', () => {
  it('is an operation that says what came of it', async ({ world }) => {
    const instance = world.instance();
    const heard = heardOperations();
    await instance.write('key', 'value');
    await instance.remove('key', { kind: 'match', etags: ['another'] });
    await instance.remove('key');
    expect(heard.all.map(({ operation }) => ({ ...operation, key: undefined }))).toMatchObject([
      { type: 'cacheWrite', change: 'write', outcome: 'created' },
      { type: 'cacheWrite', change: 'remove', outcome: 'precondition-failed' },
      { type: 'cacheWrite', change: 'remove', outcome: 'removed' },
    ]);
  });
});
