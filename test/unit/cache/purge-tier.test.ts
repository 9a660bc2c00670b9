// The tier that judges by what has been purged is a tier like any other, and what it does with what has been purged.

import { describe, expect, it } from 'vitest';
import { AnswerLimit } from '../../../src/cache/answer-limit.ts';
import { PurgeLog } from '../../../src/cache/purge-log.ts';
import { ruleId, scopedTag } from '../../../src/cache/purge-rules.ts';
import { PurgeTier } from '../../../src/cache/purge-tier.ts';
import type { ReadResult, Room, Tier } from '../../../src/cache/tier.ts';
import { ByteBudget } from '../../../src/util/byte-budget.ts';
import { AppError } from '../../../src/util/errors.ts';
import { tierChangesContract } from '../../contract/tier-changes.ts';
import { tierContract } from '../../contract/tier.ts';
import { always, client, fromOrigin, type TierWorld } from '../../contract/tier-world.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { openInMemory } from '../../support/in-memory-contract.ts';
import { ScriptedPurges } from '../../support/scripted-purges.ts';

/** `place` is that of all that is known: undefined until something is. */
function judged(tier: Tier, order: ScriptedPurges): { readonly tier: Tier; readonly log: PurgeLog } {
  const clock = new FakeClock();
  const log = new PurgeLog({ order, instance: () => 'me', clock, emit() {} });
  return { tier: new PurgeTier({ tier, log, scope: 'shop:', clock }), log };
}

async function open() {
  const world = await openInMemory();
  const order = new ScriptedPurges();
  const { tier, log } = judged(world.tier, order);
  await log.confirm(world.deadline());
  const purge = async (mode: 'stale' | 'remove', tag = 'red'): Promise<void> => {
    const place = order.answer.place + 1;
    const id = ruleId(mode, { kind: 'tag', name: scopedTag('shop:', tag) });
    order.answer = { ...order.answer, place, rules: [{ id, place, leftMs: 60_000 }] };
    await settle();
    order.announce(`p${place}`);
    await settle();
    expect(log.known).toBe(place);
  };
  return { ...world, below: world.tier, tier, log, order, purge };
}

const tagged = { ...client('value'), tags: ['red'] };

describe('what has been purged', () => {
  it('is removed when it is read, and is no entry to a write with a condition', async () => {
    for (const how of ['read', 'readMany', 'readHeads'] as const) {
      const { tier, below, deadline, purge } = await open();
      await tier.write('a', tagged, always, deadline());
      expect(await tier.read('a', deadline())).toMatchObject({ kind: 'hit', entry: { place: 5 } });
      await purge('remove', 'blue');
      expect(await tier.read('a', deadline())).toMatchObject({ kind: 'hit' });
      await purge('remove');
      const found = how === 'read' ? [await tier.read('a', deadline())] : await tier[how](['a'], deadline());
      expect(found).toEqual([{ kind: 'miss' }]);
      expect(await below.read('a', deadline())).toEqual({ kind: 'miss' });
    }
    const { tier, deadline, purge } = await open();
    await tier.write('a', tagged, always, deadline());
    await purge('remove');
    const ifMatch = { kind: 'match', etags: ['*'] } as const;
    expect(await tier.write('a', tagged, ifMatch, deadline())).toEqual({ kind: 'precondition-failed' });
    const ifNoneMatch = { kind: 'none-match', etags: ['*'] } as const;
    expect(await tier.write('a', tagged, ifNoneMatch, deadline())).toEqual({ kind: 'created' });
    expect(await tier.read('a', deadline())).toMatchObject({ kind: 'hit', entry: { place: 7 - 1 } });
  });

  it('is stale, whatever the clocks say', async () => {
    const { tier, deadline, purge } = await open();
    const ahead = { storedAtMs: 9e12, ttlSeconds: 3600 };
    await tier.write(
      'a',
      { ...fromOrigin('x'), place: 5, tags: ['red'], freshness: ahead },
      always,
      deadline(),
    );
    await purge('stale');
    const found = await tier.read('a', deadline());
    const { freshness, purged } = found.kind === 'hit' ? found.entry : expect.unreachable();
    expect(purged).toBe(true);
    expect((freshness?.storedAtMs ?? 0) + (freshness?.ttlSeconds ?? 0) * 1000).toBeLessThan(6);
  });

  it('is not stored by a load, nor renewed by one, that began before', async () => {
    const { tier, deadline, purge } = await open();
    const loaded = { ...fromOrigin('x'), place: 5, tags: ['red'] };
    await tier.write('a', loaded, always, deadline());
    await purge('stale');
    const refused = { kind: 'precondition-failed' };
    expect(await tier.write('b', loaded, { kind: 'absent' }, deadline())).toEqual(refused);
    expect(await tier.touch('a', loaded.writeId ?? '', loaded, deadline())).toEqual(refused);
    const after = { ...loaded, place: 6 };
    expect(await tier.touch('a', loaded.writeId ?? '', after, deadline())).toEqual({ kind: 'replaced' });
    const found = await tier.read('a', deadline());
    expect(found.kind === 'hit' && found.entry.purged).toBe(undefined);
  });
});

/** Nothing has been purged; entries have the place that the contract's have. */
const openJudged = async (): Promise<TierWorld> => {
  const world = await openInMemory();
  const over = (tier: Tier): Tier => judged(tier, new ScriptedPurges()).tier;
  return {
    ...world,
    tier: over(world.tier),
    unavailable: over(world.unavailable),
    losing: over(world.losing),
  };
};

describe('the contract', () => {
  tierContract(openJudged);
  tierChangesContract(openJudged);
});

describe('what is in memory, where purges cannot be asked for', () => {
  it('is read again, alone, and counts once in a large answer', async () => {
    const { tier: below, deadline } = await openInMemory();
    const budget = new ByteBudget(2 ** 20);
    const asked: (readonly string[])[] = [];
    const reading: Tier = Object.assign(Object.create(below) as Tier, {
      async readMany(keys: readonly string[], _deadlineAtMs: number, room?: Room) {
        const isFirst = asked.push(keys) === 1;
        return keys.map((key): ReadResult => {
          if (room?.limit?.admits(60) === false) return { kind: 'answer-too-large' };
          const from = isFirst && key === 'copied' ? ({ from: 'memory' } as const) : {};
          return { kind: 'hit', entry: client(key), ...from };
        });
      },
    });
    const order = new ScriptedPurges();
    order.before = async () => {
      throw new AppError('redis-unavailable', 'away');
    };
    const { tier } = judged(reading, order);
    const charge = budget.open();
    const room = { charge, limit: new AnswerLimit(120) };
    const results = await tier.readMany(['stored', 'copied'], deadline(), room);
    expect(results.map(({ kind }) => kind)).toEqual(['hit', 'hit']);
    expect(results).not.toContainEqual(expect.objectContaining({ from: 'memory' }));
    expect(asked).toEqual([['stored', 'copied'], ['copied']]);
    charge.close();
  });
});
