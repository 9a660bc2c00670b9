// Logins of clients that somebody else makes: what is particular to a library, a mode, a moment.

import { inspect } from 'node:util';
import { Redis as Redis5 } from 'ioredis';
import { Redis as Redis6 } from 'ioredis-6';
import { createClient, createClientPool } from 'redis';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { Stack } from '../../local/stack.ts';
import { systemAssigned } from '../../local/token-issuer.ts';
import { createRedisAuth, type RedisAuth, type RedisOptions } from '../../src/exports/redis.ts';
import { credentialOf } from '../support/client-faults.ts';
import { eventually, sleep } from '../support/eventually.ts';
import { leakedPart } from '../support/scenario.ts';
import { adoptStack } from '../support/shared-client.ts';
import { startControl, type Control } from '../support/timing.ts';
import { startStack } from '../support/stack.ts';

const tokenLifetimeMs = 8000;
let stack: Stack;
let auth: RedisAuth;
let control: Control;

beforeAll(async () => {
  // The clients, and the parts that they talk to, are in this process.
  control = startControl(async () => {});
  stack = await startStack({ tokenLifetimeMs, storage: false });
  adoptStack(stack);
  auth = createRedisAuth({ credential: credentialOf(stack) });
  await auth.credentialsProvider.credentials();
});
afterAll(async () => {
  control[Symbol.dispose]();
  auth?.close();
  await stack?.stop();
});

const optionsOf = ({ front }: Stack, more: object = {}) => ({
  host: front.hostname,
  port: front.port,
  tls: { servername: front.hostname },
  lazyConnect: true,
  ...more,
});
const versions = [
  { version: 5, make: (more?: object) => new Redis5(optionsOf(stack, more)) },
  { version: 6, make: (more?: object) => new Redis6(optionsOf(stack, more)) as unknown as Redis5 },
];
const socketOf = ({ front }: Stack) => ({ host: front.hostname, port: front.port, tls: true as const });

/** A credential that works when it is told to. */
function lateCredential() {
  const real = credentialOf(stack);
  const late = { works: false, credential: undefined as never as RedisOptions['credential'] };
  late.credential = {
    getToken: async (scope) => {
      if (!late.works) throw new Error('no identity yet');
      return real.getToken(scope);
    },
  };
  return late;
}

describe.concurrent.each(versions)('ioredis $version', ({ version, make }) => {
  it('connects when there is a token, and says what is missing until then', async ({ expect }) => {
    const late = lateCredential();
    using own = createRedisAuth({ credential: late.credential });
    const client = make({ connectTimeout: 300 });
    const errors: Error[] = [];
    client.on('error', (error) => errors.push(error));
    own.attachIoredis(client);
    const answer = client.ping();
    await eventually(() => expect(errors.map(({ message }) => message).join()).toContain('no identity yet'));
    late.works = true;
    expect(await answer).toBe('PONG');
    client.disconnect();
  });

  it('belongs to the logins that it was attached to last, also while it is connected', async ({ expect }) => {
    const first = createRedisAuth({ credential: credentialOf(stack) });
    using second = createRedisAuth({ credential: credentialOf(stack) });
    const client = make();
    first.attachIoredis(client);
    await client.ping();
    first.close();
    second.attachIoredis(client);
    expect(second.status().connections).toBe(1);
    client.disconnect(true);
    await eventually(async () => expect(await client.ping()).toBe('PONG'));
    expect(second.status().connections).toBe(1);
    client.disconnect();
  });

  it('can be disconnected while it waits for a token, and connected again', async ({ expect }) => {
    const late = lateCredential();
    using own = createRedisAuth({ credential: late.credential });
    const client = make();
    own.attachIoredis(client);
    const answer = expect(client.ping()).rejects.toThrow('Connection is closed.');
    await sleep(50);
    client.disconnect();
    await answer;
    await eventually(() => expect(client.status).toBe('end'));
    late.works = true;
    await client.connect();
    expect(await client.ping()).toBe('PONG');
    client.disconnect();
  });

  it('shows no token where its handshake is refused', async ({ expect }) => {
    const own = createRedisAuth({ credential: credentialOf(stack), username: 'nobody' });
    const client = make({ maxRetriesPerRequest: 1 });
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    own.attachIoredis(client);
    errors.push(await client.ping().catch((error: unknown) => error));
    const said = inspect(errors, { depth: 10, showHidden: true });
    expect(said).toContain('WRONGPASS');
    expect(leakedPart(said, stack.issuer.issued)).toBeUndefined();
    client.disconnect();
    own.close();
  });

  it('has to be attached before it connects, and is attached once', async ({ expect }) => {
    const client = make();
    const detach = auth.attachIoredis(client);
    expect(auth.attachIoredis(client)).toBe(detach);
    await client.ping();
    client.disconnect();
    const hasty = make({ lazyConnect: false });
    hasty.on('error', () => {});
    expect(() => auth.attachIoredis(hasty)).toThrow('lazyConnect');
    hasty.disconnect();
    for (const wrong of [undefined, {}, auth]) {
      expect(() => auth.attachIoredis(wrong as never)).toThrow('a client of ioredis');
    }
  });

  it('duplicates as it was made: lazily, or at once', async ({ expect }) => {
    const client = make();
    auth.attachIoredis(client);
    const [lazy, eager] = [client.duplicate(), client.duplicate({ lazyConnect: false })];
    expect(lazy.status).toBe('wait');
    await eventually(() => expect(eager.status).toBe('ready'));
    const copy = eager.duplicate();
    await eventually(() => expect(copy.status).toBe('ready'));
    for (const one of [client, lazy, eager, copy]) one.disconnect();
  });

  it('hears what is published, and waits for what is pushed, past the end of its token', async ({
    expect,
  }) => {
    const client = make();
    auth.attachIoredis(client);
    const [subscriber, blocking] = [client.duplicate(), client.duplicate()];
    const heard: string[] = [];
    subscriber.on('message', (_channel: string, message: string) => heard.push(message));
    await subscriber.subscribe(`news ${version}`);
    const popped = blocking.blpop(`list ${version}`, 0);
    await sleep(tokenLifetimeMs + 1000);
    await eventually(async () => {
      await client.publish(`news ${version}`, 'late');
      expect(heard).toContain('late');
    });
    await client.rpush(`list ${version}`, 'late');
    expect(await popped).toEqual([`list ${version}`, 'late']);
    for (const one of [client, subscriber, blocking]) one.disconnect();
    const expired = stack.front.connections.filter(({ closedBecause }) => closedBecause === 'expired');
    // Where this process did not get to a renewal, a token ended.
    if (control.longestMs < 1000) expect(expired).toEqual([]);
  });
});

describe.concurrent('node-redis', () => {
  it('connects when there is a token', async ({ expect }) => {
    const late = lateCredential();
    using own = createRedisAuth({ credential: late.credential });
    const client = createClient({ socket: socketOf(stack), credentialsProvider: own.credentialsProvider });
    own.attach(client);
    const connecting = client.connect();
    await sleep(300);
    late.works = true;
    await connecting;
    expect(await client.ping()).toBe('PONG');
    expect(own.status()).toMatchObject({ connections: 1, reauthenticated: 0 });
    client.destroy();
  });

  it('keeps those clients of a pool alive that are used', async ({ expect }) => {
    using own = createRedisAuth({ credential: credentialOf(stack) });
    const errors: unknown[] = [];
    const pool = createClientPool(
      { socket: socketOf(stack), credentialsProvider: own.credentialsProvider },
      { minimum: 3, maximum: 3 },
    );
    pool.on('error', (error) => errors.push(error));
    own.attach(pool);
    await pool.connect();
    await Promise.all(Array.from({ length: 30 }, async () => pool.execute(async (client) => client.ping())));
    await pool.ping();
    expect(own.status().connections).toBe(3);
    await sleep(tokenLifetimeMs + 500);
    await pool.ping();
    if (control.longestMs < 1000) expect(errors).toEqual([]);
    await pool.close();
    expect(own.status().connections).toBe(0);
  });

  it('is re-authenticated when it was attached late, until it is detached', async ({ expect }) => {
    using own = createRedisAuth({ credential: credentialOf(stack) });
    const client = createClient({ socket: socketOf(stack), credentialsProvider: own.credentialsProvider });
    client.on('error', () => {});
    await client.connect();
    const detach = own.attach(client);
    await eventually(() => expect(own.status().reauthenticated).toBe(1));
    expect(own.attach(client)).toBe(detach);
    detach();
    expect(own.status().connections).toBe(0);
    expect(client.listenerCount('ready')).toBe(0);
    client.destroy();
  });

  it('hears what is published past the end of its token', async ({ expect }) => {
    const client = createClient({ socket: socketOf(stack), credentialsProvider: auth.credentialsProvider });
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    auth.attach(client);
    await client.connect();
    const heard: string[] = [];
    await client.subscribe('node-redis', (message) => heard.push(message));
    await sleep(tokenLifetimeMs + 500);
    await eventually(async () => {
      await stack.redis.admin('PUBLISH', 'node-redis', 'late');
      expect(heard).toContain('late');
    });
    if (control.longestMs < 1000) expect(errors).toEqual([]);
    client.destroy();
  });

  it('gets no more logins when these are closed', async ({ expect }) => {
    const own = createRedisAuth({ credential: credentialOf(stack) });
    own.close();
    await expect(own.credentialsProvider.credentials()).rejects.toMatchObject({ code: 'stopped' });
    expect(() => own.attach(createClient())).toThrow('closed');
    expect(() => auth.attach({} as never)).toThrow('node-redis');
    expect(systemAssigned.objectId).toBe((await auth.credentialsProvider.credentials()).username);
  });
});
