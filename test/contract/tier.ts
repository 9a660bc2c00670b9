// What every tier does with the same strings and limits, and what is stored in it.

import { gzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { AnswerLimit } from '../../src/cache/answer-limit.ts';
import { encodeEntry } from '../../src/cache/entry-encoder.ts';
import { newEntry, type Entry } from '../../src/cache/entry.ts';
import {
  always,
  client,
  comparable,
  contractTest,
  fromOrigin,
  maxValueBytes,
  newerEntries,
  text,
  write,
  type TierWorld,
} from './tier-world.ts';
import { bytesOf } from '../support/stored-entries.ts';

export function tierContract(open: () => Promise<TierWorld>): void {
  const it = contractTest(open);

  describe('what is stored', () => {
    it('is read as it was written, for as long as it is kept', async ({ world, key }) => {
      const { tier, deadline } = world;
      expect(await tier.read(key, deadline())).toEqual({ kind: 'miss' });
      for (const entry of [client('mine'), fromOrigin('of the origin'), client('')]) {
        await write(world, key, entry);
        expect(comparable([await tier.read(key, deadline())])).toEqual([{ kind: 'hit', entry }]);
        const { body: _body, ...head } = entry;
        expect(comparable(await tier.readHeads([key], deadline()))).toEqual([{ kind: 'hit', head }]);
        const keptMs = entry.loaded?.keptMs ?? 3_600_000;
        expect(Math.abs((await world.leftMs(key)) - keptMs)).toBeLessThan(5000);
      }
    });

    it('by others is a value without a head, another type is neither value nor miss', async ({
      world,
      key,
    }) => {
      const { tier, deadline, put } = world;
      const result = { kind: 'hit', entry: { body: text, writeId: undefined, freshness: undefined } };
      await put(key, text);
      expect(await tier.read(key, deadline())).toMatchObject(result);
      expect(await tier.readHeads([key], deadline())).toEqual([{ kind: 'hit', head: undefined }]);
      await put(key, Buffer.alloc(0));
      expect(await tier.read(key, deadline())).toMatchObject({
        kind: 'hit',
        entry: { etag: 'da39a3ee5e6b4b0d3255bfef95601890afd80709' },
      });
      expect(await tier.readHeads([key], deadline())).toEqual([{ kind: 'miss' }]);
      await put(key, 'other');
      expect(await tier.read(key, deadline())).toEqual({ kind: 'wrong-type' });
      expect(await tier.readHeads([key], deadline())).toEqual([{ kind: 'wrong-type' }]);
      expect(await write(world, key, client('x'))).toBe('wrong-type');
      expect(await tier.remove(key, always, deadline())).toEqual({ kind: 'wrong-type' });
    });

    it('and begins as an entry, but is none, is a miss, and is told', async ({ world, key }) => {
      const { tier, deadline, put, invalid } = world;
      const stored = encodeEntry(client('poison')).toString('latin1');
      const poisoned = [
        ['header', Buffer.from(stored.replace('text/plain', 'text/\r\nain'), 'latin1')],
        ['cut', Buffer.from(stored.slice(0, 30), 'latin1')],
        ['version', bytesOf({}, { version: 1 })],
      ] as const;
      for (const [, value] of poisoned) {
        await put(key, value);
        expect(await tier.read(key, deadline())).toEqual({ kind: 'miss' });
        expect(await tier.readHeads([key], deadline())).toEqual([{ kind: 'miss' }]);
        expect(await tier.readMany([key], deadline())).toEqual([{ kind: 'miss' }]);
      }
      expect(invalid).toEqual(poisoned.flatMap(([reason]) => [reason, reason, reason]));
    });

    it('of many keys has an answer for each, in their order', async ({ world, key }) => {
      const { tier, deadline, put } = world;
      const entry = client('a');
      // Without the braces they are on several nodes of a cluster.
      const name = key.slice(1, -1);
      await write(world, `${name}-a`, entry);
      await put(`${name}-other`, 'other');
      const keys = [`${name}-none`, `${name}-other`, `${name}-a`];
      const expected = [{ kind: 'miss' }, { kind: 'wrong-type' }, { kind: 'hit', entry }];
      expect(await tier.readMany(keys, deadline())).toEqual(expected);
      expect((await tier.readHeads(keys, deadline())).map(({ kind }) => kind)).toEqual([
        'miss',
        'wrong-type',
        'hit',
      ]);
    });
  });

  describe('what a newer version of the app wrote', () => {
    it.for(newerEntries)(
      '%s is no value, and the event says so once',
      async ([, value, version], { world, key }) => {
        const { tier, deadline, newer } = world;
        await world.put(key, value);
        const found = { kind: 'entry-newer' };
        expect(await tier.readHeads([key], deadline())).toEqual([found]);
        expect(await tier.read(key, deadline())).toEqual(found);
        expect(await tier.readMany([`${key}-none`, key], deadline())).toEqual([{ kind: 'miss' }, found]);
        expect(newer).toEqual([version]);
      },
    );
  });

  describe('memory', () => {
    const sizes = [0, 1, 4096, 65_536, 73_727, 73_728, maxValueBytes] as const;
    it.for(sizes)('is held for %i bytes as long as the charge is open', async (bytes, { world, key }) => {
      const { tier, deadline, budget } = world;
      const entry = { ...newEntry(Buffer.alloc(bytes, 'x'), 'text/plain', 1, 60), place: 5 };
      await write(world, key, entry);
      const charge = budget.open();
      const found = await tier.read(key, deadline(), charge);
      expect(found).toMatchObject({ kind: 'hit', entry: { etag: entry.etag } });
      const stored = encodeEntry(entry).length;
      expect(budget.usedBytes).toBe(stored < 73_728 ? bytes : 4 * stored);
      charge.close();
      await tier.read(key, deadline());
      await tier.readMany([key], deadline());
      expect(budget.usedBytes).toBe(0);
    });

    it('that there is none of is told, for small values and large ones', async ({ world, key }) => {
      const { tier, deadline, budget } = world;
      await write(world, key, newEntry(Buffer.alloc(maxValueBytes, 'x'), 'text/plain', 1, 60));
      const full = budget.open();
      full.add(budget.totalBytes - 100_000);
      expect(await tier.read(key, deadline())).toEqual({ kind: 'overloaded' });
      full.add(99_000);
      expect(await tier.read(`${key}-none`, deadline())).toEqual({ kind: 'overloaded' });
      full.close();
    });

    it('of one answer is limited, and of one value', async ({ world, key }) => {
      const { tier, deadline, budget } = world;
      const value = (bytes: number): Entry => newEntry(Buffer.alloc(bytes, 'x'), 'text/plain', 1, 60);
      await write(world, `${key}-1`, value(1000));
      await write(world, `${key}-2`, value(150_000));
      await world.put(`${key}-3`, encodeEntry(value(maxValueBytes + 1)));
      const charge = budget.open();
      const read = async (mostBytes: number): Promise<readonly string[]> => {
        const room = { charge, limit: new AnswerLimit(mostBytes) };
        const results = await tier.readMany([`${key}-1`, `${key}-2`, `${key}-3`], deadline(), room);
        return results.map(({ kind }) => kind);
      };
      expect(await read(999)).toEqual(['answer-too-large', 'answer-too-large', 'stored-value-too-large']);
      expect(await read(200_000)).toEqual(['hit', 'hit', 'stored-value-too-large']);
      charge.close();
    });

    it('is limited by the plain bytes of a compressed value', async ({ world, key }) => {
      const { tier, deadline } = world;
      const gzipped = (bytes: number): Entry => {
        const body = gzipSync(Buffer.alloc(bytes, 'x'));
        return { ...newEntry(body, 'text/plain', 1, 60), isGzipped: true };
      };
      await write(world, `${key}-1`, gzipped(maxValueBytes));
      await write(world, `${key}-2`, gzipped(maxValueBytes + 1));
      const keys = [`${key}-1`, `${key}-2`];
      expect((await tier.readMany(keys, deadline())).map(({ kind }) => kind)).toEqual([
        'hit',
        'stored-value-too-large',
      ]);
    });

    it('of a write is held until its bytes have left', async ({ world, key }) => {
      const charge = world.budget.open();
      charge.takeValue(1000);
      const writing = write(world, key, client('x'), always, { charge });
      charge.close();
      await writing;
    });
  });

  describe('an outage', () => {
    it('is never a miss, and says whether a change may have happened', async ({ world, key }) => {
      const { unavailable, losing, deadline } = world;
      const entry = fromOrigin('x');
      const failed = { kind: 'unavailable', error: expect.objectContaining({ name: 'AppError' }) as object };
      expect(await unavailable.read(key, deadline())).toEqual(failed);
      expect(await unavailable.readMany([key], deadline())).toEqual([failed]);
      expect(await unavailable.readHeads([key], deadline())).toEqual([failed]);
      for (const [tier, applied] of [
        [unavailable, 'no'],
        [losing, 'unknown'],
      ] as const) {
        const result = { ...failed, applied };
        expect(await tier.write(key, entry, always, deadline())).toEqual(result);
        expect(await tier.touch(key, entry.writeId ?? '', entry, deadline())).toEqual(result);
        expect(await tier.remove(key, always, deadline())).toEqual(result);
      }
    });
  });
}
