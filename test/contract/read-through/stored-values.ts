// What is in Redis and cannot be what it claims to be: locks, marks, entries, and conditions on them.

import { describe, expect, it } from 'vitest';
import { encodeEntry } from '../../../src/cache/entry-encoder.ts';
import { newEntry } from '../../../src/cache/entry.ts';
import { lockKeys } from '../../../src/cache/lock-keys.ts';
import type { WriteCondition } from '../../../src/cache/tier.ts';
import { eventually } from '../../support/eventually.ts';
import { entryKey } from '../../support/cache-instance.ts';
import type { Begin } from '../../support/read-through-test.ts';

export function storedValues(begin: Begin): void {
  describe.concurrent('what is stored', () => {
    it('as a lock, or as what is remembered, is not believed where it cannot be that', async () => {
      await using test = begin();
      const { origin, key } = test;
      const instance = await test.start();
      const { lock, mark } = lockKeys('ref', { kind: 'load', name: key });
      const forgeries: readonly (readonly string[])[] = [
        ['SET', lock, 'x'],
        ['SET', lock, 'x', 'PX', '60000'],
        ['RPUSH', lock, 'x'],
        ['SET', mark, 'none'],
        ['SET', mark, 'none', 'PX', `${2 * 24 * 3600 * 1000}`],
        ['SET', mark, 'held', 'PX', '1000'],
        ['RPUSH', mark, 'none'],
      ];
      origin.set(key, 'value');
      for (const command of forgeries) {
        await test.admin('DEL', key);
        await eventually(async () => expect(await test.admin('EXISTS', lock)).toBe(0));
        await test.admin('DEL', mark);
        await test.admin(...command);
        expect(await test.outcome(instance)).toBe('loaded value');
        await eventually(async () => expect(await test.admin('EXISTS', key)).toBe(1));
      }
      // What could be another instance's is waited for.
      await test.admin('DEL', key);
      await test.admin('SET', lock, 'x', 'PX', '3000');
      expect(await test.outcome(instance, key, 500)).toBe('origin-pending');
    });

    it('and begins as an entry and is none is a miss: loaded anew, and told by an event', async () => {
      await using test = begin();
      const { origin, key } = test;
      const [instance, bare] = [await test.start(), await test.startWithoutOrigin()];
      origin.set(key, 'value');
      const valid = encodeEntry(newEntry(Buffer.from('poison'), 'text/html', 1, 1)).toString('latin1');
      const poisoned = [
        valid.replace('text/html', 'text/\r\ntml'),
        valid.replace('ttl=1000', 'ttl=-100'),
        valid.slice(0, 30),
        valid.replace('\u0003', '\u0001'),
      ].map((text) => Buffer.from(text, 'latin1'));
      for (const value of poisoned) {
        await test.admin('SET', key, value);
        expect(await test.outcome(bare)).toBe('miss');
        expect(await test.outcome(instance)).toBe('loaded value');
        await eventually(async () => expect(await test.outcome(instance)).toBe('hit value'));
        // Several at once, and what is told of it.
        await test.admin('SET', key, value);
        const [many] = await bare.cache.readMany([entryKey(key)], Date.now() + 15_000);
        expect(many?.kind).toBe('miss');
      }
      const events = bare.events.filter(({ type }) => type === 'entryInvalid');
      expect(events).toHaveLength(2 * poisoned.length);
      expect(JSON.stringify(events)).not.toMatch(/poison|key-/u);
    });

    it('with a weak tag fulfils no If-Match, and is found by If-None-Match', async () => {
      await using test = begin();
      const { origin, key } = test;
      const instance = await test.start();
      origin.set(key, 'value');
      origin.fields = { etag: 'W/"w"' };
      await test.read(instance);
      await eventually(async () => expect(await test.admin('EXISTS', key)).toBe(1));
      const entry = newEntry(Buffer.from('mine'), 'text/plain', Date.now(), 60);
      const write = async (condition: WriteCondition): Promise<string> =>
        (await instance.tier.write(key, entry, condition, Date.now() + 15_000)).kind;
      expect(await write({ kind: 'match', etags: ['w'] })).toBe('precondition-failed');
      expect(await write({ kind: 'none-match', etags: ['w'] })).toBe('precondition-failed');
      expect(await write({ kind: 'match', etags: ['*'] })).toBe('replaced');
      expect(await write({ kind: 'match', etags: [entry.etag] })).toBe('replaced');
    });

    it('and is no entry is absent to conditions', async () => {
      await using test = begin();
      const { key } = test;
      const instance = await test.startWithoutOrigin();
      const entry = newEntry(Buffer.from('mine'), 'text/plain', Date.now(), 60);
      const invalid = encodeEntry(entry).fill('?', 30, 40);
      const write = async (condition: WriteCondition): Promise<string> => {
        await test.admin('SET', key, invalid);
        return (await instance.tier.write(key, entry, condition, Date.now() + 15_000)).kind;
      };
      expect(await write({ kind: 'match', etags: [entry.etag] })).toBe('precondition-failed');
      expect(await write({ kind: 'match', etags: ['*'] })).toBe('precondition-failed');
      expect(await write({ kind: 'none-match', etags: ['*'] })).toBe('created');
      expect(await write({ kind: 'none', etags: [] })).toBe('created');
      await test.admin('SET', key, invalid);
      expect(await test.remove(instance)).toEqual({ kind: 'absent' });
      expect(await test.admin('EXISTS', key)).toBe(0);
    });
  });
}
