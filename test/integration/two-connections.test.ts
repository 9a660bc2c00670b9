// Commands and subscriptions on connections of their own: what is a limit or a loss to one is none to the other.

import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Stack } from '../../local/stack.ts';
import { systemClock } from '../../src/util/clock.ts';
import { eventually, sleep } from '../support/eventually.ts';
import { adoptStack, startSharedClient, type SharedClient } from '../support/shared-client.ts';
import { lateMs, startControl, type Control } from '../support/timing.ts';
import { startStack } from '../support/stack.ts';

const mebibyte = 1 << 20;
const channel = 'ref:{fleet}:announcements';
const call = (limitMs = 30_000) => ({
  key: 'any',
  deadlineAtMs: systemClock.nowMs() + limitMs,
  idempotent: true,
});
const soonMs = (): number => call(60_000).deadlineAtMs;

const typesOf = ({ events }: SharedClient): readonly string[] => events.map(({ type }) => type);
const readyFor = ({ events }: SharedClient, purpose: string): number =>
  events.filter((event) => event.type === 'connectionReady' && event.purpose === purpose).length;

let stack: Stack;
let control: Control;
beforeAll(async () => {
  stack = await startStack({ storage: false, tokenLifetimeMs: 6000 });
  adoptStack(stack);
});
beforeEach(() => {
  // The client, and the parts that it talks to, are in this process.
  control = startControl(async () => {});
});
afterEach(() => {
  control[Symbol.dispose]();
  stack.front.setBehaviour('normal');
});
afterAll(async () => stack?.stop());

/** No token ended because this process did not get to its renewal. */
const isPrompt = (): boolean => control.longestMs < 1000;

async function allHeard(heard: ReadonlySet<string>, published: readonly string[]): Promise<void> {
  await eventually(() => {
    if (isPrompt()) expect([...heard]).toEqual(published);
    else expect(heard.has(published.at(-1) ?? '')).toBe(true);
  });
}

/** Of the clients of this process: those that Redis takes for subscribers, and the others. */
async function flags(): Promise<{ readonly subscribers: number; readonly others: number }> {
  const list = String(await stack.redis.admin('CLIENT', 'LIST'));
  const clients = list.split('\n').filter((line) => line.includes('resp=3'));
  const subscribers = clients.filter((line) => / flags=\w*P/u.test(line)).length;
  return { subscribers, others: clients.length - subscribers };
}

it('32 MiB of answers, in one batch or to 40 readers, cost no connection of a client that listens', async () => {
  await using client = startSharedClient(stack);
  client.redis.subscribe(channel, () => {});
  await client.redis.listening(channel, soonMs());
  expect(await flags()).toEqual({ subscribers: 1, others: 1 });
  await client.redis.run((redis) => redis.set('big', 'x'.repeat(mebibyte)), call());
  const batch = await client.redis.run(
    (redis) => Promise.all(Array.from({ length: 32 }, () => redis.get('big'))),
    call(60_000),
  );
  expect(batch.map((value) => value?.length)).toEqual(Array.from({ length: 32 }, () => mebibyte));
  const readers = Array.from({ length: 40 }, () =>
    client.redis.run((redis) => redis.get('big'), call(60_000)),
  );
  expect((await Promise.all(readers)).every((value) => value?.length === mebibyte)).toBe(true);
  if (isPrompt()) expect(typesOf(client)).not.toContain('connectionLost');
});

it('a channel that is left and listened to again at once is heard, by the listener that is there', async () => {
  await using client = startSharedClient(stack);
  client.redis.subscribe('another', () => {});
  const heard: string[] = [];
  const stop = client.redis.subscribe(channel, (message) => heard.push(`first ${message}`));
  await client.redis.listening(channel, soonMs());
  stop();
  client.redis.subscribe(channel, (message) => heard.push(`second ${message}`));
  await client.redis.listening(channel, soonMs());
  for (const message of ['a', 'b', 'c']) await stack.redis.admin('PUBLISH', channel, message);
  await eventually(() => expect(heard).toEqual(['second a', 'second b', 'second c']));
});

it('a client that listens to nothing has one connection, also when it has listened before', async () => {
  await using client = startSharedClient(stack);
  await client.connected();
  expect(client.redis.status().connections).toBe(1);
  const stop = client.redis.subscribe(channel, () => {});
  await client.redis.listening(channel, soonMs());
  expect(client.redis.status().connections).toBe(2);
  stop();
  await eventually(async () => expect(await flags()).toEqual({ subscribers: 0, others: 1 }));
  expect(client.redis.status().connections).toBe(1);
});

it('what listens is lost without a read that notices, and listens again', async () => {
  await using client = startSharedClient(stack);
  const heard: string[] = [];
  client.redis.subscribe(channel, (message) => heard.push(message));
  await client.redis.listening(channel, soonMs());
  await stack.redis.admin('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await eventually(() => expect(typesOf(client)).toContain('connectionLost'));
  const atMs = Date.now();
  expect(await client.redis.run((redis) => redis.get('any'), call())).toBeNull();
  expect(client.redis.status().state).toBe('ready');
  if (control.longestMs < 200) expect(client.redis.status().connections).toBe(1);
  expect(Date.now() - atMs).toBeLessThan(200 + lateMs + control.longestMs);
  await client.redis.listening(channel, soonMs());
  await stack.redis.admin('PUBLISH', channel, 'back');
  await eventually(() => expect(heard).toEqual(['back']));
  expect(readyFor(client, 'commands')).toBe(1);
});

it('does not knock twice at a Redis that is away', async () => {
  await using client = startSharedClient(stack);
  client.redis.subscribe(channel, () => {});
  await client.redis.listening(channel, soonMs());
  stack.front.setBehaviour('refuse');
  stack.front.cutAll();
  const failed = await eventually(() => {
    const events = client.events.filter((event) => event.type === 'connectionFailed');
    expect(events.length).toBeGreaterThan(2);
    return events;
  });
  expect(failed.map((event) => event.purpose)).not.toContain('subscriptions');
  stack.front.setBehaviour('normal');
  await client.redis.listening(channel, soonMs());
});

it('a rotation sends one AUTH to each, and no announcement is lost over three of them', async () => {
  await using client = startSharedClient(stack);
  const heard = new Set<string>();
  client.redis.subscribe(channel, (message) => heard.add(message));
  await client.redis.listening(channel, soonMs());
  const ids = stack.front.connections.slice(-2).map(({ id }) => id);
  const { rotations } = client.keeper.status();
  const published: string[] = [];
  while (client.keeper.status().rotations < rotations + 3) {
    published.push(`${published.length}`);
    await stack.redis.admin('PUBLISH', channel, published.at(-1) ?? '');
    await sleep(20);
  }
  await allHeard(heard, published);
  const live = stack.front.connections.filter(({ id }) => ids.includes(id));
  for (const { auths, closedAtMs } of live) {
    if (isPrompt()) expect(closedAtMs).toBeUndefined();
    expect(new Set(auths.map(({ tokenExpiresAtMs }) => tokenExpiresAtMs)).size).toBe(auths.length);
  }
});

it('no announcement is lost where AUTH fails and another connection takes over', async () => {
  await using client = startSharedClient(stack);
  const heard = new Set<string>();
  client.redis.subscribe(channel, (message) => heard.add(message));
  await client.redis.listening(channel, soonMs());
  stack.front.setBehaviour('refuse-auth');
  const published: string[] = [];
  while (readyFor(client, 'subscriptions') < 2) {
    published.push(`${published.length}`);
    await stack.redis.admin('PUBLISH', channel, published.at(-1) ?? '');
    await sleep(10);
  }
  await allHeard(heard, published);
  if (isPrompt()) expect(typesOf(client)).not.toContain('connectionLost');
});
