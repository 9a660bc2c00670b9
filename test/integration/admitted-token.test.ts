// Redis refuses a token that has just been rotated in: until its own end the one before goes on, on live connections
// and on new ones, while the newer one is offered again.

import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Stack } from '../../local/stack.ts';
import { systemAssigned } from '../../local/token-issuer.ts';
import { systemClock } from '../../src/util/clock.ts';
import { eventually, sleep } from '../support/eventually.ts';
import { sleepUntil } from '../support/fleets.ts';
import { adoptStack, startSharedClient, type SharedClient } from '../support/shared-client.ts';
import { steadyReads, troubled, type SteadyReads } from '../support/steady-reads.ts';
import { lateMs, startControl, type Control } from '../support/timing.ts';
import { startStack } from '../support/stack.ts';

const tokenLifetimeMs = 10_000;
/** How long a read may take, beside what the machine takes. */
const promptMs = 2000;
let stack: Stack;
let control: Control;

beforeAll(async () => {
  stack = await startStack({ storage: false, tokenLifetimeMs });
  adoptStack(stack);
});
beforeEach(() => {
  // The client, and the parts that it talks to, are in this process.
  control = startControl(async () => {});
});
afterEach(() => {
  control[Symbol.dispose]();
  stack.front.refuseTokensFrom(Infinity);
  stack.front.assign(systemAssigned.objectId);
});
afterAll(async () => stack?.stop());

async function read({ redis }: SharedClient): Promise<number> {
  const deadlineAtMs = systemClock.nowMs() + 10_000;
  const get = redis.run((client) => client.get('any'), { key: 'any', deadlineAtMs, idempotent: true });
  return get.then(
    () => 200,
    () => 503,
  );
}

const readSteadily = (client: SharedClient): SteadyReads =>
  steadyReads(() => read(client), { perSecond: 100, limitMs: 60_000 });

const rotationsOf = ({ keeper }: SharedClient): number => keeper.status().rotations;

/** No token ended because this process did not get to it. */
const isPrompt = (): boolean => control.longestMs < 1000;

interface Refused extends AsyncDisposable {
  readonly client: SharedClient;
  /** Of the token that was let in. */
  readonly endsAtMs: number;
}

/** Starts a client with a fresh token that is let in; resolves when it has another that is not. */
async function startRefused(): Promise<Refused> {
  stack.identity.forget();
  const client = startSharedClient(stack);
  await client.connected();
  client.redis.subscribe('news', () => {});
  await client.redis.listening('news', systemClock.nowMs() + 20_000);
  const begun = rotationsOf(client);
  const endsAtMs = client.keeper.status().expiresAtMs ?? 0;
  stack.front.refuseTokensFrom(Math.ceil(Date.now() / 1000) * 1000);
  await eventually(() => expect(rotationsOf(client)).toBe(begun + 1));
  return { client, endsAtMs, [Symbol.asyncDispose]: () => client[Symbol.asyncDispose]() };
}

it('the live connections go on, and the newer token is let in as soon as it is accepted', async () => {
  await using refused = await startRefused();
  const { client, endsAtMs } = refused;
  const reads = readSteadily(client);
  await sleepUntil(endsAtMs - 3000);
  stack.front.refuseTokensFrom(Infinity);
  await client.redis.settled();
  await sleepUntil(endsAtMs + 500);
  expect(troubled(await reads.stop(), promptMs, control)).toEqual([]);
  const types = client.events.map(({ type }) => type);
  expect(types).toContain('connectionReauthenticationFailed');
  if (isPrompt()) expect(types).not.toContain('connectionLost');
  const refusals = types.filter((type) => type === 'connectionReauthenticationFailed').length;
  expect(refusals).toBeLessThan(12);
});

it('new connections take the token that was let in, and no read fails until its end', async () => {
  await using refused = await startRefused();
  const { client, endsAtMs } = refused;
  const reads = readSteadily(client);
  const cuts = 3;
  let cutAtMs = 0;
  for (let cut = 0; cut < cuts; cut += 1) {
    await sleep(400);
    // A read is tried on two connections, and not on three.
    await eventually(() => {
      expect(client.redis.status().state).toBe('ready');
      expect(reads.oldestAtMs).toBeGreaterThan(cutAtMs);
    });
    cutAtMs = Date.now();
    stack.front.cutAll();
  }
  await sleepUntil(endsAtMs - 2500);
  stack.front.refuseTokensFrom(Infinity);
  await sleepUntil(endsAtMs + 1000);
  expect(troubled(await reads.stop(), promptMs, control)).toEqual([]);
  const lost = client.events.filter(
    (event) => event.type === 'connectionLost' && event.purpose === 'commands',
  );
  if (isPrompt()) expect(lost).toHaveLength(cuts);
});

it('at its end there is an outage, which the acceptance of the newer token ends', async () => {
  await using refused = await startRefused();
  const { client, endsAtMs } = refused;
  const reads = readSteadily(client);
  await sleepUntil(endsAtMs - 500);
  expect(troubled(await reads.stop(), promptMs, control)).toEqual([]);
  await sleep(2500);
  expect(await read(client)).toBe(503);
  stack.front.refuseTokensFrom(Infinity);
  await eventually(async () => expect(await read(client)).toBe(200));
});

it('a rotation ends the back-off of a connection that was rejected', async () => {
  await using client = startSharedClient(stack);
  await client.connected();
  await stack.front.unassign(systemAssigned.objectId);
  stack.front.cutAll();
  // After five rejections the next attempt is 8 to 10 s away; each rotation until then has made one.
  const rejections = (): number =>
    client.events.filter(
      (event) => event.type === 'connectionFailed' && event.code === 'redis-rejected-identity',
    ).length;
  await eventually(() => expect(rejections()).toBeGreaterThanOrEqual(5));
  stack.front.assign(systemAssigned.objectId);
  const begun = rotationsOf(client);
  await eventually(() => expect(rotationsOf(client)).toBeGreaterThan(begun));
  const rotatedAtMs = Date.now();
  await eventually(() => expect(client.redis.status().state).toBe('ready'));
  expect(Date.now() - rotatedAtMs).toBeLessThan(2000 + lateMs + control.longestMs);
});
