import { beforeEach, describe, expect, it } from 'vitest';
import { ConnectionKeeper } from '../../../src/redis/connection-keeper.ts';
import { AppError } from '../../../src/util/errors.ts';
import { settle } from '../../support/fake-clock.ts';
import { ScriptedNode } from '../../support/scripted-node.ts';

let node: ScriptedNode;
let counts: { reauthenticated: number; reauthenticationsFailed: number };
let keeper: ConnectionKeeper;

beforeEach(() => {
  node = new ScriptedNode();
  counts = { reauthenticated: 0, reauthenticationsFailed: 0 };
  keeper = new ConnectionKeeper({ ...node.options, purpose: 'commands', counts });
});

const inMs = (ms: number): number => node.clock.nowMs() + ms;
const down = (): never => {
  throw new AppError('redis-unavailable', 'down');
};

describe('a start', () => {
  it('connects while the first token is requested; who waits gets the connection', async () => {
    keeper.start();
    const connected = keeper.connected(inMs(1000));
    await settle();
    expect([keeper.state, node.server.handshakes]).toEqual(['connecting', 1]);
    const token = await node.bringToken();
    expect((await connected).token).toBe(token);
    expect(keeper.current).toBe(await keeper.connected(inMs(0)));
    expect(node.told).toEqual(['connectionReady']);
  });

  it('that is slow is waited for until the deadline', async () => {
    node.server.onHandshake = () => new Promise(() => {});
    keeper.start();
    await node.bringToken();
    await node.clock.advance(10_000);
    const connected = keeper.connected(inMs(500));
    connected.catch(() => {});
    await node.clock.advance(500);
    await expect(connected).rejects.toMatchObject({ code: 'redis-unavailable' });
    expect(keeper.current).toBeUndefined();
  });

  it('that fails is tried again, with what stands in the way told', async () => {
    node.server.onHandshake = down;
    keeper.start();
    await node.bringToken();
    expect([keeper.state, keeper.lastFailure?.message]).toEqual(['backing-off', 'down']);
    node.server.onHandshake = () => {};
    await node.clock.advance(1000);
    expect([keeper.state, keeper.lastFailure]).toEqual(['ready', undefined]);
    expect(node.told).toEqual(['connectionFailed', 'connectionReady']);
  });

  it('that is rejected is tried again with the next token, without waiting', async () => {
    node.server.onHandshake = () => {
      throw new AppError('redis-rejected-identity', 'who?');
    };
    keeper.start();
    await node.bringToken();
    await node.clock.advance(20_000);
    expect(keeper.state).toBe('backing-off');
    node.server.onHandshake = () => {};
    await node.bringToken(2 * 3_600_000);
    expect(keeper.state).toBe('ready');
  });
});

describe('a loss', () => {
  beforeEach(async () => {
    keeper.start();
    await node.bringToken();
  });

  it('is followed by another connection', async () => {
    node.server.last.cut();
    expect(keeper.state).toBe('backing-off');
    const connected = keeper.connected(inMs(1000));
    await node.clock.advance(50);
    expect((await connected).id).toBe(2);
    expect(node.told).toEqual(['connectionReady', 'connectionLost', 'connectionReady']);
  });

  it('is waited out while it is young, and answered at once when it is older than requests wait', async () => {
    node.server.onHandshake = down;
    node.server.last.cut();
    await node.clock.advance(1000);
    const waiting = keeper.connected(inMs(1500));
    waiting.catch(() => {});
    await node.clock.advance(1500);
    await expect(waiting).rejects.toThrow('down');
    await expect(keeper.connected(inMs(1500))).rejects.toMatchObject({
      message: 'down',
      retryAfterSeconds: 1,
    });
  });

  it('of a connection that has been replaced changes nothing', async () => {
    const [first] = node.server.connections;
    node.server.last.cut();
    await node.clock.advance(50);
    first?.cut();
    expect([keeper.state, node.server.handshakes]).toEqual(['ready', 2]);
  });
});

describe('a rotation', () => {
  it('sends one AUTH on the live connection', async () => {
    keeper.start();
    await node.bringToken();
    await node.clock.advance(60_000);
    const next = await node.bringToken();
    await keeper.settled();
    expect(node.server.last.sent.filter((words) => words.startsWith('AUTH'))).toHaveLength(1);
    expect([keeper.current?.token, counts.reauthenticated]).toEqual([next, 1]);
  });

  it('during a handshake is caught up with', async () => {
    const handshake = Promise.withResolvers<void>();
    node.server.onHandshake = () => handshake.promise;
    keeper.start();
    await node.bringToken();
    await node.clock.advance(60_000);
    const next = await node.bringToken();
    handshake.resolve();
    await settle();
    await keeper.settled();
    expect(keeper.current?.token).toBe(next);
  });
});

it('a connection that is blocked by late replies is replaced, and what waits on it told to go on elsewhere', async () => {
  keeper.start();
  await node.bringToken();
  const [blocked] = node.server.connections;
  node.server.answer = () => 'later';
  const connection = await keeper.connected(inMs(100));
  const run = (ms: number): Promise<unknown> =>
    connection.run((client) => client.get('a'), { deadlineAtMs: inMs(ms), idempotent: true });
  run(100).catch(() => {});
  const waiting = run(10_000);
  waiting.catch(() => {});
  for (let passedMs = 0; passedMs < 1000; passedMs += 50) {
    if (blocked !== undefined) blocked.bytesRead += 1000;
    await node.clock.advance(50);
  }
  expect(node.told).toEqual(['connectionReady', 'connectionReplaced', 'connectionReady']);
  expect(keeper.current?.id).toBe(2);
  await expect(waiting).rejects.toMatchObject({ code: 'connection-lost', isSuspect: false });
});

describe('an end', () => {
  it('rejects who waits, and closes what a handshake under way brings', async () => {
    keeper.start();
    const waiting = keeper.connected(inMs(1000));
    await keeper.close();
    await expect(waiting).rejects.toMatchObject({ code: 'stopped' });
    await node.bringToken();
    expect(keeper.state).toBe('closed');
    expect(node.server.connections.every(({ isReady }) => !isReady)).toBe(true);
    await expect(keeper.connected(inMs(1000))).rejects.toMatchObject({ code: 'stopped' });
    await expect(keeper.whenReady()).rejects.toMatchObject({ code: 'stopped' });
  });

  it('ends a back-off, and hears of no token any more', async () => {
    node.server.onHandshake = down;
    keeper.start();
    await node.bringToken();
    await keeper.close();
    await keeper.close();
    const { handshakes } = node.server;
    await node.clock.advance(60_000);
    expect(node.server.handshakes).toBe(handshakes);
  });
});
