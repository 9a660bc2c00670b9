// The local cluster behaves as Azure Managed Redis does with the policy OSSCluster.

import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { ClusterStack } from '../../local/stack.ts';
import { servicePrincipal } from '../../local/token-issuer.ts';
import { clientAt, clusterClient, credentialsFor, type Credentials } from '../support/cluster-clients.ts';
import { eventually } from '../support/eventually.ts';
import { startControl } from '../support/timing.ts';
import { startStack } from '../support/stack.ts';

let stack: ClusterStack;
const open: { destroy(): unknown }[] = [];
const all = [0, 1, 2, 3, 4, 5];

beforeAll(async () => {
  stack = await startStack({ cluster: true, storage: false });
});
afterEach(async () => {
  for (const client of open.splice(0)) client.destroy();
  for (const node of stack.redis.nodes) node.resume();
  await stack.redis.start();
  await stack.redis.admin('FLUSHALL');
});
afterAll(async () => stack?.stop());

/** A client of one front, closed after the test. */
async function at(port: number, options: { credentials?: Credentials; RESP?: 2 | 3 } = {}) {
  const client = clientAt(stack, port, options.credentials ?? (await credentialsFor(stack)), options.RESP);
  open.push({ destroy: () => client.isOpen && client.destroy() });
  return client.connect();
}

async function cluster() {
  const client = clusterClient(stack, await credentialsFor(stack), { byName: true });
  open.push(client);
  client.on('error', () => {});
  return client.connect();
}

const ports = (): number[] => all.map((node) => stack.front.node(node).port);
const everyPort = (): number[] => ports().toSorted((a, b) => a - b);
const portsIn = (reply: unknown): number[] =>
  [...JSON.stringify(reply).matchAll(/127\.0\.0\.1(?:",|:)(\d+)|"port",?:?(\d+)/gu)]
    .map((match) => Number(match[1] ?? match[2]))
    .toSorted((a, b) => a - b);

/** A key that `primary` has, and its slot. */
async function keyOf(primary: number, prefix = 'key'): Promise<{ key: string; slot: number }> {
  for (let number = 0; ; number++) {
    const key = `${prefix}:${number}`;
    if ((await stack.redis.ownerOf(key)) === primary) return { key, slot: await stack.redis.slotOf(key) };
  }
}

async function fill(count: number): Promise<string[]> {
  const keys = Array.from({ length: count }, (_, index) => `filled:${index}`);
  await Promise.all(keys.map(async (key) => stack.redis.admin('SET', key, `value of ${key}`)));
  return keys;
}

/** Reads all keys in turn until told to stop, twice at least, which then resolves to what went wrong. */
function keepReading(client: Awaited<ReturnType<typeof cluster>>, keys: readonly string[]) {
  const failures: string[] = [];
  const stopping = new AbortController();
  // Also when the test fails: on a destroyed client this would spin until memory ends.
  onTestFinished(() => stopping.abort());
  let rounds = 0;
  const loop = (async () => {
    while (!stopping.signal.aborted) {
      for (const key of keys) {
        const value = await client.get(key).catch(String);
        if (value !== `value of ${key}`) failures.push(`${key}: ${value}`);
      }
      rounds += 1;
    }
  })();
  return async () => {
    await eventually(() => expect(rounds).toBeGreaterThan(1));
    stopping.abort();
    await loop;
    return failures;
  };
}

describe('the cluster', () => {
  it('has three primaries with a replica each and all slots, and is settled', async () => {
    expect(await stack.redis.topology()).toEqual([
      { primary: 0, replicas: [3], slots: [[0, 5460]] },
      { primary: 1, replicas: [4], slots: [[5461, 10_921]] },
      { primary: 2, replicas: [5], slots: [[10_922, 16_383]] },
    ]);
    await stack.redis.untilSettled(0);
    expect(stack.settings).toMatchObject({
      REDIS_CLUSTERING_POLICY: 'OSSCluster',
      REDIS_PORT: `${stack.front.port}`,
    });
  });

  it('answers an administrator as if it were one server', async () => {
    await fill(50);
    expect(await stack.redis.admin('DBSIZE')).toBe(50);
    expect(await stack.redis.admin('KEYS', 'filled:*')).toHaveLength(50);
    expect(await stack.redis.admin('GET', 'filled:7')).toBe('value of filled:7');
    const info = String(await stack.redis.admin('INFO', 'commandstats'));
    const counted = await Promise.all(
      stack.redis.nodes.map(async (node) =>
        /cmdstat_set:calls=(\d+)/u.exec(String(await node.admin('INFO', 'commandstats'))),
      ),
    );
    const sets = counted.reduce((sum, match) => sum + Number(match?.[1] ?? 0), 0);
    expect(info.match(/cmdstat_set:calls=\d+/gu)).toEqual([`cmdstat_set:calls=${sets}`]);
    await stack.redis.admin('FLUSHALL');
    expect(await stack.redis.admin('DBSIZE')).toBe(0);
  });
});

describe('the certificate trap', () => {
  it('is what a plain cluster client falls into: nodes are announced by IP, the certificate names the host', async () => {
    // Without `reconnectStrategy: false` connect() never settles: it begins anew for ever, also after destroy().
    const client = clusterClient(stack, await credentialsFor(stack), { byName: false, reconnects: false });
    const codes: unknown[] = [];
    client.on('error', (error: NodeJS.ErrnoException) => codes.push(error.code));
    await expect(client.connect()).rejects.toThrow();
    expect(codes).toContain('ERR_TLS_CERT_ALTNAME_INVALID');
    client.destroy();
  });

  it('does not catch who names the host: node-redis hands `defaults.socket.servername` on to tls.connect', async () => {
    const client = clusterClient(stack, await credentialsFor(stack), {
      byName: false,
      servername: 'localhost',
    });
    client.on('error', () => {});
    await client.connect();
    for (const primary of [0, 1, 2]) {
      const { key } = await keyOf(primary);
      await client.set(key, 'value');
      expect(await client.get(key)).toBe('value');
    }
    client.destroy();
  });

  it('a certificate for another name fits no address at all', async () => {
    const other = await startStack({ storage: false, cacheNames: ['other.example'] });
    try {
      const connecting = clientAt(other, other.front.port, await credentialsFor(other)).connect();
      await expect(connecting).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    } finally {
      await other.stop();
    }
  });

  it('does not catch who reaches the nodes by the host name', async () => {
    const client = await cluster();
    for (const primary of [0, 1, 2]) {
      const { key } = await keyOf(primary);
      await client.set(key, 'value');
      expect(await stack.redis.admin('GET', key)).toBe('value');
    }
  });
});

describe('addresses', () => {
  it.each([2, 3] as const)(
    'are those of the fronts in every reply of RESP%i, on every front',
    async (RESP) => {
      for (const port of [stack.front.port, ...ports()]) {
        const client = await at(port, { RESP });
        // Pipelined, among replies that must not be touched.
        await stack.redis.admin('SET', 'raw', `x 127.0.0.1:${stack.redis.node(0).port}@1 `);
        const [slots, shards, nodes] = await Promise.all(
          ['SLOTS', 'SHARDS', 'NODES'].map(async (what) => {
            const [, reply] = await Promise.all([client.ping(), client.sendCommand(['CLUSTER', what])]);
            return reply;
          }),
        );
        for (const reply of [slots, shards, nodes]) {
          expect(portsIn(reply)).toEqual(everyPort());
        }
      }
    },
  );

  it('are those of the fronts in MOVED, also of a command that is among others', async () => {
    const client = await at(stack.front.node(0).port);
    const { key, slot } = await keyOf(1);
    const [before, moved, after] = await Promise.allSettled([client.ping(), client.get(key), client.ping()]);
    expect([before, after].map((result) => result.status)).toEqual(['fulfilled', 'fulfilled']);
    expect(moved).toMatchObject({
      reason: { message: `MOVED ${slot} 127.0.0.1:${stack.front.node(1).port}` },
    });
  });

  it('and in ASK, while a slot is on its way; the target answers who asks', async () => {
    const { key, slot } = await keyOf(0);
    const [source, target] = [await at(stack.front.node(0).port), await at(stack.front.node(2).port)];
    const seen: unknown[] = [];
    await stack.redis.moveSlots(0, 2, [slot], {
      onStep: async ({ phase }) => {
        const asked = await source.get(key).catch((error: Error) => error.message);
        const [, answer] = await Promise.all([target.sendCommand(['ASKING']), target.get(key)]);
        seen.push([phase, asked, answer]);
      },
    });
    const port = stack.front.node(2).port;
    expect(seen).toEqual([
      ['opened', `ASK ${slot} 127.0.0.1:${port}`, null],
      ['closed', `MOVED ${slot} 127.0.0.1:${port}`, null],
    ]);
    await stack.redis.moveSlots(2, 0, [slot]);
  });

  it('are found among messages of Pub/Sub', async () => {
    const client = await at(stack.front.node(0).port);
    let messages = 0;
    await client.subscribe('news', () => (messages += 1));
    const publishing = Promise.all(
      Array.from({ length: 200 }, async (_, index) =>
        stack.redis.admin('PUBLISH', 'news', `127.0.0.1 ${index}`),
      ),
    );
    const replies = await Promise.all(
      Array.from({ length: 50 }, async () => client.sendCommand(['CLUSTER', 'SLOTS'])),
    );
    await publishing;
    for (const reply of replies) expect(portsIn(reply)).toEqual(everyPort());
    await eventually(() => expect(messages).toBe(200));
  });

  it('are found after Redis has ended a subscription by itself: its slot has moved away', async () => {
    const client = await at(stack.front.node(0).port);
    const { key: channel, slot } = await keyOf(0, 'channel');
    const heard: string[] = [];
    await client.sSubscribe(channel, (message) => heard.push(message));
    await stack.redis.admin('SPUBLISH', channel, 'one');
    await eventually(() => expect(heard).toEqual(['one']));
    await stack.redis.moveSlots(0, 2, [slot]);
    await expect(client.get(channel)).rejects.toThrow(`MOVED ${slot} 127.0.0.1:${stack.front.node(2).port}`);
    expect(portsIn(await client.sendCommand(['CLUSTER', 'SLOTS']))).toContain(stack.front.node(2).port);
    expect(portsIn(await client.sendCommand(['CLUSTER', 'NODES']))).toEqual(everyPort());
    await stack.redis.moveSlots(2, 0, [slot]);
  });

  it('change when a front moves to another port; who is connected there is cut', async () => {
    const [client, before] = [await cluster(), stack.front.node(1).port];
    const { key } = await keyOf(1);
    await client.set(key, 'value');
    const stranded = await at(before);
    await stack.front.node(1).changePort();
    expect(stack.front.node(1).port).not.toBe(before);
    await eventually(() => expect(stranded.isOpen).toBe(false));
    await expect(at(before)).rejects.toThrow('ECONNREFUSED');
    const asked = await at(stack.front.port);
    expect(portsIn(await asked.sendCommand(['CLUSTER', 'SLOTS']))).toEqual(everyPort());
    expect(await (await at(stack.front.node(1).port)).get(key)).toBe('value');
    expect(await (await cluster()).get(key)).toBe('value');
  });
});

describe('Entra rules on every node', () => {
  it('a token lets in and the connection ends with its expiry, on all of them', async () => {
    const credentials = await credentialsFor(stack, 8000);
    const clients = await Promise.all(ports().map(async (port) => at(port, { credentials })));
    for (const client of clients) expect(await client.ping()).toBe('PONG');
    await eventually(() => expect(clients.map((client) => client.isOpen)).not.toContain(true));
    for (const node of all) {
      expect(stack.front.node(node).connections.at(-1)).toMatchObject({ node, closedBecause: 'expired' });
    }
  });

  it.each(all)('node %i: nobody without a good token of an assigned identity', async (node) => {
    const { port } = stack.front.node(node);
    const { password = '' } = await credentialsFor(stack);
    await expect(at(port, { credentials: {} })).rejects.toThrow('NOAUTH');
    await expect(
      at(port, { credentials: { username: servicePrincipal.objectId, password } }),
    ).rejects.toThrow('WRONGPASS');
    await stack.front.revoke(password);
    await expect(at(port, { credentials: { ...(await credentialsFor(stack)), password } })).rejects.toThrow(
      'WRONGPASS',
    );
  });

  it('all at once: stats are sums, and all are cut, or refused, together', async () => {
    const before = stack.front.stats;
    const clients = await Promise.all([stack.front.port, ...ports()].map(async (port) => at(port)));
    expect(stack.front.stats).toMatchObject({ live: before.live + 7, auths: before.auths + 7 });
    expect(stack.front.node(3).stats.live).toBeGreaterThan(0);
    stack.front.cutAll();
    await eventually(() => expect(clients.map((client) => client.isOpen)).not.toContain(true));
    stack.front.setBehaviour('refuse');
    for (const port of [stack.front.port, ...ports()]) await expect(at(port)).rejects.toThrow();
    stack.front.setBehaviour('normal');
    stack.front.node(4).setBehaviour('refuse');
    await expect(at(stack.front.node(4).port)).rejects.toThrow();
    expect(await (await at(stack.front.node(1).port)).ping()).toBe('PONG');
    stack.front.node(4).setBehaviour('normal');
  });
});

describe('change', () => {
  it('a killed primary is replaced by its replica, which has its keys; other shards do not notice', async () => {
    const keys = await fill(60);
    const { key } = await keyOf(0, 'filled');
    const owners = await Promise.all(keys.map(async (name) => stack.redis.ownerOf(name)));
    const stop = keepReading(
      await cluster(),
      keys.filter((_, index) => owners[index] !== 0),
    );
    using control = startControl(async () => {});
    const killedAtMs = Date.now();
    await stack.redis.node(0).kill();
    // The endpoint leads to the next live node.
    const entered = await (await at(stack.front.port)).sendCommand(['CLUSTER', 'MYID']);
    expect(entered).toBe(await stack.redis.node(1).admin('CLUSTER', 'MYID'));
    await stack.redis.untilSettled();
    const tookMs = Date.now() - killedAtMs;
    expect(tookMs).toBeGreaterThan(1000);
    expect(tookMs).toBeLessThan(8000 + control.longestMs);
    expect(await stack.redis.ownerOf(key)).toBe(3);
    expect(await stack.redis.replicasOf(3)).toEqual([]);
    expect(await stack.redis.admin('DBSIZE')).toBe(60);
    expect(await (await cluster()).get(key)).toBe(`value of ${key}`);
    expect(await stop()).toEqual([]);

    // It comes back as a replica, with its rules and its users.
    const good = await credentialsFor(stack);
    await stack.redis.node(0).start();
    await stack.redis.untilSettled();
    expect(await stack.redis.replicasOf(3)).toEqual([0]);
    const again = await at(stack.front.node(0).port, { credentials: good });
    await again.sendCommand(['READONLY']);
    expect(await again.get(key)).toBe(`value of ${key}`);
    await expect(at(stack.front.node(0).port, { credentials: {} })).rejects.toThrow('NOAUTH');

    expect(await stack.redis.failover(3)).toBe(0);
    expect(await stack.redis.ownerOf(key)).toBe(0);
  });

  it('a frozen primary is replaced, too, and comes back as a replica', async () => {
    const { key } = await keyOf(1);
    await stack.redis.admin('SET', key, 'value');
    await stack.redis.admin('WAIT', '1', '1000');
    stack.redis.node(1).pause();
    await stack.redis.untilSettled();
    expect(await stack.redis.ownerOf(key)).toBe(4);
    expect(await stack.redis.admin('GET', key)).toBe('value');
    stack.redis.node(1).resume();
    await stack.redis.untilSettled();
    expect(await stack.redis.failover(4)).toBe(1);
  });

  it('resharding under reads: no key is lost, no read fails', async () => {
    const keys = await fill(200);
    const slots = [...new Set(await Promise.all(keys.map(async (key) => stack.redis.slotOf(key))))].filter(
      (slot) => slot <= 5460,
    );
    const stop = keepReading(await cluster(), keys);
    await stack.redis.moveSlots(0, 1, slots, { keysPerStep: 1 });
    await stack.redis.untilSettled();
    for (const key of keys) expect(await stack.redis.ownerOf(key)).not.toBe(0);
    await stack.redis.moveSlots(1, 0, slots);
    expect(await stop()).toEqual([]);
    expect(await stack.redis.admin('DBSIZE')).toBe(200);
    await stack.redis.untilSettled();
  });

  it('all nodes killed and started again are the same cluster, empty', async () => {
    await fill(20);
    const topology = await stack.redis.topology();
    await stack.redis.restart();
    expect(await stack.redis.topology()).toEqual(topology);
    expect(await stack.redis.admin('DBSIZE')).toBe(0);
    expect(await (await at(stack.front.port)).ping()).toBe('PONG');
  });
});
