// An entry past its use is validated before it is served; where that fails, it is served only if the origin lets it.

import { describe, expect } from 'vitest';
import {
  filledInstance,
  it,
  told,
  type InMemoryInstance,
  type World,
} from '../../support/in-memory-cache.ts';

const filled = (world: World, said: string, options?: object): Promise<InMemoryInstance> =>
  filledInstance(world, 'value', said, options);

/** What a read comes to when `change` happens after it has found the entry and before it asks for the lock. */
async function readAround(
  world: World,
  instance: InMemoryInstance,
  change: () => Promise<void> | void,
): Promise<string> {
  instance.connection.hold();
  const reading = instance.read('key');
  instance.connection.step();
  await world.clock.advance(1);
  await change();
  instance.connection.release();
  return told(await world.after(100, reading));
}

describe('what may not be served stale', () => {
  it('is validated by one of many reads, in the whole fleet, and its body stays', async ({ world }) => {
    const [first, second] = [await filled(world, 'max-age=1, must-revalidate'), world.instance()];
    await world.clock.advance(1001);
    world.origin.delayMs = 200;
    world.origin.fields = { 'cache-control': 'max-age=60, must-revalidate' };
    const reads = Array.from({ length: 40 }, async (_, index) =>
      (index % 2 === 0 ? first : second).read('key'),
    );
    const results = await world.after(1000, Promise.all(reads));
    expect(new Set(results.map(told))).toEqual(new Set(['loaded value']));
    expect([world.origin.loads.length, world.origin.bodiesMoved]).toEqual([2, 1]);
    expect(told(await second.read('key'))).toBe('hit value');
  });

  it('is validated each time where the origin says so, with 304 or with what is new', async ({ world }) => {
    const instance = await filled(world, 'no-cache');
    const forwarded = { why: 'stale', status: 304, stored: true };
    expect(await instance.read('key')).toMatchObject({ kind: 'loaded', forwarded });
    expect(await instance.read('key')).toMatchObject({ kind: 'loaded', forwarded });
    world.origin.set('key', 'new');
    expect(await instance.read('key')).toMatchObject({ kind: 'loaded', forwarded: { status: 200 } });
    expect(world.origin.loads.filter(({ conditional }) => conditional)).toHaveLength(3);
  });

  it('and has gone at the origin is a miss, also for those after it', async ({ world }) => {
    const instance = await filled(world, 'max-age=1, must-revalidate');
    await world.clock.advance(1001);
    world.origin.entries.clear();
    expect(await instance.read('key')).toEqual({ kind: 'miss', origin: 'asked' });
    expect(world.server.has('key')).toBe(false);
  });

  it('is not served while the origin fails, and each read asks', async ({ world }) => {
    const instance = await filled(world, 'no-cache');
    world.origin.failing = true;
    for (let reads = 0; reads < 10; reads += 1) {
      expect(told(await instance.read('key'))).toBe('origin-failed');
    }
    expect(world.origin.loads).toHaveLength(11);
  });

  it('is asked for as a whole where it has no validator', async ({ world }) => {
    world.origin.validates = false;
    const instance = await filled(world, 'max-age=0, stale-if-error=60');
    expect(await instance.read('key')).toMatchObject({ kind: 'loaded', forwarded: { status: 200 } });
    expect(world.origin.loads.some(({ conditional }) => conditional)).toBe(false);
  });
});

describe('a 304', () => {
  it('about another state is not believed: the whole is asked for', async ({ world }) => {
    const instance = await filled(world, 'no-cache');
    world.origin.set('key', 'new');
    world.origin.answers.set('key', ({ validators }) =>
      validators === undefined
        ? {
            kind: 'answered',
            status: 200,
            body: Buffer.from('new'),
            codings: [],
            fields: { etag: '"v2"', 'content-type': 'text/plain' },
            restrictions: [],
          }
        : { kind: 'unchanged', fields: { etag: '"v2"' }, restrictions: [] },
    );
    expect(told(await instance.read('key'))).toBe('loaded new');
    expect(world.origin.loads.map(({ conditional }) => conditional)).toEqual([false, true, false]);
    expect(told(await instance.read('key'))).toBe('hit new');
  });

  it('without a question is a bug', async ({ world }) => {
    const instance = world.instance();
    world.origin.answers.set('key', () => ({ kind: 'unchanged', fields: {}, restrictions: [] }));
    await expect(instance.read('key')).rejects.toThrow(TypeError);
  });

  it('that forbids to store it removes it, and is the answer all the same', async ({ world }) => {
    const instance = await filled(world, 'no-cache');
    world.origin.fields = { 'cache-control': 'no-store' };
    expect(await instance.read('key')).toMatchObject({
      kind: 'loaded',
      forwarded: { status: 304, stored: false },
    });
    expect(world.server.has('key')).toBe(false);
  });

  it('is the answer though Redis has lost the entry meanwhile, which is then not stored', async ({
    world,
  }) => {
    const instance = await filled(world, 'no-cache');
    world.origin.delayMs = 100;
    const reading = instance.read('key');
    await world.clock.advance(50);
    world.server.restart();
    expect(await world.after(100, reading)).toMatchObject({
      kind: 'loaded',
      forwarded: { status: 304, stored: false },
    });
  });
});

describe('an entry past its time', () => {
  const said = 'max-age=1, stale-while-revalidate=0, stale-if-error=60';

  it('is served while the origin fails, at once where that has just been seen', async ({ world }) => {
    const instance = await filled(world, said);
    await world.clock.advance(1001);
    world.origin.failing = true;
    for (let reads = 0; reads < 20; reads += 1) {
      expect(await instance.read('key')).toMatchObject({
        kind: 'hit',
        stale: true,
        despite: 'origin-failed',
      });
    }
    expect(world.origin.loads).toHaveLength(2);
    await world.clock.advance(1001);
    await instance.read('key');
    expect(world.origin.loads).toHaveLength(3);
    await world.clock.advance(60_000);
    expect(told(await instance.read('key'))).toBe('origin-failed');
  });

  it('is served by another instance that waits for a load that fails', async ({ world }) => {
    const [first, second] = [await filled(world, said), world.instance()];
    await world.clock.advance(1001);
    world.origin.failing = true;
    world.origin.delayMs = 300;
    const reads = [first.read('key'), second.read('key')];
    const results = await world.after(600, Promise.all(reads));
    const served = { kind: 'hit', stale: true, despite: 'origin-failed' };
    expect(results).toMatchObject([served, served]);
    expect(world.origin.loads).toHaveLength(2);
  });

  it('is served where the origin does not answer in time, and the answer is in the cache later', async ({
    world,
  }) => {
    const instance = await filled(world, said);
    await world.clock.advance(1001);
    world.origin.set('key', 'new');
    world.origin.delayMs = 3000;
    const late = await world.after(500, instance.read('key', 500));
    expect(late).toMatchObject({ kind: 'hit', stale: true, despite: 'origin-pending' });
    await world.clock.advance(2500);
    expect(told(await instance.read('key'))).toBe('hit new');
  });

  it('is served at once where others have waited as long in vain', async ({ world }) => {
    const instance = await filled(world, said);
    await world.clock.advance(1001);
    world.origin.set('key', 'new');
    world.origin.delayMs = 10_000;
    const served = { kind: 'hit', stale: true, despite: 'origin-pending' };
    expect(await world.after(500, instance.read('key', 500))).toMatchObject(served);
    for (let reads = 0; reads < 10; reads += 1)
      expect(await world.after(0, instance.read('key', 500))).toMatchObject(served);
    // Who has more time waits for the rest of it.
    let isAnswered = false;
    const patient = instance.read('key', 2000);
    void patient.then(() => (isAnswered = true));
    await world.clock.advance(1499);
    expect(isAnswered).toBe(false);
    expect(await world.after(1, patient)).toMatchObject(served);
    expect(world.origin.loads).toHaveLength(2);
    await world.clock.advance(8000);
    expect(told(await instance.read('key'))).toBe('hit new');
  });

  it('is served in the place of an answer of trouble, with when to ask again', async ({ world }) => {
    const instance = await filled(world, said);
    await world.clock.advance(1001);
    world.origin.statuses.set('key', 503);
    world.origin.set('key', 'trouble');
    world.origin.fields = { 'retry-after': '7' };
    expect(await instance.read('key')).toMatchObject({ kind: 'hit', stale: true, despite: 'origin-failed' });
    expect(instance.told).not.toContain('originFailing');
  });

  it('is loaded again where it is no more when the lock is there', async ({ world }) => {
    const instance = await filled(world, said);
    await world.clock.advance(1001);
    expect(await readAround(world, instance, () => void world.server.delete('key'))).toBe('loaded value');
  });

  it('that a client has written anew meanwhile is what the client wrote', async ({ world }) => {
    const [instance, other] = [await filled(world, said), world.instance()];
    await world.clock.advance(1001);
    expect(
      await readAround(world, instance, async () => {
        await other.write('key', 'mine');
      }),
    ).toBe('loaded mine');
    expect(world.origin.loads).toHaveLength(1);
  });

  it('is served as it is where the clock has been put back meanwhile', async ({ world }) => {
    const instance = await filled(world, said);
    await world.clock.advance(1001);
    expect(await readAround(world, instance, () => world.clock.jumpWall(-1000))).toBe('loaded value');
    expect(world.origin.loads).toHaveLength(1);
  });
});
