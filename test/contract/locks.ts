// What every kind of lock does.

import { describe, expect } from 'vitest';
import { lockKeys } from '../../src/cache/lock-keys.ts';
import type { Lock, Locks } from '../../src/cache/locks.ts';
import { eventually } from '../support/eventually.ts';
import { always, client, contractTest, type TierWorld } from './tier-world.ts';

export const namespace = 'locks-contract';

export interface LocksWorld extends TierWorld {
  readonly locks: Locks;
  /** Of an instance whose connection is gone. */
  readonly locksUnavailable: Locks;
  /** Of one that loses its connection after each command. */
  readonly locksLosing: Locks;
  /** Moves the clock of the locks, but not the server's. */
  readonly advance: (ms: number) => Promise<void>;
}

export function locksContract(open: () => Promise<LocksWorld>): void {
  const it = contractTest(open);
  const load = (name: string) => ({ kind: 'load', name }) as const;
  const keysOf = (name: string) => lockKeys(namespace, load(name));

  const attempt = async ({ locks, deadline }: LocksWorld, name: string): Promise<string> => {
    const made = await locks.acquire(load(name), deadline());
    if (made.kind === 'acquired') made.lock.release();
    return made.kind;
  };
  const acquired = async ({ locks, deadline }: LocksWorld, name: string): Promise<Lock> => {
    const made = await locks.acquire(load(name), deadline());
    return made.kind === 'acquired' ? made.lock : expect.unreachable(made.kind);
  };

  describe('that there is nothing', () => {
    it('is not believed where it was said before a purge', async ({ world, key: name }) => {
      const { locks, deadline } = world;
      const heard = async (since?: number): Promise<string | undefined> =>
        locks.look(load(name), deadline(), since);
      const remember = async (place?: number): Promise<void> => {
        (await acquired(world, name)).release({ kind: 'none', forMs: 60_000, place });
      };
      await remember(7);
      expect([await heard(), await heard(7), await heard(8)]).toEqual(['none', 'none', undefined]);
      expect((await locks.acquire(load(name), deadline(), 7)).kind).toBe('none');
      const anew = await locks.acquire(load(name), deadline(), 8);
      if (anew.kind !== 'acquired') expect.unreachable(anew.kind);
      // By a version of the app that knew no purges.
      anew.lock.release({ kind: 'none', forMs: 60_000 });
      expect([await heard(), await heard(1)]).toEqual(['none', undefined]);
    });
  });

  describe('a lock', () => {
    it('is held by one until it is given back, for 3 s at a time', async ({ world, key: name }) => {
      const askedAtMs = Date.now();
      const lock = await acquired(world, name);
      expect(await attempt(world, name)).toBe('held');
      expect(await attempt(world, `${name}-other`)).toBe('acquired');
      const leftMs = await world.leftMs(keysOf(name).lock);
      expect(leftMs + Date.now() - askedAtMs).toBeGreaterThan(2900);
      expect(leftMs).toBeLessThanOrEqual(3000);
      lock.release();
      await eventually(async () => expect(await attempt(world, name)).toBe('acquired'));
    });

    it('is extended each second while it is held, and only its own', async ({ world, key: name }) => {
      const { lock: key } = keysOf(name);
      const lock = await acquired(world, name);
      const own = await world.stored(key);
      await world.put(key, own ?? expect.unreachable(), 1500);
      await world.advance(1000);
      await eventually(async () => expect(await world.leftMs(key)).toBeGreaterThan(1500));
      // Expired, and taken by another one.
      await world.put(key, Buffer.from('another'), 60_000);
      await world.advance(1000);
      lock.release({ kind: 'none', forMs: 60_000 });
      await world.locks.look(load(name), world.deadline());
      expect(await world.stored(key)).toEqual(Buffer.from('another'));
      expect(await world.leftMs(key)).toBeGreaterThan(30_000);
      expect(await world.locks.look(load(name), world.deadline())).toBeUndefined();
    });

    it('tells whoever finds it held in which trace it is, and is a lock like any other', async ({
      world,
      key: name,
    }) => {
      const { locks, deadline, tier } = world;
      const traceParent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
      const made = await locks.acquire(load(name), deadline(), 0, traceParent);
      if (made.kind !== 'acquired') expect.unreachable(made.kind);
      const { lock } = made;
      expect(await locks.acquire(load(name), deadline())).toEqual({ kind: 'held', traceParent });
      // Whoever has it has it still, for writes and for as long as it is extended.
      const { guard } = lock;
      expect((await tier.write(name, client('x'), always, deadline(), { guard })).kind).toBe('created');
      const { lock: key } = keysOf(name);
      await world.put(key, (await world.stored(key)) ?? expect.unreachable(), 900);
      await world.advance(1000);
      await eventually(async () => expect(await world.leftMs(key)).toBeGreaterThan(2000));
      lock.release();
      await eventually(async () => expect(await attempt(world, name)).toBe('acquired'));
    });

    it.for(['', ' 00-x', ` 00-${'A'.repeat(32)}-${'b'.repeat(16)}-01`, ' a b'])(
      'believes no trace that is none: "%s"',
      async (trace, { world, key: name }) => {
        await world.put(keysOf(name).lock, Buffer.from(`somebody${trace}`), 2000);
        expect(await world.locks.acquire(load(name), world.deadline())).toEqual({ kind: 'held' });
      },
    );

    it('guards a write while it is held, and no longer', async ({ world, key: name }) => {
      const { tier, deadline } = world;
      const lock = await acquired(world, name);
      const { guard } = lock;
      expect((await tier.write(name, client('x'), always, deadline(), { guard })).kind).toBe('created');
      expect((await tier.remove(name, always, deadline(), world.locks.traceOf(name))).kind).toBe('removed');
      expect((await tier.write(name, client('x'), always, deadline(), { guard })).kind).toBe(
        'precondition-failed',
      );
      // It is another one's by now.
      const next = await acquired(world, name);
      lock.release();
      expect(await attempt(world, name)).toBe('held');
      next.release();
    });

    it('of a key whose slot nobody can tell guards nothing and leaves no trace', async ({
      world,
      key: name,
    }) => {
      const lock = await acquired(world, `${name}{a}{b}`);
      expect(lock.guard).toBeUndefined();
      expect(world.locks.traceOf(`${name}{a}{b}`)).toBeUndefined();
      expect(await world.locks.guardWithoutLock(`${name}{a}{b}`, world.deadline())).toBeUndefined();
      lock.release();
    });

    const forgeries = [
      ['without expiry', 'x', undefined],
      ['for longer than one is held', 'x', 60_000],
      ['of another type', 'other', undefined],
    ] as const;
    it.for(forgeries)('%s is not believed', async ([, value, forMs], { world, key: name }) => {
      await world.put(keysOf(name).lock, value === 'other' ? value : Buffer.from(value), forMs);
      expect(await attempt(world, name)).toBe('acquired');
    });
  });

  describe('a mark', () => {
    it.for(['none', 'pass', 'failed'] as const)(
      '%s stands in the place of a lock',
      async (mark, { world, key: name }) => {
        const lock = await acquired(world, name);
        lock.release({ kind: mark, forMs: 60_000 });
        await eventually(async () => expect(await world.locks.look(load(name), world.deadline())).toBe(mark));
        expect(await attempt(world, name)).toBe(mark);
        expect(Math.abs((await world.leftMs(keysOf(name).mark)) - 50_000)).toBeLessThanOrEqual(10_000);
        expect(await world.stored(keysOf(name).lock)).toBeUndefined();
        world.locks.forget(load(name));
        await eventually(async () => expect(await attempt(world, name)).toBe('acquired'));
        world.locks.mark(load(name), mark, 60_000);
        await eventually(async () => expect(await attempt(world, name)).toBe(mark));
      },
    );

    it('goes when the entry is removed, as does the lock', async ({ world, key: name }) => {
      const { locks, tier, deadline } = world;
      locks.mark(load(name), 'none', 60_000);
      await eventually(async () => expect(await attempt(world, name)).toBe('none'));
      await tier.remove(name, always, deadline(), locks.traceOf(name));
      const lock = await acquired(world, name);
      await tier.remove(name, always, deadline(), locks.traceOf(name));
      expect(await attempt(world, name)).toBe('acquired');
      lock.release();
    });

    const forgeries = [
      ['without expiry', 'none', undefined],
      ['for two days', 'none', 2 * 24 * 3600 * 1000],
      ['that there is not', 'held', 1000],
      ['of another type', 'other', undefined],
    ] as const;
    it.for(forgeries)('%s is not believed', async ([, value, forMs], { world, key: name }) => {
      await world.put(keysOf(name).mark, value === 'other' ? value : Buffer.from(value), forMs);
      expect(await world.locks.look(load(name), world.deadline())).toBeUndefined();
      expect(await attempt(world, name)).toBe('acquired');
    });
  });

  describe('a guard without a lock', () => {
    it('holds until the entry is removed', async ({ world, key: name }) => {
      const { locks, tier, deadline } = world;
      const write = async (guard: Awaited<ReturnType<Locks['guardWithoutLock']>>): Promise<string> =>
        (await tier.write(name, client('x'), always, deadline(), { guard })).kind;
      const before = await locks.guardWithoutLock(name, deadline());
      expect(before?.value).toBe('');
      expect(await write(before)).toBe('created');
      await tier.remove(name, always, deadline(), locks.traceOf(name));
      expect(await write(before)).toBe('precondition-failed');
      const after = await locks.guardWithoutLock(name, deadline());
      expect(await write(after)).toBe('created');
      await tier.remove(name, always, deadline(), locks.traceOf(name));
      expect(await write(after)).toBe('precondition-failed');
      await world.put(keysOf(name).removal, 'other');
      expect(await locks.guardWithoutLock(name, deadline())).toBeUndefined();
    });
  });

  describe('an outage', () => {
    it('is thrown, and leaves nobody without a lock', async ({ world, key: name }) => {
      const { locksUnavailable, locksLosing, deadline } = world;
      const subject = load(name);
      for (const locks of [locksUnavailable, locksLosing]) {
        const failed = { name: 'AppError' };
        await expect(locks.acquire(subject, deadline())).rejects.toMatchObject(failed);
        await expect(locks.look(subject, deadline())).rejects.toMatchObject(failed);
        await expect(locks.guardWithoutLock(name, deadline())).rejects.toMatchObject(failed);
        locks.mark(subject, 'none', 1000);
        locks.forget(subject);
      }
      // What was given when nobody heard of it has been given back.
      await eventually(async () => expect(await attempt(world, name)).toBe('acquired'));
    });
  });
}
