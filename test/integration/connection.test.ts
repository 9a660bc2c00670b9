// The shared client on its connection: idle pings, rotations, lost identity, slow links, reads that are lost with it.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Stack } from '../../local/stack.ts';
import { systemClock } from '../../src/util/clock.ts';
import type { RedisClient } from '../../src/redis/redis.ts';
import { eventually, sleep } from '../support/eventually.ts';
import { adoptStack, startSharedClient, type SharedClient } from '../support/shared-client.ts';
import { startSlowLink, type SlowLink } from '../support/slow-link.ts';
import { steadyReads, troubled } from '../support/steady-reads.ts';
import { lateMs, startControl, type Control } from '../support/timing.ts';
import { startStack } from '../support/stack.ts';

let stack: Stack;
let control: Control;
const soon = (idempotent: boolean, key = 'any') => ({ key, deadlineAtMs: Date.now() + 15_000, idempotent });

beforeAll(async () => {
  stack = await startStack({ storage: false, tokenLifetimeMs: 6000 });
  adoptStack(stack);
});
beforeEach(() => {
  // The client, and the parts that it talks to, are in this process.
  control = startControl(async () => {});
});
afterEach(() => control[Symbol.dispose]());
afterAll(async () => stack?.stop());

/** Nothing was silent because this process did not get to it. */
const isPrompt = (): boolean => control.longestMs < 500;

async function calls(command: string): Promise<number> {
  const info = String(await stack.redis.admin('INFO', 'commandstats'));
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`, 'u').exec(info)?.[1] ?? 0);
}

it('pings an idle connection, so that nobody closes it for idleness', async () => {
  await using client = startSharedClient(stack, { connection: { pingAfterMs: 100 } });
  await client.redis.run((redis) => redis.get('any'), soon(true));
  const before = await calls('ping');
  await eventually(async () => expect((await calls('ping')) - before).toBeGreaterThanOrEqual(3));
  expect(client.events.map(({ type }) => type)).not.toContain('connectionLost');
});

it('gives an idle connection up that does not answer PING, and makes another', async () => {
  await using client = startSharedClient(stack, { connection: { pingAfterMs: 100, pingTimeoutMs: 300 } });
  await client.redis.run((redis) => redis.get('any'), soon(true));
  stack.front.setBehaviour('stall');
  await eventually(() => expect(client.events.map(({ type }) => type)).toContain('connectionLost'));
  stack.front.setBehaviour('normal');
  await eventually(() => {
    const ready = client.events.filter(({ type }) => type === 'connectionReady').length;
    expect(ready).toBeGreaterThanOrEqual(2);
  });
  if (isPrompt()) expect(client.events.filter(({ type }) => type === 'connectionReady')).toHaveLength(2);
});

it('an error reply concerns its command only: a read of a wrong type leaves the connection alone', async () => {
  await using client = startSharedClient(stack);
  await stack.redis.admin('DEL', 'list');
  await stack.redis.admin('RPUSH', 'list', 'x');
  await expect(client.redis.run((redis) => redis.get('list'), soon(true))).rejects.toMatchObject({
    code: 'wrong-type',
  });
  expect(client.redis.status()).toMatchObject({ state: 'ready', connections: 1 });
});

it("a bug in the caller's own function surfaces as what it is", async () => {
  await using client = startSharedClient(stack);
  const buggy = (): Promise<never> => {
    throw new TypeError('a bug');
  };
  await expect(client.redis.run(buggy, soon(true))).rejects.toThrow(TypeError);
});

it('a read that Redis answers with NOAUTH is repeated once after authenticating again', async () => {
  await using client = startSharedClient(stack);
  await stack.redis.admin('SET', 'guarded', 'value');
  await client.redis.run((redis) => redis.get('guarded'), soon(true));
  // Redis forgets who this connection is, as a server does whose access policy was just changed.
  await client.redis.run(async (redis) => redis.sendCommand(['RESET']).catch(() => {}), soon(false));
  expect(await client.redis.run((redis) => redis.get('guarded'), soon(true))).toBe('value');
});

describe('a large answer on a slow link', () => {
  const mebibyte = 1 << 20;
  const keys = Array.from({ length: 16 }, (_, index) => `large-${index}`);

  /** Asks for 16 MiB that take two and a half seconds, by one deadline for all. */
  async function askForMuch(link: SlowLink, client: SharedClient, limitMs: number): Promise<string> {
    await client.redis.run(
      (redis) => redis.mSet(Object.fromEntries(keys.map((key) => [key, 'x'.repeat(mebibyte)]))),
      {
        ...soon(true),
        deadlineAtMs: Date.now() + 30_000,
      },
    );
    link.bytesPerSecond = 6.4 * mebibyte;
    const call = { key: 'any', deadlineAtMs: Date.now() + limitMs, idempotent: true };
    return client.redis
      .run((redis) => redis.mGet(keys), call)
      .then(
        () => 'answered',
        () => 'late',
      );
  }

  it('counts as an answer: who asks too much waits in vain, and nobody loses the connection', async () => {
    await using link = await startSlowLink(stack.front.port);
    await using client = startSharedClient(stack, { port: link.port });
    await client.connected();
    expect(await askForMuch(link, client, 1600)).toBe('late');
    const other = { key: 'any', deadlineAtMs: Date.now() + 30_000, idempotent: true };
    expect(await client.redis.run((redis) => redis.get('any'), other)).toBeNull();
    if (isPrompt()) expect(client.events.map(({ type }) => type)).not.toContain('connectionLost');
  });

  it('that stops in the middle is silence, and told as that', async () => {
    await using link = await startSlowLink(stack.front.port);
    await using client = startSharedClient(stack, { port: link.port });
    await client.connected();
    const asked = askForMuch(link, client, 1600);
    await eventually(() => expect(link.bytesPerSecond).toBeLessThan(Infinity));
    await sleep(500);
    link.bytesPerSecond = 0;
    const stoppedAtMs = Date.now();
    await asked;
    await eventually(() => expect(client.events.map(({ type }) => type)).toContain('connectionLost'));
    expect(Date.now() - stoppedAtMs).toBeLessThan(2500 + lateMs + control.longestMs);
  });
});

describe('a link of 20 MB/s whose readers give up sooner than it answers', () => {
  // Their places are free when they give up, so that ever more answers are owed that nobody waits for.
  const readersAtOnce = 64;

  it('is of use again within a second of the burst', async () => {
    await using link = await startSlowLink(stack.front.port);
    await using client = startSharedClient(stack, { port: link.port });
    await client.connected();
    const set = (key: string, bytes: number): Promise<unknown> =>
      client.redis.run((redis) => redis.set(key, 'x'.repeat(bytes)), soon(true));
    await set('large', 256 * 1024);
    await set('small', 10);
    link.bytesPerSecond = 20e6;
    const read = async (key: string, limitMs: number): Promise<number> => {
      const call = { key, deadlineAtMs: systemClock.nowMs() + limitMs, idempotent: true };
      return (await client.redis.run((redis) => redis.get(key), call)) === null ? 404 : 200;
    };
    let reading = 0;
    const readLarge = async (): Promise<number> => {
      if (reading >= readersAtOnce) return 503;
      reading += 1;
      return read('large', 500).finally(() => (reading -= 1));
    };
    const burst = steadyReads(readLarge, { perSecond: 400, limitMs: 6000 });
    await sleep(6000);
    const endedAtMs = Date.now();
    const small = steadyReads(() => read('small', 15_000), { perSecond: 10, limitMs: 5000 });
    await sleep(5000);
    const outcomes = await small.stop();
    await burst.stop();
    expect(outcomes.length).toBeGreaterThan(30);
    const freeAtMs = endedAtMs + 1000 + control.longestMs;
    // Each within 1.8 s.
    expect(troubled(outcomes, 1800 - lateMs, control).filter(({ atMs }) => atMs > freeAtMs)).toEqual([]);
    const replaced = client.events.filter(({ type }) => type === 'connectionReplaced');
    expect(replaced.length).toBeGreaterThanOrEqual(1);
    expect(replaced.length).toBeLessThan(12);
    if (isPrompt()) expect(client.events.map(({ type }) => type)).not.toContain('connectionLost');
  });
});

describe('a read that is lost with its connection', () => {
  /** Redis ends the connection after the first answer: the second is lost with it. */
  async function fatal(redis: RedisClient): Promise<string | null> {
    redis.sendCommand(['QUIT']).catch(() => {});
    return redis.get('any');
  }

  const lost = ({ events }: SharedClient): number =>
    events.filter(({ type }) => type === 'connectionLost').length;

  it('is tried on a second one and on no third, and others go on', async () => {
    await using client = startSharedClient(stack);
    await client.connected();
    let tries = 0;
    const deadly = client.redis.run((redis) => ((tries += 1), fatal(redis)), soon(true));
    await expect(deadly).rejects.toMatchObject({ code: 'connection-lost' });
    expect([tries, lost(client)]).toEqual([2, 2]);
    expect(await client.redis.run((redis) => redis.get('any'), soon(true))).toBeNull();
  });

  it('is not blamed for a connection that was silent before it came', async () => {
    await using client = startSharedClient(stack);
    await client.connected();
    stack.front.setBehaviour('stall');
    const call = (limitMs: number) => ({ ...soon(true), deadlineAtMs: systemClock.nowMs() + limitMs });
    await sleep(200);
    const first = client.redis.run((redis) => redis.get('any'), call(300)).catch(() => {});
    let tries = 0;
    const deadly = client.redis.run((redis) => {
      tries += 1;
      return tries === 1 ? redis.get('any') : fatal(redis);
    }, call(60_000));
    const outcome = expect(deadly).rejects.toMatchObject({ code: 'connection-lost' });
    await first;
    await eventually(() => expect(lost(client)).toBe(1));
    stack.front.setBehaviour('normal');
    await outcome;
    expect([tries, lost(client)]).toEqual([3, 3]);
  });
});

it('a pause of the process is nothing that Redis did: the answer was there', async () => {
  await using client = startSharedClient(stack);
  await client.connected();
  await stack.redis.admin('CLIENT', 'PAUSE', '300');
  const call = { key: 'any', deadlineAtMs: Date.now() + 600, idempotent: true };
  const read = client.redis.run((redis) => redis.get('any'), call).catch(() => {});
  await sleep(50);
  const untilMs = Date.now() + 2000;
  while (Date.now() < untilMs);
  await read;
  await sleep(300);
  expect(client.events.map(({ type }) => type)).not.toContain('connectionLost');
});
