// What is too large, or that there is no memory for, is told as what it is: neither a miss nor an outage.

import { describe, expect } from 'vitest';
import { AnswerLimit } from '../../../src/cache/answer-limit.ts';
import { encodeEntry } from '../../../src/cache/entry-encoder.ts';
import { newEntry } from '../../../src/cache/entry.ts';
import { entryKey, it, told } from '../../support/in-memory-cache.ts';
import { bytesOf } from '../../support/stored-entries.ts';

describe('memory', () => {
  it('that there is none of loads nothing, is told at once, and is nobody’s fault', async ({ world }) => {
    const instance = world.instance();
    world.origin.set('key', Buffer.alloc(100_000, 'x'));
    const full = instance.budget.open();
    while (full.takeValue(100_000));
    expect(told(await instance.read('key'))).toBe('overloaded');
    expect(world.origin.loads).toHaveLength(1);
    expect(world.origin.bodiesMoved).toBe(0);
    expect(instance.told).toEqual([]);
    full.close();
    expect(await instance.read('key')).toMatchObject({ kind: 'loaded', forwarded: { stored: true } });
  });

  it('that there is none of for what Redis has asks the origin for nothing', async ({ world }) => {
    const instance = world.instance();
    await instance.write('key', 'x'.repeat(100_000));
    const full = instance.budget.open();
    full.add(instance.budget.totalBytes);
    expect(told(await instance.read('key'))).toBe('overloaded');
    expect(world.origin.loads).toEqual([]);
    full.close();
  });

  it('that there is none of when a load by another instance has ended is told', async ({ world }) => {
    const [first, second] = [world.instance(), world.instance()];
    world.origin.set('key', 'value');
    world.origin.delayMs = 300;
    const loading = first.read('key');
    const waiting = second.read('key');
    await world.clock.advance(50);
    const full = second.budget.open();
    full.add(second.budget.totalBytes);
    expect(told(await world.after(300, waiting))).toBe('overloaded');
    full.close();
    expect(told(await loading)).toBe('loaded value');
  });

  it('is counted for each of those who wait for a load, as far as it goes', async ({ world }) => {
    const instance = world.instance({ budgetBytes: 2_000_000 });
    world.origin.set('key', 'x'.repeat(100_000));
    world.origin.delayMs = 100;
    const until = world.clock.nowMs() + 2000;
    const charges = Array.from({ length: 5 }, () => instance.budget.open());
    const reads = charges.map(async (charge) => instance.cache.read(entryKey('key'), until, { charge }));
    const kinds = (await world.after(100, Promise.all(reads))).map(({ kind }) => kind);
    // Three quarters of it are for large values: three of 400,000 bytes.
    expect(kinds.filter((kind) => kind === 'loaded')).toHaveLength(3);
    expect(new Set(kinds)).toEqual(new Set(['loaded', 'overloaded']));
    for (const charge of charges) charge.close();
  });
});

describe('what is too large', () => {
  it('at the origin is a failure of this entry alone', async ({ world }) => {
    const instance = world.instance();
    for (const bytes of [2_000_000, undefined]) {
      world.origin.answers.set('key', () => ({ kind: 'too-large', bytes }));
      const answer = await instance.read('key');
      expect(answer).toMatchObject({ kind: 'origin-failed', error: { isOfOneEntry: true } });
    }
    expect(instance.told).toEqual([]);
  });

  it('in Redis is told as what it is', async ({ world }) => {
    const instance = world.instance({ maxValueBytes: 1000 });
    const entry = newEntry(Buffer.alloc(1001, 'x'), 'text/plain', 1, 60);
    world.server.set('key', encodeEntry(entry));
    expect(told(await instance.read('key'))).toBe('stored-value-too-large');
    world.server.set('key', Buffer.alloc(100_000, 'x'));
    expect(told(await instance.read('key'))).toBe('stored-value-too-large');
    expect(world.origin.loads).toEqual([]);
  });

  it('for one answer is so whether it was loaded, bypassed or validated', async ({ world }) => {
    const instance = world.instance();
    for (const name of ['a', 'b', 'c']) world.origin.set(name, 'x'.repeat(60));
    const read = async (): Promise<readonly string[]> => {
      const charge = instance.budget.open();
      const room = { charge, limit: new AnswerLimit(100) };
      const names = ['a', 'b', 'none'].map(entryKey);
      const answers = await instance.cache.readMany(names, world.clock.nowMs() + 2000, room);
      charge.close();
      return answers.map(({ kind }) => kind);
    };
    instance.connection.fault = 'unavailable';
    expect(await read()).toEqual(['loaded', 'answer-too-large', 'unavailable']);
    instance.connection.fault = 'none';
    world.origin.fields = { 'cache-control': 'no-cache' };
    expect(await read()).toEqual(['loaded', 'answer-too-large', 'miss']);
    await world.clock.advance(5001);
    expect((await read()).toSorted()).toEqual(['answer-too-large', 'answer-too-large', 'miss']);
  });
});

describe('a value that is no entry', () => {
  it('though it begins as one is loaded anew, and told by an event without any of it', async ({ world }) => {
    const [instance, bare] = [world.instance(), world.instance({ origin: undefined })];
    world.origin.set('key', 'value');
    const valid = encodeEntry(newEntry(Buffer.from('poison'), 'text/html', 1, 1)).toString('latin1');
    const poisoned = [
      valid.replace('text/html', 'text/\r\ntml'),
      valid.replace('ttl=1000', 'ttl=-100'),
      valid.slice(0, 30),
      bytesOf({}, { version: 1 }),
    ];
    for (const value of poisoned) {
      world.server.set('key', value);
      expect(told(await bare.read('key'))).toBe('miss');
      expect(told(await instance.read('key'))).toBe('loaded value');
      expect(told(await instance.read('key'))).toBe('hit value');
      world.server.set('key', value);
      expect((await bare.readMany(['key'])).map(told)).toEqual(['miss']);
    }
    expect(bare.told).toEqual(Array(2 * poisoned.length).fill('entryInvalid'));
    expect(JSON.stringify(bare.events)).not.toMatch(/poison|key/u);
  });

  it('of another type is told, and never loaded', async ({ world }) => {
    const instance = world.instance();
    world.server.set('key', 'other');
    expect(told(await instance.read('key'))).toBe('wrong-type');
    expect(await instance.write('key', 'x')).toEqual({ kind: 'wrong-type' });
    expect(world.origin.loads).toEqual([]);
  });
});
