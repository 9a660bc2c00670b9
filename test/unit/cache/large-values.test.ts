// Values that are read in portions, step by step, while others write them: what is served was stored as it is, always.

import { describe, expect, test } from 'vitest';
import { encodeEntry } from '../../../src/cache/entry-encoder.ts';
import { newEntry, type Entry } from '../../../src/cache/entry.ts';
import { RedisTier } from '../../../src/cache/redis-tier.ts';
import type { ReadResult } from '../../../src/cache/tier.ts';
import { ByteBudget } from '../../../src/util/byte-budget.ts';
import { comparable } from '../../contract/tier-world.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { inMemoryRedis } from '../../support/in-memory-redis.ts';
import { InMemoryConnection, InMemoryServer } from '../../support/in-memory-server.ts';
import { loaded as loadedOnce } from '../../contract/tier-world.ts';

const maxValueBytes = 2 ** 20;

class Parts {
  readonly clock = new FakeClock();
  readonly server = new InMemoryServer(this.clock);
  readonly connection = new InMemoryConnection(this.server);
  readonly budget = new ByteBudget(32 * 2 ** 20);
  readonly told: string[] = [];
  readonly tier = new RedisTier({
    redis: inMemoryRedis(this.connection, maxValueBytes),
    budget: this.budget,
    maxValueBytes,
    emit: ({ type }) => void this.told.push(type),
  });

  put(entry: Entry): void {
    this.server.set('key', encodeEntry(entry));
  }

  read(): Promise<ReadResult> {
    return this.tier.read('key', this.clock.nowMs() + 2000);
  }

  /** Reads with `change` made after so many commands; all that comes is let through. */
  async readAround(commands: number, change: () => void): Promise<ReadResult> {
    this.connection.hold();
    const outcome: { result?: ReadResult } = {};
    const reading = this.read().then((result) => (outcome.result = result));
    for (let steps = 0; outcome.result === undefined; steps += 1) {
      await settle();
      if (steps === commands) change();
      this.connection.step();
      if (steps > 100) expect.unreachable('It takes too many commands.');
      await settle();
    }
    this.connection.release();
    return reading;
  }
}

const it = test.extend<{ readonly parts: Parts }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the names of the fixtures from the pattern.
  parts: async ({}, use) => {
    const parts = new Parts();
    await use(parts);
    await parts.clock.advance(10_000);
    expect(parts.budget.usedBytes).toBe(0);
  },
});

const value = (text: string, bytes = 500_000): Entry =>
  newEntry(Buffer.alloc(bytes, text), 'text/plain', 1, 60);
const commands = Array.from({ length: 10 }, (_, index) => index);

describe('a large value', () => {
  it.for(commands)(
    'replaced after %i commands is one of the two, never a mixture',
    async (count, { parts }) => {
      for (const next of [value('new'), value('new', 300_000), value('new', 100), value('new', 700_000)]) {
        const old = value('old');
        parts.put(old);
        const result = await parts.readAround(count, () => parts.put(next));
        const entry = result.kind === 'hit' ? result.entry : expect.unreachable(result.kind);
        expect([old.writeId, next.writeId]).toContain(entry.writeId);
        expect(entry.body.equals((entry.writeId === old.writeId ? old : next).body)).toBe(true);
      }
    },
  );

  it.for(commands)('removed after %i commands is there, or a miss', async (count, { parts }) => {
    const old = value('old');
    parts.put(old);
    const result = await parts.readAround(count, () => parts.server.delete('key'));
    if (result.kind === 'hit') expect(result.entry.body.equals(old.body)).toBe(true);
    else expect(result).toEqual({ kind: 'miss' });
  });

  it.for(commands)('of somebody else, replaced after %i commands, neither', async (count, { parts }) => {
    const [old, next] = [Buffer.alloc(300_000, 'old'), Buffer.alloc(200_000, 'new')];
    parts.server.set('key', old);
    const result = await parts.readAround(count, () => parts.server.set('key', next));
    const body = result.kind === 'hit' ? result.entry.body : expect.unreachable(result.kind);
    expect(body.equals(old) || body.equals(next)).toBe(true);
  });

  it('whose connection is lost between two portions is an outage', async ({ parts }) => {
    parts.put(value('old', 1_000_000));
    const result = await parts.readAround(4, () => (parts.connection.fault = 'unavailable'));
    expect(result).toMatchObject({ kind: 'unavailable', error: { code: 'redis-unavailable' } });
  });

  it('that does not come in time is an outage, and its memory is held until it has come', async ({
    parts,
  }) => {
    for (const stored of [encodeEntry(value('old', 1_000_000)), Buffer.alloc(300_000, 'x')]) {
      parts.server.set('key', stored);
      const reading = parts.readAround(2, () => void parts.clock.advance(2000));
      expect(await reading).toMatchObject({ kind: 'unavailable', error: { code: 'deadline-exceeded' } });
    }
  });

  it('that is cut within its head is a miss, and told', async ({ parts }) => {
    const stored = encodeEntry(value('old')).fill('?', 20, 30);
    parts.server.set('key', stored);
    expect(await parts.read()).toEqual({ kind: 'miss' });
    expect(parts.told).toEqual(['entryInvalid']);
  });
});

describe('of many values', () => {
  const others = Array.from({ length: 1100 }, (_, index) => `absent-${index}`);
  const fields = { etag: `"${'v'.repeat(3000)}"`, link: 'l'.repeat(900) };
  const loaded = { ...loadedOnce, fields };

  it('the first portions are shorter, and one whose head is longer than that is read as well', async ({
    parts,
  }) => {
    const { tier, clock } = parts;
    const tag = 't'.repeat(255);
    const entry = { ...value('x', 9000), etag: tag, contentType: 'c'.repeat(255), loaded };
    parts.put(entry);
    const results = await tier.readMany(['key', ...others], clock.nowMs() + 2000);
    expect(comparable(results.slice(0, 1))).toEqual([{ kind: 'hit', entry }]);
    const heads = await tier.readHeads(['key', 'absent-1'], clock.nowMs() + 2000);
    const { body: _body, ...head } = entry;
    expect(comparable(heads)).toEqual([{ kind: 'hit', head }, { kind: 'miss' }]);
  });

  it('an error that concerns none of them alone is an outage of all', async ({ parts }) => {
    const { tier, clock, connection } = parts;
    parts.put(value('x', 10));
    connection.fault = 'lost-before';
    const results = await tier.readMany(['key', 'none'], clock.nowMs() + 2000);
    expect(results.map(({ kind }) => kind)).toEqual(['unavailable', 'unavailable']);
  });
});

describe('an empty string', () => {
  it('is told from none, also where none has been missed for long', async ({ parts }) => {
    parts.put(value('x', 10));
    for (let reads = 0; reads < 70; reads += 1) expect((await parts.read()).kind).toBe('hit');
    parts.server.delete('key');
    expect(await parts.read()).toEqual({ kind: 'miss' });
    for (let reads = 0; reads < 2; reads += 1) {
      parts.server.set('key', '');
      expect(await parts.read()).toMatchObject({ kind: 'hit', entry: { writeId: undefined } });
      parts.put(value('x', 10));
      for (let hits = 0; hits < 70; hits += 1) await parts.read();
    }
  });
});
