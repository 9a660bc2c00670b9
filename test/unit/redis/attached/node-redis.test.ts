import { EventEmitter } from 'node:events';
import { beforeEach, expect, it } from 'vitest';
import { TokenKeeper } from '../../../../src/auth/token-keeper.ts';
import { Attachments } from '../../../../src/redis/attached/attachments.ts';
import { attachNodeRedis, type NodeRedisClient } from '../../../../src/redis/attached/node-redis.ts';
import { FakeClock, settle } from '../../../support/fake-clock.ts';
import { ScriptedSource, testOid, tokenOf } from '../../../support/tokens.ts';

const hourMs = 3_600_000;

class ScriptedClient extends EventEmitter implements NodeRedisClient {
  isReady = false;
  isPubSubActive = false;
  readonly auths: { username: string; password: string }[] = [];
  failure: Error | undefined;

  async auth(credentials: { username: string; password: string }): Promise<string> {
    this.auths.push(credentials);
    if (this.failure !== undefined) throw this.failure;
    return Promise.resolve('OK');
  }

  connectTo(): void {
    this.emit('connect');
    this.ready();
  }

  ready(): void {
    this.isReady = true;
    this.emit('ready');
  }

  lose(event: 'reconnecting' | 'end' = 'reconnecting'): void {
    this.isReady = false;
    this.emit(event);
  }
}

let clock: FakeClock;
let source: ScriptedSource;
let attachments: Attachments;
let keeper: TokenKeeper;
let client: ScriptedClient;

/** A token with the next expiry, which is adopted at once. */
async function rotate(): Promise<void> {
  if (source.pending.length === 0) await clock.advance(0.6 * hourMs);
  source.take().answer(tokenOf(clock.wallMs(), hourMs));
  // Requests that were given up meanwhile.
  source.pending.length = 0;
  await settle();
}

beforeEach(() => {
  clock = new FakeClock();
  source = new ScriptedSource();
  const parts = { clock, random: () => 0, emit: () => {} };
  keeper = new TokenKeeper({ source, ...parts });
  attachments = new Attachments({ keeper, username: undefined, ...parts });
  keeper.start();
  client = new ScriptedClient();
});

it('sends one AUTH a rotation after any number of reconnects, and leaves no listener', async () => {
  await rotate();
  const detach = attachNodeRedis(client, attachments);
  client.connectTo();
  const listeners = client.eventNames().map((name) => client.listenerCount(name));
  for (let times = 0; times < 5; times += 1) {
    client.lose();
    client.connectTo();
  }
  await rotate();
  expect(client.auths.map(({ username }) => username)).toEqual([testOid]);
  expect(client.eventNames().map((name) => client.listenerCount(name))).toEqual(listeners);
  detach?.();
  await rotate();
  expect([client.auths.length, client.eventNames(), attachments.status.connections]).toEqual([1, [], 0]);
});

it('sends none to a client that has ended, or has no connection', async () => {
  await rotate();
  attachNodeRedis(client, attachments);
  client.connectTo();
  client.lose();
  await rotate();
  client.connectTo();
  client.lose('end');
  await rotate();
  expect(client.auths).toEqual([]);
});

it('sends none for the token that the handshake waited for, and one for a later one', async () => {
  attachNodeRedis(client, attachments);
  client.emit('connect');
  await rotate();
  client.ready();
  await settle();
  expect(client.auths).toEqual([]);
  client.lose();
  client.emit('connect');
  await rotate();
  client.ready();
  await settle();
  expect(client.auths).toHaveLength(1);
});

it('asks for a later token when a handshake is refused, and uses one that was let in', async () => {
  await rotate();
  const errors: unknown[] = [];
  client.on('error', (error) => errors.push(error));
  attachNodeRedis(client, attachments);
  client.connectTo();
  const letIn = attachments.offer();
  client.lose();
  await rotate();
  expect(attachments.offer()).not.toBe(letIn);
  client.emit('connect');
  client.emit('error', new Error('connection reset'));
  client.lose();
  await clock.advance(0.1 * hourMs);
  expect(source.pending).toHaveLength(0);
  client.emit('connect');
  client.emit('error', new Error('WRONGPASS invalid'));
  client.lose();
  expect(source.pending).toHaveLength(1);
  expect(attachments.offer()).toBe(letIn);
  expect([errors.length, client.listenerCount('error')]).toEqual([2, 1]);
});

it('adds no listener of errors where there is none: such a client ends with its first', async () => {
  await rotate();
  attachNodeRedis(client, attachments);
  client.emit('connect');
  expect(client.listenerCount('error')).toBe(0);
});

it('offers a refused token again until it is let in', async () => {
  await rotate();
  attachNodeRedis(client, attachments);
  client.connectTo();
  client.failure = new Error('WRONGPASS invalid');
  await rotate();
  await clock.advance(5000);
  expect(client.auths.length).toBeGreaterThan(1);
  client.failure = undefined;
  await clock.advance(30_000);
  const { length } = client.auths;
  await clock.advance(60_000);
  expect([client.auths.length, attachments.status.reauthenticated]).toEqual([length, 1]);
});

it('leaves everything alone when it is stopped', async () => {
  await rotate();
  attachNodeRedis(client, attachments);
  client.connectTo();
  attachments.stop();
  await rotate();
  client.lose();
  client.connectTo();
  expect([client.auths, attachments.status.connections]).toEqual([[], 0]);
  keeper.stop();
});
