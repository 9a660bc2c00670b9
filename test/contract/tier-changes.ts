// What every tier does with the same conditions, guards, removals and lifetimes.

import { gzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { encodeEntry } from '../../src/cache/entry-encoder.ts';
import type { Entry } from '../../src/cache/entry.ts';
import type { WriteCondition, WriteOptions } from '../../src/cache/tier.ts';
import {
  always,
  client,
  comparable,
  contractTest,
  fromOrigin,
  loaded,
  maxValueBytes,
  newerEntries,
  text,
  write,
  type TierWorld,
} from './tier-world.ts';
import { bytesOf } from '../support/stored-entries.ts';

export function tierChangesContract(open: () => Promise<TierWorld>): void {
  const it = contractTest(open);

  describe('a condition', () => {
    const entry = client('here');
    const weak = fromOrigin('weak', { isWeak: true });
    const none = 'none';
    const invalidEntry = encodeEntry(entry).fill('?', 30, 40);
    const match = (...etags: string[]): WriteCondition => ({ kind: 'match', etags });
    const noneMatch = (...etags: string[]): WriteCondition => ({ kind: 'none-match', etags });
    const same = (writeId = ''): WriteCondition => ({ kind: 'same', writeId });
    const sameOrAbsent = (writeId = ''): WriteCondition => ({ kind: 'same-or-absent', writeId });
    const cases: readonly (readonly [string, Entry | Buffer | 'none', WriteCondition, string])[] = [
      ['always, of none', none, always, 'created'],
      ['always, of one', entry, always, 'replaced'],
      ['always, of what is invalid', invalidEntry, always, 'created'],
      ['If-Match, of its tag', entry, match('x', entry.etag), 'replaced'],
      ['If-Match, of another', entry, match('x'), 'precondition-failed'],
      ['If-Match: *', entry, match('*'), 'replaced'],
      ['If-Match: *, of none', none, match('*'), 'precondition-failed'],
      ['If-Match: *, of what is invalid', invalidEntry, match('*'), 'precondition-failed'],
      ['If-Match, of its weak tag', weak, match(weak.etag), 'precondition-failed'],
      ['If-Match: *, of a weak one', weak, match('*'), 'replaced'],
      ['If-None-Match, of its tag', entry, noneMatch(entry.etag), 'precondition-failed'],
      ['If-None-Match, of another', entry, noneMatch('x'), 'replaced'],
      ['If-None-Match, of its weak tag', weak, noneMatch(weak.etag), 'precondition-failed'],
      ['If-None-Match: *', entry, noneMatch('*'), 'precondition-failed'],
      ['If-None-Match: *, of none', none, noneMatch('*'), 'created'],
      ['If-None-Match: *, of what is invalid', invalidEntry, noneMatch('*'), 'created'],
      ['absent, of none', none, { kind: 'absent' }, 'created'],
      ['absent, of one', entry, { kind: 'absent' }, 'precondition-failed'],
      ['absent, of what others wrote', text, { kind: 'absent' }, 'precondition-failed'],
      ['foreign, of none', none, { kind: 'foreign' }, 'precondition-failed'],
      ['foreign, of one', entry, { kind: 'foreign' }, 'precondition-failed'],
      ['foreign, of what is invalid', invalidEntry, { kind: 'foreign' }, 'precondition-failed'],
      ['foreign, of what others wrote', text, { kind: 'foreign' }, 'replaced'],
      ['same, of it', entry, same(entry.writeId), 'replaced'],
      ['same, of another write', entry, same('other'), 'precondition-failed'],
      ['same, of none', none, same('other'), 'precondition-failed'],
      ['same, of what others wrote', text, same('other'), 'precondition-failed'],
      ['same or absent, of it', entry, sameOrAbsent(entry.writeId), 'replaced'],
      ['same or absent, of none', none, sameOrAbsent('other'), 'created'],
      ['same or absent, of another write', entry, sameOrAbsent('other'), 'precondition-failed'],
      ['same or absent, of what others wrote', text, sameOrAbsent('other'), 'precondition-failed'],
    ];
    it.for(cases)('%s', async ([, before, condition, expected], { world, key }) => {
      const { tier, deadline } = world;
      const prepare = async (): Promise<void> => {
        if (before === 'none') await tier.remove(key, always, deadline());
        else if (Buffer.isBuffer(before)) await world.put(key, before);
        else await write(world, key, before);
      };
      await prepare();
      const stored = await world.stored(key);
      const next = client('next');
      expect(await write(world, key, next, condition)).toBe(expected);
      const isDone = expected !== 'precondition-failed';
      expect(await world.stored(key)).toEqual(isDone ? encodeEntry(next) : stored);
      await prepare();
      const removed = { created: 'absent', replaced: 'removed' }[expected] ?? expected;
      expect((await tier.remove(key, condition, deadline())).kind).toBe(removed);
      expect(await world.stored(key)).toEqual(isDone ? undefined : stored);
    });

    it('knows what others wrote by the hash of its bytes, unless it is too large to be hashed', async ({
      world,
      key,
    }) => {
      const { tier, deadline, put } = world;
      await put(key, text);
      const found = await tier.read(key, deadline());
      const etag = found.kind === 'hit' ? found.entry.etag : expect.unreachable();
      expect(await write(world, key, client('x'), noneMatch(etag))).toBe('precondition-failed');
      expect(await write(world, key, client('x'), match(etag))).toBe('replaced');
      await put(key, Buffer.alloc(maxValueBytes + 1, 'x'));
      expect(await write(world, key, client('x'), match('x', '*'))).toBe('replaced');
    });
  });

  describe('what a newer version of the app wrote', () => {
    const conditions: readonly WriteCondition[] = [
      always,
      { kind: 'match', etags: ['*'] },
      { kind: 'none-match', etags: ['x'] },
      { kind: 'absent' },
      { kind: 'same', writeId: 'w' },
      { kind: 'same-or-absent', writeId: 'w' },
    ];
    it.for(newerEntries)(
      '%s stays, unless it is removed whatever it is',
      async ([, value, version], { world, key }) => {
        const { tier, deadline } = world;
        await world.put(key, value, 60_000);
        const refused = { kind: 'entry-newer' };
        for (const condition of conditions) {
          expect(await tier.write(key, client('x'), condition, deadline())).toEqual(refused);
          if (condition !== always) expect(await tier.remove(key, condition, deadline())).toEqual(refused);
        }
        expect(await tier.touch(key, 'w', client('x'), deadline())).toEqual(refused);
        expect(await world.stored(key)).toEqual(value);
        expect(Math.abs((await world.leftMs(key)) - 60_000)).toBeLessThan(5000);
        expect(world.newer).toEqual([version]);
        expect(await tier.remove(key, always, deadline())).toEqual({ kind: 'removed' });
        expect(await world.stored(key)).toBeUndefined();
      },
    );
  });

  describe('a guard', () => {
    it('lets a write happen only while its key holds its value, empty for none', async ({ world, key }) => {
      const guard = (value: string): WriteOptions => ({ guard: { key: `${key}-guard`, value } });
      expect(await write(world, key, client('x'), always, guard('mine'))).toBe('precondition-failed');
      expect(await write(world, key, client('x'), always, guard(''))).toBe('created');
      await world.put(`${key}-guard`, Buffer.from('mine'), 60_000);
      expect(await write(world, key, client('x'), always, guard('mine'))).toBe('replaced');
      expect(await write(world, key, client('x'), always, guard(''))).toBe('precondition-failed');
      await world.put(`${key}-guard`, 'other');
      expect(await write(world, key, client('x'), always, guard(''))).toBe('precondition-failed');
    });
  });

  describe('a removal', () => {
    it('takes with it what is named, and leaves a note of its own for a minute', async ({ world, key }) => {
      const { tier, deadline, put, stored } = world;
      const trace = { removed: [`${key}-lock`, `${key}-mark`], noteKey: `${key}-note` };
      await put(`${key}-lock`, text);
      const failing = { kind: 'match', etags: ['*'] } as const;
      await tier.remove(key, failing, deadline(), trace);
      expect([await stored(`${key}-lock`), await stored(`${key}-note`)]).toEqual([text, undefined]);
      expect(await tier.remove(key, always, deadline(), trace)).toEqual({ kind: 'absent' });
      const note = await stored(`${key}-note`);
      expect([await stored(`${key}-lock`), note?.length]).toEqual([undefined, 36]);
      expect(Math.abs((await world.leftMs(`${key}-note`)) - 60_000)).toBeLessThan(5000);
      await tier.remove(key, always, deadline(), trace);
      expect(await stored(`${key}-note`)).not.toEqual(note);
    });
  });

  describe('a new lifetime', () => {
    it('leaves the body compressed, whatever whoever gives it knows of that', async ({ world, key }) => {
      const { tier, deadline } = world;
      const entry: Entry = { ...fromOrigin('x'), body: gzipSync('body'), isGzipped: true };
      await write(world, key, entry);
      const { isGzipped: _isGzipped, body: _body, ...known } = entry;
      for (const [writeId, head] of [
        [entry.writeId ?? '', { ...known, writeId: 'next' }],
        ['next', { ...known, writeId: 'last', isGzipped: true as const }],
      ] as const) {
        expect(await tier.touch(key, writeId, head, deadline())).toEqual({ kind: 'replaced' });
        const touched = { ...entry, writeId: head.writeId };
        expect(await world.stored(key)).toEqual(encodeEntry(touched));
        expect(comparable([await tier.read(key, deadline())])).toEqual([{ kind: 'hit', entry: touched }]);
        const { body: _, ...heldHead } = touched;
        expect(comparable(await tier.readHeads([key], deadline()))).toEqual([
          { kind: 'hit', head: heldHead },
        ]);
      }
    });

    it('leaves the body, and is given only to the write that it is meant for', async ({ world, key }) => {
      const { tier, deadline } = world;
      const entry = fromOrigin('body');
      const head = {
        ...entry,
        writeId: 'next',
        freshness: { storedAtMs: 1_700_000_100_000, ttlSeconds: 7 },
        loaded: { ...loaded, keptMs: 40_000, fields: { etag: '"v1"', link: '</a-longer-one>' } },
      };
      const touch = async (writeId = ''): Promise<string> =>
        (await tier.touch(key, writeId, head, deadline())).kind;
      expect(await touch('other')).toBe('precondition-failed');
      await write(world, key, entry);
      expect(await touch('other')).toBe('precondition-failed');
      expect(await touch(entry.writeId)).toBe('replaced');
      expect(comparable([await tier.read(key, deadline())])).toEqual([{ kind: 'hit', entry: head }]);
      expect(Math.abs((await world.leftMs(key)) - 40_000)).toBeLessThan(5000);
      await world.put(
        key,
        bytesOf({ write: 'old', type: 'text/plain', stored: '1', ttl: '1' }, { version: 2 }),
      );
      expect(await touch('old')).toBe('replaced');
      expect(await world.stored(key)).toEqual(encodeEntry({ ...head, etag: 'x', body: Buffer.from('body') }));
      await world.put(key, 'other');
      expect(await touch('next')).toBe('precondition-failed');
      await world.put(key, text);
      expect(await touch('next')).toBe('precondition-failed');
    });
  });
}
