import { beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../../src/util/errors.ts';
import { ClusterNodes } from '../../../src/redis/cluster-nodes.ts';
import type { RedisNode } from '../../../src/redis/node.ts';
import type { RedisStatus } from '../../../src/redis/redis.ts';
import type { AppEvent, Emit } from '../../../src/telemetry/events.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

it('closed while it asks for the slots it makes no connection that nobody would close', async () => {
  const clock = new FakeClock();
  const open = new Set<string>();
  const table = [[0, 16_383, ['node', 7000]]];
  let answers = 1;
  const newNode = ({ host }: { readonly host: string }): RedisNode => {
    const closing = Promise.withResolvers<never>();
    closing.promise.catch(() => {});
    const leave = (): Promise<void> => {
      open.delete(host);
      closing.reject(new AppError('stopped', 'closed'));
      return Promise.resolve();
    };
    const scripted = {
      hostname: host,
      start: () => open.add(host),
      status: () => ({ state: 'ready', connections: 1, reauthenticated: 0, reauthenticationsFailed: 0 }),
      run: () => ((answers -= 1) >= 0 ? Promise.resolve(table) : closing.promise),
      close: leave,
      retire: leave,
    };
    return scripted as unknown as RedisNode;
  };
  const endpoint = { host: 'endpoint', port: 10_000 };
  const nodes = new ClusterNodes({ newNode, endpoint, clock, random: () => 0, emit: () => {} });
  nodes.start();
  await clock.advance(1000);
  await nodes.known(clock.nowMs() + 1000);
  expect([...open]).toEqual(['node']);
  nodes.refreshSoon();
  await clock.advance(100);
  await nodes.close();
  await settle();
  expect([...open]).toEqual([]);
});

class ScriptedNode {
  readonly hostname: string;
  readonly emit: Emit;
  state: RedisStatus['state'] = 'idle';
  isRetired = false;
  answer: () => Promise<unknown>;

  constructor(hostname: string, emit: Emit, answer: () => Promise<unknown>) {
    this.hostname = hostname;
    this.emit = emit;
    this.answer = answer;
  }

  start(): void {
    this.state = 'ready';
  }

  status(): RedisStatus {
    const { state } = this;
    const connections = state === 'ready' ? 1 : 0;
    return { state, connections, lastFailure: undefined, reauthenticated: 2, reauthenticationsFailed: 1 };
  }

  run(): Promise<unknown> {
    return this.answer();
  }

  async settled(): Promise<void> {}

  async retire(): Promise<void> {
    this.isRetired = true;
  }

  async close(): Promise<void> {
    this.state = 'closed';
  }
}

describe('the nodes of a cluster', () => {
  const nowhere = { host: 'endpoint', port: 10_000 };
  let clock: FakeClock;
  let created: ScriptedNode[];
  let events: AppEvent[];
  let answer: () => Promise<unknown>;
  let nodes: ClusterNodes;

  beforeEach(() => {
    clock = new FakeClock();
    created = [];
    events = [];
    answer = () => Promise.resolve(halves('a', 'b'));
    nodes = new ClusterNodes({
      newNode: ({ host }, emit) => {
        const node = new ScriptedNode(host, emit, () => answer());
        created.push(node);
        return node as unknown as RedisNode;
      },
      endpoint: nowhere,
      clock,
      random: () => 0,
      emit: (event) => events.push(event),
    });
  });

  const halves = (first: string, second: string): unknown => [
    [0, 8191, [first, 7000]],
    [8192, 16_383, [second, 7000]],
  ];
  const named = (host: string): ScriptedNode | undefined => created.find(({ hostname }) => hostname === host);

  it('are found through the seed node, which is retired once they are ready', async () => {
    nodes.start();
    expect([nodes.status().state, created.length]).toEqual(['connecting', 1]);
    await clock.advance(0);
    await nodes.known(clock.nowMs());
    expect(nodes.ownerOf(0)?.hostname).toBe('a');
    expect(nodes.ownerOf(8192)?.hostname).toBe('b');
    expect(named('endpoint')?.isRetired).toBe(true);
    // Those of the seed node still count.
    expect(nodes.status()).toMatchObject({ state: 'ready', connections: 2, reauthenticated: 6 });
    expect(events).toMatchObject([{ type: 'topologyChanged', added: ['a:7000', 'b:7000'], removed: [] }]);
  });

  it('follow a node that takes over; listeners hear of it before the node before is retired', async () => {
    nodes.start();
    await clock.advance(0);
    let wasRetired: boolean | undefined;
    nodes.onChange(() => (wasRetired = named('b')?.isRetired));
    answer = () => Promise.resolve(halves('a', 'c'));
    named('b')?.emit({
      type: 'connectionLost',
      connectionId: 1,
      purpose: 'commands',
      reason: '',
      livedMs: 0,
    });
    await clock.advance(100);
    expect(nodes.ownerOf(8192)?.hostname).toBe('c');
    expect([wasRetired, named('b')?.isRetired]).toEqual([false, true]);
    expect(events.at(-1)).toMatchObject({ added: ['c:7000'], removed: ['b:7000'] });
  });

  it('follow a slot that moves at once, and look for more news', async () => {
    nodes.start();
    await clock.advance(0);
    answer = () => new Promise(() => {});
    nodes.moveSlot(0, { host: 'c', port: 7000 });
    expect(nodes.ownerOf(0)?.hostname).toBe('c');
    expect(nodes.ownerOf(1)?.hostname).toBe('a');
  });

  it('stay for a minute where they were asked for a key on its way there', async () => {
    nodes.start();
    await clock.advance(0);
    nodes.askedNode({ host: 'c', port: 7000 });
    await clock.advance(59_000);
    expect(named('c')?.isRetired).toBe(false);
    await clock.advance(60_000);
    expect(named('c')?.isRetired).toBe(true);
  });

  it('that are not known yet are waited for until the deadline, with what stands in the way told', async () => {
    answer = () => Promise.reject(new AppError('redis-unavailable', 'down'));
    nodes.start();
    await clock.advance(0);
    await expect(nodes.known(clock.nowMs() + 1000)).rejects.toThrow('down');
    answer = () => new Promise(() => {});
    const known = nodes.known(clock.nowMs() + 1000);
    known.catch(() => {});
    await clock.advance(1000);
    await expect(known).rejects.toThrow('down');
    answer = () => Promise.resolve(halves('a', 'b'));
  });

  it('of a cache that is no cluster there are none: the setting is named once', async () => {
    answer = () => Promise.reject(new AppError('command-failed', 'no cluster'));
    nodes.start();
    await clock.advance(5000);
    expect(events.map(({ type }) => type)).toEqual(['clusteringPolicyWrong']);
    expect(nodes.status().lastFailure).toContain('REDIS_CLUSTERING_POLICY');
  });

  it('closed, are all closed and asked for no more', async () => {
    nodes.start();
    await clock.advance(0);
    await nodes.settled();
    await nodes.close();
    expect([nodes.isClosed, nodes.status().state]).toEqual([true, 'closed']);
    expect(created.slice(1).map(({ state }) => state)).toEqual(['closed', 'closed']);
    expect(clock.pendingTimers).toBe(0);
  });
});
