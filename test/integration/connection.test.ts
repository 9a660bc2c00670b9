// The shared client on its one connection: idle pings, subscriptions across rotations, lost identity.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startStack, type Stack } from '../../local/stack.ts';
import { eventually, sleep } from '../support/eventually.ts';
import { adoptStack, startSharedClient, type SharedClient } from '../support/shared-client.ts';
import { startSlowLink, type SlowLink } from '../support/slow-link.ts';

let stack: Stack;
const soon = (idempotent: boolean, key = 'any') => ({ key, deadlineAtMs: Date.now() + 3000, idempotent });

beforeAll(async () => {
  stack = await startStack({ storage: false, tokenLifetimeMs: 6000 });
  adoptStack(stack);
});
afterAll(async () => stack?.stop());

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
  await eventually(
    () => expect(client.events.filter(({ type }) => type === 'connectionReady')).toHaveLength(2),
    12_000,
  );
});

it('keeps a subscription on the same connection across rotations', async () => {
  await using client = startSharedClient(stack);
  const heard: string[] = [];
  await client.redis.run(
    (redis) => redis.subscribe('news', (message) => void heard.push(message)),
    soon(false),
  );
  await eventually(() => expect(client.keeper.status().rotations).toBeGreaterThanOrEqual(4), 20_000);
  await stack.redis.admin('PUBLISH', 'news', 'still listening');
  await eventually(() => expect(heard).toEqual(['still listening']));
  expect(client.events.filter(({ type }) => type === 'connectionReady')).toHaveLength(1);
  expect(await client.redis.run((redis) => redis.ping(), soon(true))).toBe('PONG');
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
        deadlineAtMs: Date.now() + 10_000,
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
    const other = { key: 'any', deadlineAtMs: Date.now() + 5000, idempotent: true };
    expect(await client.redis.run((redis) => redis.get('any'), other)).toBeNull();
    expect(client.events.map(({ type }) => type)).not.toContain('connectionLost');
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
    expect(Date.now() - stoppedAtMs).toBeLessThan(4000);
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
