// The Entra front enforces what Azure enforces, with the answers of a real Redis behind it.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { createClient } from 'redis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Stack } from '../../local/stack.ts';
import {
  createTokenIssuer,
  redisAudience,
  servicePrincipal,
  storageAudience,
  systemAssigned,
} from '../../local/token-issuer.ts';
import { eventually } from '../support/eventually.ts';
import { startStack } from '../support/stack.ts';

let stack: Stack;
const clients: { destroy(): void }[] = [];

beforeAll(async () => {
  stack = await startStack({ storage: false });
});
afterEach(() => {
  for (const made of clients.splice(0)) made.destroy();
  stack.front.setBehaviour('normal');
});
afterAll(async () => stack?.stop());

async function token(
  options: { audience?: string; lifetimeMs?: number; issuedAtMs?: number } = {},
): Promise<string> {
  const { audience = redisAudience, lifetimeMs = 60_000, issuedAtMs } = options;
  const times = issuedAtMs === undefined ? { lifetimeMs } : { lifetimeMs, issuedAtMs };
  return (await stack.issuer.issue({ audience, identity: systemAssigned, ...times })).token;
}

/** Until the front has seen the connections that were made before. */
async function pass(port: number): Promise<void> {
  const other = connectTls({ port, host: '127.0.0.1', ca: stack.front.caPem, servername: 'localhost' });
  await once(other, 'secureConnect');
  other.destroy();
}

/** A plain node-redis client: what somebody else's application would use. */
function client(username?: string, password?: string) {
  const made = createClient({
    RESP: 3,
    socket: {
      host: 'localhost',
      port: stack.front.port,
      tls: true,
      ca: stack.front.caPem,
      reconnectStrategy: false,
    },
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    disableClientInfo: true,
    maintNotifications: 'disabled',
  });
  made.on('error', () => {});
  clients.push(made);
  return made;
}

describe('who is let in', () => {
  it('a good token, by HELLO and by AUTH', async () => {
    const byHello = await client(systemAssigned.objectId, await token()).connect();
    expect(await byHello.set('front', 'works')).toBe('OK');
    await byHello.auth({ username: systemAssigned.objectId, password: await token() });
    expect(await byHello.get('front')).toBe('works');
    expect(stack.front.connections.at(-1)?.auths.map(({ command, accepted }) => [command, accepted])).toEqual(
      [
        ['HELLO', true],
        ['AUTH', true],
      ],
    );
  });

  it('nobody without one: Redis says NOAUTH', async () => {
    await expect(client().connect()).rejects.toThrow('NOAUTH');
  });

  it.each([
    ['for another audience', async () => ({ password: await token({ audience: storageAudience }) })],
    ['for another user', async () => ({ username: servicePrincipal.objectId, password: await token() })],
    ['that has expired', async () => ({ password: await token({ issuedAtMs: Date.now() - 120_000 }) })],
    [
      'that somebody else signed',
      async () => {
        const forger = await createTokenIssuer();
        const forged = await forger.issue({
          audience: redisAudience,
          identity: systemAssigned,
          lifetimeMs: 60_000,
        });
        return { password: forged.token };
      },
    ],
    ['that is none', () => Promise.resolve({ password: 'a-password' })],
  ])('not with a token %s: Redis says WRONGPASS', async (_what, credentials) => {
    const { username = systemAssigned.objectId, password } = (await credentials()) as {
      username?: string;
      password: string;
    };
    await expect(client(username, password).connect()).rejects.toThrow('WRONGPASS');
  });

  it('not an identity without an access policy assignment, and not a revoked token', async () => {
    const good = await token();
    const live = await client(systemAssigned.objectId, good).connect();
    await stack.front.revoke(good);
    await expect(client(systemAssigned.objectId, good).connect()).rejects.toThrow('WRONGPASS');
    await stack.front.unassign(systemAssigned.objectId);
    await expect(client(systemAssigned.objectId, await token()).connect()).rejects.toThrow('WRONGPASS');
    expect(await live.ping()).toBe('PONG');
    stack.front.assign(systemAssigned.objectId);
    expect(await (await client(systemAssigned.objectId, await token()).connect()).ping()).toBe('PONG');
  });

  it('nobody over plain TCP, nor with a default user or the wrong password', async () => {
    expect(await stack.redis.admin('ACL', 'WHOAMI')).not.toBe('default');
    await expect(client('default', 'anything').connect()).rejects.toThrow('WRONGPASS');
  });
});

describe('expiry', () => {
  it('closes a connection when its token expires, and not one that has re-authenticated', async () => {
    const [ends, stays] = await Promise.all(
      [1, 2].map(async () => client(systemAssigned.objectId, await token({ lifetimeMs: 6000 })).connect()),
    );
    await stays?.auth({ username: systemAssigned.objectId, password: await token() });
    await eventually(() => expect(ends?.isOpen).toBe(false));
    expect(await stays?.ping()).toBe('PONG');
    const ended = stack.front.connections.filter(({ closedBecause }) => closedBecause === 'expired');
    expect(ended).toHaveLength(1);
    expect(ended[0]?.closedAtMs).toBeGreaterThanOrEqual(ended[0]?.auths[0]?.tokenExpiresAtMs ?? Infinity);
  });
});

describe('what passes through', () => {
  it('is unchanged: pipelined values of random bytes up to 1 MiB', async () => {
    const writer = await client(systemAssigned.objectId, await token()).connect();
    const values = [0, 1, 17, 65_535, 1_048_576].map((bytes) => randomBytes(bytes));
    await Promise.all(values.map(async (value, index) => writer.set(`bytes:${index}`, value)));
    for (const [index, value] of values.entries()) {
      const stored = (await stack.redis.adminRaw('GET', `bytes:${index}`)) as Buffer;
      expect(stored.equals(value)).toBe(true);
    }
  });
});

describe('misbehaving', () => {
  it('works again after Redis was killed and started anew', async () => {
    const before = await client(systemAssigned.objectId, await token()).connect();
    await stack.redis.kill();
    await eventually(() => expect(before.isOpen).toBe(false));
    await expect(client(systemAssigned.objectId, await token()).connect()).rejects.toThrow();
    await stack.redis.restart();
    const after = await client(systemAssigned.objectId, await token()).connect();
    expect(await after.ping()).toBe('PONG');
  });

  it('cuts all, refuses, and stalls when told to', async () => {
    const cut = await client(systemAssigned.objectId, await token()).connect();
    stack.front.cutAll();
    await eventually(() => expect(cut.isOpen).toBe(false));

    stack.front.setBehaviour('refuse');
    await expect(client(systemAssigned.objectId, await token()).connect()).rejects.toThrow();

    stack.front.setBehaviour('normal');
    const wire = connect(stack.front.port, '127.0.0.1');
    await once(wire, 'connect');
    await pass(stack.front.port);
    stack.front.setBehaviour('refuse');
    const { refused, connectionsAccepted } = stack.front.stats;
    const late = connectTls({ socket: wire, ca: stack.front.caPem, servername: 'localhost' });
    late.on('error', () => {});
    await once(late, 'close');
    expect(stack.front.stats).toMatchObject({ refused: refused + 1, connectionsAccepted });

    stack.front.setBehaviour('normal');
    const stalled = await client(systemAssigned.objectId, await token()).connect();
    stack.front.setBehaviour('stall');
    let answered = false;
    const asked = stalled.ping().then(() => (answered = true));
    await new Promise((resolve) => {
      setTimeout(resolve, 200);
    });
    expect(answered).toBe(false);
    stack.front.setBehaviour('normal');
    await asked;
  });
});
