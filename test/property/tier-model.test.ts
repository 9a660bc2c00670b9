// Whatever is done, and in whatever order, the tier and the locks in memory answer as those over a real server do.

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startRedisServer, type RedisServer } from '../../local/redis-server.ts';
import { encodeEntry } from '../../src/cache/entry-encoder.ts';
import { newEntry, type Entry } from '../../src/cache/entry.ts';
import type { Lock } from '../../src/cache/locks.ts';
import type { Guard, RemoveResult, WriteCondition, WriteResult } from '../../src/cache/tier.ts';
import { AppError } from '../../src/util/errors.ts';
import { comparable, loaded, newerEntries } from '../contract/tier-world.ts';
import type { LocksWorld } from '../contract/locks.ts';
import { connectDirectly, type DirectRedis } from '../support/direct-redis.ts';
import { openInMemory } from '../support/in-memory-contract.ts';
import { openOnRedis } from '../support/redis-contract.ts';

const password = 'of the test only';
const parts: { server?: RedisServer; redis?: DirectRedis } = {};
beforeAll(async () => {
  parts.server = await startRedisServer({ password });
  parts.redis = await connectDirectly(parts.server, password);
});
afterAll(async () => {
  await parts.redis?.[Symbol.asyncDispose]();
  await parts.server?.stop();
});

const entry = (text: string, writeId: string): Entry => ({
  ...newEntry(Buffer.from(text), 'text/plain', 1_700_000_000_000, 3600),
  writeId,
});
const entries: readonly Entry[] = [
  entry('same', 'w0'),
  entry('same', 'w1'),
  { ...entry('other', 'w2'), loaded: { ...loaded, isWeak: true } },
  { ...entry('', 'w3'), loaded: { ...loaded, keptMs: 0 } },
];
const foreign = Buffer.from('foreign');
const foreignTag = createHash('sha1').update(foreign).digest('hex');
const tags = [...entries.map(({ etag }) => etag), '*', 'x', foreignTag];
/** By name, so that a counterexample can be read. */
const values: ReadonlyMap<string, Buffer | 'other'> = new Map<string, Buffer | 'other'>([
  ['foreign', foreign],
  ['empty', Buffer.alloc(0)],
  ['cut', encodeEntry(entry('cut', 'w4')).subarray(0, 20)],
  ['too large', Buffer.alloc(200_001, 'x')],
  ...newerEntries.map(([name, value]) => [name, value] as const),
  ['other', 'other'],
]);

const pick = <T>(of: readonly T[]) => fc.constantFrom(...of);
const condition: fc.Arbitrary<WriteCondition> = fc.oneof(
  fc.record({
    kind: pick(['none', 'match', 'none-match'] as const),
    etags: fc.array(pick(tags), { minLength: 1, maxLength: 2 }),
  }),
  fc.record({ kind: pick(['same', 'same-or-absent'] as const), writeId: pick(['w0', 'w1', 'w2', 'w5']) }),
  fc.constant({ kind: 'absent' } as const),
);
// One whose slot nobody can tell.
const keys = ['one', 'two{a}{b}'];
const anyKey = pick(keys);
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('read' as const), name: anyKey }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      name: anyKey,
      entry: pick(entries),
      condition,
      guard: pick(['none', 'lock', 'no-lock'] as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('touch' as const),
      name: anyKey,
      writeId: pick(['w0', 'w1', 'w2']),
      head: pick(entries),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('remove' as const),
      name: anyKey,
      condition,
      isTraced: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('put' as const), name: anyKey, value: pick([...values.keys()]) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: pick(['acquire', 'acquire', 'look', 'guard', 'forget'] as const),
      name: anyKey,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: pick(['release', 'mark'] as const),
      name: anyKey,
      mark: pick(['none', 'pass', 'failed'] as const),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** One of the two worlds, and what is held in it. */
class Side {
  readonly world: LocksWorld;
  readonly #locks = new Map<string, Lock>();
  readonly #guards = new Map<string, Guard>();

  constructor(world: LocksWorld) {
    this.world = world;
  }

  async do(one: Step): Promise<unknown> {
    const { tier, locks, deadline, put } = this.world;
    const subject = { kind: 'load', name: one.name } as const;
    switch (one.do) {
      case 'read':
        return [
          comparable([await tier.read(one.name, deadline())]),
          comparable(await tier.readMany(keys, deadline())),
          comparable(await tier.readHeads(keys, deadline())),
        ];
      case 'write': {
        const options = { guard: this.#guard(one.guard, one.name) };
        return failure(await tier.write(one.name, one.entry, one.condition, deadline(), options));
      }
      case 'touch':
        return failure(await tier.touch(one.name, one.writeId, one.head, deadline()));
      case 'remove': {
        const trace = one.isTraced ? locks.traceOf(one.name) : undefined;
        return failure(await tier.remove(one.name, one.condition, deadline(), trace));
      }
      case 'put':
        return put(one.name, values.get(one.value) ?? expect.unreachable());
      case 'acquire': {
        const attempt = await locks.acquire(subject, deadline());
        if (attempt.kind === 'acquired') this.#locks.set(one.name, attempt.lock);
        return attempt.kind;
      }
      case 'look':
        return locks.look(subject, deadline());
      case 'guard': {
        const guard = await locks.guardWithoutLock(one.name, deadline());
        if (guard !== undefined) this.#guards.set(one.name, guard);
        return guard?.key;
      }
      case 'forget':
        locks.forget(subject);
        return locks.look(subject, deadline());
      case 'release':
        this.#locks.get(one.name)?.release({ kind: one.mark, forMs: 60_000 });
        return locks.look(subject, deadline());
      case 'mark':
        locks.mark(subject, one.mark, 60_000);
        return locks.look(subject, deadline());
    }
  }

  /** What is stored, and for how long in seconds: but for what is a secret of each side. */
  async state(): Promise<unknown> {
    const { stored, leftMs } = this.world;
    const of = async (key: string) => [await stored(key), await leftMs(key)] as const;
    return Promise.all(keys.map(of));
  }

  release(): void {
    for (const lock of this.#locks.values()) lock.release();
  }

  #guard(kind: 'none' | 'lock' | 'no-lock', name: string): Guard | undefined {
    if (kind === 'lock') return this.#locks.get(name)?.guard;
    return kind === 'no-lock' ? this.#guards.get(name) : undefined;
  }
}

/** The words of a failure are each side's own. */
function failure(result: WriteResult | RemoveResult): unknown {
  return 'error' in result && result.error instanceof AppError
    ? { ...result, error: result.error.code }
    : result;
}

it('both give the same answers and leave the same behind', async () => {
  const { server, redis } = parts;
  if (server === undefined || redis === undefined) throw new Error('The server has not started.');
  const happened = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
      await server.admin('FLUSHALL');
      const sides = [
        new Side(await openInMemory()),
        new Side(await openOnRedis(redis.port, server)),
      ] as const;
      for (const one of steps) {
        const [expected, found] = [await sides[0].do(one), await sides[1].do(one)];
        expect(found).toEqual(expected);
        const what = `${one.do} ${(expected as { kind?: string } | undefined)?.kind ?? String(expected)}`;
        happened.set(what, (happened.get(what) ?? 0) + 1);
      }
      const [expected, found] = [await sides[0].state(), await sides[1].state()] as [
        [Buffer, number][],
        [Buffer, number][],
      ];
      expect(found.map(([stored]) => stored)).toEqual(expected.map(([stored]) => stored));
      for (const [index, [, leftMs]] of found.entries()) {
        expect(Math.abs(leftMs - (expected[index]?.[1] ?? 0))).toBeLessThan(5000);
      }
      for (const side of sides) side.release();
      const [inMemory, onRedis] = [sides[0].world, sides[1].world];
      expect(onRedis.invalid).toHaveLength(inMemory.invalid.length);
      expect(onRedis.newer).toEqual(inMemory.newer);
      expect(sides.map(({ world }) => world.budget.usedBytes)).toEqual([0, 0]);
    }),
    { numRuns: 200 },
  );
  const much = ['write created', 'write replaced', 'write precondition-failed', 'write wrong-type'];
  much.push('write entry-newer', 'touch entry-newer', 'touch replaced', 'remove entry-newer');
  much.push('remove removed', 'remove absent', 'remove precondition-failed', 'acquire held', 'mark none');
  for (const what of much) expect(happened.get(what) ?? 0, what).toBeGreaterThan(0);
});
