import { SimpleError } from 'redis';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ClusterNodes } from '../../../src/redis/cluster-nodes.ts';
import { ClusterRedis } from '../../../src/redis/cluster.ts';
import { slotOf } from '../../../src/redis/key-slot.ts';
import type { RedisNode } from '../../../src/redis/node.ts';
import { withParsedReply } from '../../../src/redis/reply-error.ts';
import type { RedisClient } from '../../../src/redis/redis.ts';
import { AppError } from '../../../src/util/errors.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { ClientTracking } from '../../../src/redis/tracking.ts';

type Work = (client: RedisClient) => Promise<unknown>;

/** One that answers each key with its own name, or fails as it is told. */
class Node {
  readonly hostname: string;
  readonly sent: string[] = [];
  failures: unknown[] = [];

  constructor(hostname: string) {
    this.hostname = hostname;
  }

  run(work: Work): Promise<unknown> {
    const failure = this.failures.shift();
    if (failure !== undefined) return Promise.reject(failure);
    const client = {
      get: async (key: string) => {
        this.sent.push(key);
        return `${this.hostname} ${key}`;
      },
      sendCommand: async (args: string[]) => void this.sent.push(args.join(' ')),
    };
    return work(client as unknown as RedisClient);
  }

  ping(): Promise<void> {
    return this.run(async () => {}) as Promise<void>;
  }
}

const reply = (message: string): unknown => withParsedReply(new SimpleError(message));
const down = new AppError('redis-unavailable', 'down');

let clock: FakeClock;
let a: Node;
let b: Node;
let owner: (slot: number) => Node | undefined;
let known: () => Promise<void>;
let moves: unknown[];
let refreshes: number;
let redis: ClusterRedis;

beforeEach(() => {
  clock = new FakeClock();
  [a, b] = [new Node('a'), new Node('b')];
  owner = () => a;
  known = async () => {};
  moves = [];
  refreshes = 0;
  const nodes = {
    known: () => known(),
    ownerOf: (slot: number) => owner(slot) as unknown as RedisNode | undefined,
    askedNode: () => b as unknown as RedisNode,
    moveSlot: (slot: number, to: unknown) => {
      moves.push([slot, to]);
      owner = () => b;
    },
    refreshSoon: () => (refreshes += 1),
    onChange: () => {},
    all: () => [a, b] as unknown as readonly RedisNode[],
    isClosed: false,
  };
  redis = new ClusterRedis({
    nodes: nodes as unknown as ClusterNodes,
    tracking: new ClientTracking({ clock, emit: () => {} }),
    clock,
  });
});

const call = (ms = 2000) => ({ key: 'k', deadlineAtMs: clock.nowMs() + ms, idempotent: true });
const get = (ms?: number): Promise<unknown> => redis.run((client) => client.get('k'), call(ms));

describe('a command', () => {
  it('goes to the node that holds its slot', async () => {
    expect(await get()).toBe('a k');
  });

  it('follows a slot that has moved', async () => {
    a.failures = [reply('MOVED 7629 b:7000')];
    expect(await get()).toBe('b k');
    expect(moves).toEqual([[7629, { host: 'b', port: 7000 }]]);
  });

  it('asks once elsewhere for a key that is there before its slot', async () => {
    a.failures = [reply('ASK 7629 b:7000')];
    expect(await get()).toBe('b k');
    expect(b.sent).toEqual(['ASKING', 'k']);
    expect(await get()).toBe('a k');
  });

  it('waits a moment where the slot is between two states, within its deadline', async () => {
    a.failures = [reply('TRYAGAIN'), reply('CLUSTERDOWN')];
    const read = get();
    await clock.advance(150);
    expect(await read).toBe('a k');
    expect(refreshes).toBe(2);
    a.failures = [reply('CLUSTERDOWN')];
    await expect(get(75)).rejects.toThrow('CLUSTERDOWN');
  });

  it('is sent elsewhere at once where its node has left the cluster', async () => {
    a.failures = [new AppError('stopped', 'closed')];
    expect(await get()).toBe('a k');
  });

  it('whose slot nobody holds waits for somebody', async () => {
    owner = () => undefined;
    const read = get();
    await clock.advance(50);
    owner = () => b;
    await clock.advance(50);
    expect(await read).toBe('b k');
  });

  it('ends where nodes send it round and round', async () => {
    a.failures = Array.from({ length: 40 }, () => new AppError('stopped', 'closed'));
    await expect(get()).rejects.toThrow('closed');
    expect(a.failures).toHaveLength(40 - 16);
  });

  it('fails with whatever else happens', async () => {
    a.failures = [down];
    await expect(get()).rejects.toBe(down);
    a.failures = [new TypeError('a bug')];
    await expect(get()).rejects.toThrow('a bug');
    known = () => Promise.reject(down);
    await expect(get()).rejects.toBe(down);
  });
});

describe('many keys', () => {
  const keys = ['one', 'two', 'three', 'four', 'two'];
  const getMany = (): Promise<readonly unknown[]> =>
    redis.runMany(keys, (client, some) => Promise.all(some.map((key) => client.get(key))), call());
  const byParity = (slot: number): Node => (slot % 2 === 0 ? a : b);
  const expected = keys.map((key) => ({ ok: true, value: `${slotOf(key) % 2 === 0 ? 'a' : 'b'} ${key}` }));

  beforeEach(() => {
    owner = byParity;
  });

  it('are read from their nodes, one pipeline each, the answers in their order', async () => {
    expect(await getMany()).toEqual(expected);
    expect(new Set([...a.sent, ...b.sent])).toEqual(new Set(keys));
  });

  it('of a node that cannot be asked fail alone', async () => {
    a.failures = [down];
    expect(await getMany()).toEqual(
      keys.map((key, index) => (byParity(slotOf(key)) === a ? { ok: false, error: down } : expected[index])),
    );
  });

  it('are read one by one where a slot has moved', async () => {
    a.failures = [reply('TRYAGAIN')];
    expect(await getMany()).toEqual(expected);
  });

  it('all fail where nothing is known, and a bug is one', async () => {
    known = () => Promise.reject(down);
    expect(await getMany()).toEqual(keys.map(() => ({ ok: false, error: down })));
    known = async () => {};
    a.failures = [new TypeError('a bug')];
    await expect(getMany()).rejects.toThrow('a bug');
  });
});

it('one node that answers PING is enough', async () => {
  a.failures = [down];
  await redis.ping(clock.nowMs() + 1000);
  [a.failures, b.failures] = [[down], [down]];
  await expect(redis.ping(clock.nowMs() + 1000)).rejects.toBe(down);
});
