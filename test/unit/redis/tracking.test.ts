import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { RedisNode } from '../../../src/redis/node.ts';
import { settle } from '../../support/fake-clock.ts';
import { ScriptedNode } from '../../support/scripted-node.ts';

const noPermission = "NOPERM User x has no permissions to run the 'client|tracking' command";
let world: ScriptedNode;
let node: RedisNode;

beforeEach(async () => {
  world = new ScriptedNode();
  node = new RedisNode(world.options);
  await world.bringToken();
});
afterEach(async () => node.close());

const trackingOnes = () => world.server.connections.filter(({ changed }) => changed !== undefined);
const refusals = () => world.events.filter(({ type }) => type === 'trackingRefused');

async function start(): Promise<void> {
  node.start();
  await settle();
}

it('keys are tracked for whoever listens, on the connection for commands only', async () => {
  world.tracking.listen(() => {});
  await start();
  node.subscribe('channel', () => {});
  await world.clock.advance(10_000);
  expect(world.server.connections).toHaveLength(2);
  expect(trackingOnes()).toEqual([world.server.connections[0]]);
  expect(node.tracker).toMatchObject({ isTracking: true, isLive: true });
});

it('nothing is tracked where nobody listens, or nobody listens any more', async () => {
  const stop = world.tracking.listen(() => {});
  stop();
  await start();
  expect(world.server.connections).toHaveLength(1);
  expect(trackingOnes()).toEqual([]);
  expect(node.tracker?.isTracking).toBe(false);
});

it('whoever listens before a client begins to connect in the same turn needs no second connection', async () => {
  node.start();
  world.tracking.listen(() => {});
  await world.clock.advance(10_000);
  expect(world.server.connections).toHaveLength(1);
  expect(trackingOnes()).toHaveLength(1);
});

it('another connection takes over from one that does not track yet', async () => {
  await start();
  world.tracking.listen(() => {});
  world.tracking.listen(() => {});
  await world.clock.advance(10_000);
  expect(world.server.connections.map(({ isReady }) => isReady)).toEqual([false, true]);
  expect(trackingOnes()).toEqual([world.server.last]);
  expect(node.tracker?.isTracking).toBe(true);
});

it('listeners hear which keys have changed, and on which connection', async () => {
  const heard: unknown[] = [];
  const stop = world.tracking.listen((tracker, key) => heard.push([tracker === node.tracker, key]));
  await start();
  world.server.last.changed?.('key');
  world.server.last.changed?.(undefined);
  stop();
  world.server.last.changed?.('key');
  expect(heard).toEqual([
    [true, 'key'],
    [true, undefined],
  ]);
  expect(world.tracking.of(world.server.last.client)).toBe(node.tracker);
});

it('where Redis agrees and does not say of changes, that is told like a refusal, and nothing counts that was read', async () => {
  const heard: unknown[] = [];
  world.tracking.listen((tracker, key) => heard.push([tracker === node.tracker, key]));
  await start();
  for (let seconds = 0; seconds < 7; seconds += 1) {
    node.tracker?.listen(world.clock.nowMs(), () => 'probe');
    await world.clock.advance(1000);
  }
  const { sent } = world.server.last;
  expect(sent.slice(0, 4)).toEqual(['GET probe', 'SET probe  PX 1000', 'DEL probe', 'GET probe']);
  expect(heard).toEqual([
    [true, undefined],
    [true, undefined],
  ]);
  expect(refusals()).toEqual([
    { type: 'trackingRefused', reason: 'It agreed, and said nothing of keys that changed.' },
  ]);
  expect(node.tracker).toMatchObject({ isTracking: false, isLive: true });
  expect([world.tracking.isAsked, world.server.connections.length]).toEqual([false, 1]);
});

it('where it says of changes, that is known when the first one was heard', async () => {
  world.server.answer = (args, on) => {
    if (args[0] === 'SET') on.changed?.(args[1]);
    return { value: 'OK' };
  };
  world.tracking.listen(() => {});
  await start();
  node.tracker?.listen(world.clock.nowMs(), () => 'probe');
  expect(node.tracker?.hears).toBe(false);
  await settle();
  expect(node.tracker?.hears).toBe(true);
});

it('what is asked for that is nobody’s call, whoever brought it about', async () => {
  const calls = new AsyncLocalStorage<string>();
  const seen: unknown[] = [];
  world.server.answer = ([command = ''], on) => {
    seen.push([command, calls.getStore()]);
    if (command === 'SET') on.changed?.('probe');
    return { value: 'OK' };
  };
  world.tracking.listen(() => {});
  await start();
  await calls.run('a read', async () => {
    node.tracker?.listen(world.clock.nowMs(), () => 'probe');
    await settle();
    node.tracker?.isCurrent(world.clock.nowMs());
    await settle();
  });
  expect(seen).toEqual(['GET', 'SET', 'DEL', 'GET', 'PING'].map((command) => [command, undefined]));
});

it('where the connection is lost its tracker is known as ended until there is another', async () => {
  world.tracking.listen(() => {});
  await start();
  const first = node.tracker;
  world.server.onHandshake = () => {
    throw new Error('down');
  };
  world.server.last.cut();
  await world.clock.advance(1000);
  expect(node.tracker).toBe(first);
  expect(first?.isLive).toBe(false);
  world.server.onHandshake = () => {};
  await world.clock.advance(10_000);
  expect(node.tracker).not.toBe(first);
  expect(node.tracker?.isLive).toBe(true);
});

it('where Redis refuses, the connection is made without, that is told once, and not asked for an hour', async () => {
  world.server.trackingRefusal = noPermission;
  world.tracking.listen(() => {});
  await start();
  expect(world.server.handshakes).toBe(2);
  expect(node.tracker).toMatchObject({ isTracking: false, isLive: true });
  expect(refusals()).toEqual([{ type: 'trackingRefused', reason: noPermission }]);
  world.server.last.cut();
  await world.clock.advance(10_000);
  expect([world.server.handshakes, world.told.includes('connectionFailed')]).toEqual([3, false]);
  await world.clock.advance(3_590_000);
  await world.bringToken();
  world.server.last.cut();
  await world.clock.advance(10_000);
  expect(world.server.handshakes).toBe(5);
  expect(refusals()).toHaveLength(1);
});

it('a live connection stays where Redis refuses to track', async () => {
  await start();
  world.server.trackingRefusal = noPermission;
  world.tracking.listen(() => {});
  await world.clock.advance(10_000);
  expect(world.server.connections[0]?.isReady).toBe(true);
  expect(world.told).not.toContain('connectionReplaced');
  expect(refusals()).toHaveLength(1);
});
