// The memory of an instance over a real server: Redis stopped, a link that carries nothing in one direction any more, an
// access policy without CLIENT TRACKING, and a writer that never pauses.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { startRedisServer, type RedisServer } from '../../local/redis-server.ts';
import { newEntry } from '../../src/cache/entry.ts';
import type { ReadResult, Tier } from '../../src/cache/tier.ts';
import { systemClock as clock } from '../../src/util/clock.ts';
import { always } from '../contract/tier-world.ts';
import { startDeafLink } from '../support/deaf-link.ts';
import { eventually, sleep } from '../support/eventually.ts';
import { startMemoryInstance, type MemoryInstance } from '../support/memory-instance.ts';
import { startSlowLink } from '../support/slow-link.ts';

const password = 'of the test only';
let server: RedisServer;
let writer: MemoryInstance;
beforeAll(async () => {
  server = await startRedisServer({ password });
  writer = await startMemoryInstance({ port: server.port, password });
});
afterAll(async () => {
  await writer?.[Symbol.asyncDispose]();
  await server?.stop();
});

const soon = (limitMs = 10_000): number => clock.nowMs() + limitMs;

async function write({ tier }: MemoryInstance, key: string, text: string): Promise<void> {
  const entry = newEntry(Buffer.from(text), 'text/plain', clock.wallMs(), 3600);
  expect(['created', 'replaced']).toContain((await tier.write(key, entry, always, soon())).kind);
}

const textOf = (result: ReadResult): string =>
  result.kind === 'hit' ? result.entry.body.toString() : result.kind;
const isFromMemory = (result: ReadResult): boolean => result.kind === 'hit' && result.from === 'memory';

/** Resolves when it is answered from memory. */
async function untilKept(tier: Tier, key: string, text: string): Promise<void> {
  await eventually(async () => {
    const result = await tier.read(key, soon());
    expect([textOf(result), isFromMemory(result)]).toEqual([text, true]);
  });
}

/** How often a command was called, by anybody. */
async function calls(command: string): Promise<number> {
  const stats = String(await server.admin('INFO', 'commandstats'));
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`, 'u').exec(stats)?.[1] ?? 0);
}

it('what is read often is asked for seldom, and the connection tracks keys', async () => {
  await using instance = await startMemoryInstance({ port: server.port, password });
  await write(writer, 'often', 'value');
  await untilKept(instance.tier, 'often', 'value');
  const before = await calls('getrange');
  let [stalls, lastMs] = [0, clock.nowMs()];
  for (let reads = 0; reads < 1000; reads += 1) {
    const nowMs = clock.nowMs();
    if (nowMs - lastMs > 25) stalls += 1;
    lastMs = nowMs;
    expect(textOf(await instance.tier.read('often', soon()))).toBe('value');
    if (reads % 10 === 0) await sleep(0);
  }
  // Some more where this process stood still for a moment: until it has read what came meanwhile.
  expect((await calls('getrange')) - before).toBeLessThan(200 + 100 * stalls);
  expect(String(await server.admin('CLIENT', 'LIST'))).toMatch(/ flags=t /u);
});

it('a writer that never pauses is followed, and what it leaves is kept', async () => {
  await using instance = await startMemoryInstance({ port: server.port, password });
  await write(writer, 'counter', '0');
  await untilKept(instance.tier, 'counter', '0');
  /** When each number was acknowledged. */
  const ackedAtMs: number[] = [];
  const over = new AbortController();
  const writing = (async () => {
    for (let count = 1; !over.signal.aborted; count += 1) {
      await write(writer, 'counter', `${count}`);
      ackedAtMs[count] = clock.nowMs();
      // Sometimes long enough for a copy.
      if (count % 20 === 0) await sleep(20);
    }
    return ackedAtMs.length - 1;
  })();
  let fromMemory = 0;
  const [untilMs, atMostUntilMs] = [soon(1500), soon(30_000)];
  const isSeen = (): boolean => clock.nowMs() > untilMs && ackedAtMs.length > 50 && fromMemory > 0;
  while (!isSeen() && clock.nowMs() < atMostUntilMs) {
    const beganAtMs = clock.nowMs();
    const result = await instance.tier.read('counter', soon());
    if (isFromMemory(result)) {
      fromMemory += 1;
      const next = ackedAtMs[Number(textOf(result)) + 1] ?? Number.POSITIVE_INFINITY;
      expect(beganAtMs - next).toBeLessThan(50);
    }
    await sleep(0);
  }
  over.abort();
  const last = await writing;
  expect(last).toBeGreaterThan(50);
  expect(fromMemory).toBeGreaterThan(0);
  await untilKept(instance.tier, 'counter', `${last}`);
});

it('Redis stopped: a copy stands in as unconfirmed; when it is back, what it has counts', async () => {
  await using instance = await startMemoryInstance({ port: server.port, password });
  await write(writer, 'key', 'value');
  await untilKept(instance.tier, 'key', 'value');
  await server.kill();
  const stood = await eventually(async () => {
    const result = await instance.tier.read('key', soon(100));
    if (result.kind !== 'unavailable') throw new Error(`It is ${result.kind}.`);
    return result;
  });
  expect(stood.unconfirmed?.body.toString()).toBe('value');
  await server.restart();
  // It was empty when it came back, and nobody has said so of this key.
  await eventually(async () => expect((await instance.tier.read('key', soon())).kind).toBe('miss'));
});

it('a link that brings nothing any more makes nothing older than 2 s', async () => {
  await using link = await startSlowLink(server.port);
  await using instance = await startMemoryInstance({ port: link.port, password });
  await eventually(async () => writer.redis.ping(soon()));
  await write(writer, 'half-open', 'old');
  await untilKept(instance.tier, 'half-open', 'old');
  link.bytesPerSecond = 0;
  await write(writer, 'half-open', 'new');
  const changedAtMs = clock.nowMs();
  let [youngest, longestPauseMs, lastMs] = [0, 0, changedAtMs];
  const read = async (): Promise<ReadResult> => instance.tier.read('half-open', soon(200));
  while (clock.nowMs() < changedAtMs + 3000) {
    const beganAtMs = clock.nowMs();
    longestPauseMs = Math.max(longestPauseMs, beganAtMs - lastMs);
    lastMs = beganAtMs;
    const result = await read();
    if (result.kind === 'hit') {
      expect(beganAtMs - changedAtMs).toBeLessThanOrEqual(2000);
      youngest = beganAtMs - changedAtMs;
    }
    await sleep(10);
  }
  // Until then it was answered from memory, as often as this process came to ask.
  expect(youngest + longestPauseMs).toBeGreaterThan(500);
  link.bytesPerSecond = Infinity;
  await eventually(async () => expect(textOf(await read())).toBe('new'));
});

it('a server that agrees to say which keys change, and does not, is noticed: nothing is kept, or copies of a limited age', async () => {
  await using link = await startDeafLink(server.port);
  const { port } = link;
  await using none = await startMemoryInstance({ port, password });
  await using some = await startMemoryInstance({ port, password, maxAgeMs: 60_000 });
  await write(writer, 'deaf', '0');
  const told = ({ events }: MemoryInstance): unknown[] =>
    events.filter(({ type }) => type === 'trackingRefused');
  let count = 0;
  while (told(none).length === 0) {
    count += 1;
    await write(writer, 'deaf', `${count}`);
    expect(textOf(await none.tier.read('deaf', soon()))).toBe(`${count}`);
    await sleep(50);
  }
  await untilKept(some.tier, 'deaf', `${count}`);
  expect(told(some)).toHaveLength(1);
  expect(told(none)).toEqual([
    { type: 'trackingRefused', reason: 'It agreed, and said nothing of keys that changed.' },
  ]);
});

it('without the right to CLIENT TRACKING it works without, or with copies of a limited age', async () => {
  await eventually(async () => writer.redis.ping(soon()));
  await server.admin(
    'ACL',
    'SETUSER',
    'restricted',
    'on',
    `>${password}`,
    '~*',
    '&*',
    '+@all',
    '-client|tracking',
  );
  const access = { port: server.port, username: 'restricted', password };
  await using none = await startMemoryInstance(access);
  await using some = await startMemoryInstance({ ...access, maxAgeMs: 400 });
  const refused = none.events.filter(({ type }) => type === 'trackingRefused');
  expect(refused).toEqual([
    { type: 'trackingRefused', reason: expect.stringContaining('client|tracking') as string },
  ]);
  expect(none.events.map(({ type }) => type)).not.toContain('connectionFailed');
  await write(writer, 'key', 'old');
  for (let reads = 0; reads < 5; reads += 1) {
    expect(isFromMemory(await none.tier.read('key', soon()))).toBe(false);
    await sleep(0);
  }
  await untilKept(some.tier, 'key', 'old');
  await write(writer, 'key', 'new');
  const changedAtMs = clock.nowMs();
  await eventually(async () => {
    const beganAtMs = clock.nowMs();
    const text = textOf(await some.tier.read('key', soon()));
    if (beganAtMs - changedAtMs > 400) expect(text).toBe('new');
    if (text !== 'new') throw new Error('It is still the old one.');
  });
  // Its own is seen at once.
  await untilKept(some.tier, 'key', 'new');
  await write(some, 'key', 'own');
  expect(textOf(await some.tier.read('key', soon()))).toBe('own');
});
