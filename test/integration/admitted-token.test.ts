// Redis refuses a token that has just been rotated in: until its own end the one before goes on, on live connections
// and on new ones, while the newer one is offered again.

import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { startStack, type Stack } from '../../local/stack.ts';
import { systemAssigned } from '../../local/token-issuer.ts';
import { systemClock } from '../../src/util/clock.ts';
import { eventually, sleep } from '../support/eventually.ts';
import { adoptStack, startSharedClient, type SharedClient } from '../support/shared-client.ts';
import { failed, steadyReads, type SteadyReads } from '../support/steady-reads.ts';

const tokenLifetimeMs = 10_000;
let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ storage: false, tokenLifetimeMs });
  adoptStack(stack);
});
afterEach(() => {
  stack.front.refuseTokensFrom(Infinity);
  stack.front.assign(systemAssigned.objectId);
});
afterAll(async () => stack?.stop());

async function read({ redis }: SharedClient): Promise<number> {
  const deadlineAtMs = systemClock.nowMs() + 2000;
  const get = redis.run((client) => client.get('any'), { key: 'any', deadlineAtMs, idempotent: true });
  return get.then(
    () => 200,
    () => 503,
  );
}

const readSteadily = (client: SharedClient): SteadyReads =>
  steadyReads(() => read(client), { perSecond: 100, limitMs: 60_000 });

const rotationsOf = ({ keeper }: SharedClient): number => keeper.status().rotations;

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
  await client.redis.listening('news', systemClock.nowMs() + 5000);
  const begun = rotationsOf(client);
  const endsAtMs = client.keeper.status().expiresAtMs ?? 0;
  stack.front.refuseTokensFrom(Math.ceil(Date.now() / 1000) * 1000);
  await eventually(() => expect(rotationsOf(client)).toBe(begun + 1), tokenLifetimeMs);
  return { client, endsAtMs, [Symbol.asyncDispose]: () => client[Symbol.asyncDispose]() };
}

it('the live connections go on, and the newer token is let in as soon as it is accepted', async () => {
  await using refused = await startRefused();
  const { client, endsAtMs } = refused;
  const reads = readSteadily(client);
  await sleep(endsAtMs - Date.now() - 3000);
  stack.front.refuseTokensFrom(Infinity);
  await client.redis.settled();
  await sleep(endsAtMs + 500 - Date.now());
  expect(failed(await reads.stop())).toEqual([]);
  const types = client.events.map(({ type }) => type);
  expect(types).toContain('connectionReauthenticationFailed');
  expect(types).not.toContain('connectionLost');
  const refusals = types.filter((type) => type === 'connectionReauthenticationFailed').length;
  expect(refusals).toBeLessThan(12);
});

it('new connections take the token that was let in, and no read fails until its end', async () => {
  await using refused = await startRefused();
  const { client, endsAtMs } = refused;
  const reads = readSteadily(client);
  const cuts = 3;
  for (let cut = 0; cut < cuts; cut += 1) {
    await sleep(400);
    stack.front.cutAll();
  }
  await sleep(endsAtMs - Date.now() - 2500);
  stack.front.refuseTokensFrom(Infinity);
  await sleep(endsAtMs + 1000 - Date.now());
  expect(failed(await reads.stop())).toEqual([]);
  const lost = client.events.filter(
    (event) => event.type === 'connectionLost' && event.purpose === 'commands',
  );
  expect(lost).toHaveLength(cuts);
});

it('at its end there is an outage, which the acceptance of the newer token ends', async () => {
  await using refused = await startRefused();
  const { client, endsAtMs } = refused;
  const reads = readSteadily(client);
  await sleep(endsAtMs - 500 - Date.now());
  expect(failed(await reads.stop())).toEqual([]);
  await sleep(2500);
  expect(await read(client)).toBe(503);
  stack.front.refuseTokensFrom(Infinity);
  await eventually(async () => expect(await read(client)).toBe(200), 15_000);
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
  await eventually(() => expect(rejections()).toBeGreaterThanOrEqual(5), 30_000);
  stack.front.assign(systemAssigned.objectId);
  const begun = rotationsOf(client);
  await eventually(() => expect(rotationsOf(client)).toBeGreaterThan(begun), tokenLifetimeMs);
  await eventually(() => expect(client.redis.status().state).toBe('ready'), 2000);
});
