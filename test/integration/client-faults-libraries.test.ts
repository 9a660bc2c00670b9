// BullMQ and bentocache over an ioredis client that createRedisAuth keeps logged in, through what the app goes through:
// jobs, whose worker blocks on a connection of its own, and a cache with a bus, whose subscribers cannot send AUTH.

import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { redisBusDriver, redisDriver } from 'bentocache/drivers/redis';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { describe, it } from 'vitest';
import { createRedisAuth } from '../../src/exports/redis.ts';
import { credentialOf, goThroughFaults, tokenLifetimeMs } from '../support/client-faults.ts';
import { eventually } from '../support/eventually.ts';
import { adoptStack } from '../support/shared-client.ts';
import { startStack } from '../support/stack.ts';

describe.concurrent('through rotations, cuts, revoked tokens, a failing identity and refused AUTHs', () => {
  it('BullMQ does its jobs, and none fails', async ({ expect }) => {
    const stack = await startStack({ tokenLifetimeMs, storage: false });
    adoptStack(stack);
    using auth = createRedisAuth({ credential: credentialOf(stack) });
    const { hostname: host, port } = stack.front;
    const said: unknown[] = [];
    const onError = (error: unknown): void => void said.push(error);
    const connection = new Redis({
      host,
      port,
      tls: { servername: host },
      lazyConnect: true,
      maxRetriesPerRequest: null,
    });
    connection.on('error', onError);
    auth.attachIoredis(connection);
    const queue = new Queue('jobs', { connection });
    const done = new Map<string, () => void>();
    const worker = new Worker('jobs', async ({ data }) => Promise.resolve(done.get(data as string)?.()), {
      connection,
      concurrency: 10,
      // A job that Redis has handed over, by an answer that was cut off, is nobody's until BullMQ finds it stalled: after
      // 30 to 60 s by its defaults (https://docs.bullmq.io/guide/workers/stalled-jobs).
      lockDuration: 2000,
      stalledInterval: 1000,
      maxStalledCount: 10,
    });
    queue.on('error', onError);
    worker.on('error', onError);
    let jobs = 0;
    try {
      await goThroughFaults({
        stack,
        status: () => auth.status(),
        work: async () => {
          const name = `job ${(jobs += 1)}`;
          const isDone = new Promise<void>((resolve) => done.set(name, resolve));
          await queue.add('job', name, { removeOnComplete: true });
          await isDone;
          done.delete(name);
        },
        handshakeIsAuth: true,
        failsWhenCut: false,
        authenticating: 2,
        output: () => JSON.stringify(said),
      });
      expect(done.size).toBe(0);
      expect(jobs).toBeGreaterThan(200);
      expect(auth.status().connections).toBe(2);
    } finally {
      await worker.close();
      await queue.close();
      connection.disconnect();
      await stack.stop();
    }
  });

  it('bentocache reads and writes, and nothing fails', async ({ expect }) => {
    const stack = await startStack({ tokenLifetimeMs, storage: false });
    adoptStack(stack);
    using auth = createRedisAuth({ credential: credentialOf(stack) });
    const { hostname: host, port } = stack.front;
    const said: unknown[] = [];
    const connection = new Redis({ host, port, tls: { servername: host }, lazyConnect: true });
    connection.on('error', (error) => said.push(error));
    auth.attachIoredis(connection);
    const create = () =>
      new BentoCache({
        default: 'two',
        stores: {
          two: bentostore()
            .useL1Layer(memoryDriver({ maxSize: '1mb' }))
            .useL2Layer(redisDriver({ connection }))
            .useBus(redisBusDriver({ connection })),
        },
      });
    const [one, other] = [create(), create()];
    let reads = 0;
    try {
      await goThroughFaults({
        stack,
        status: () => auth.status(),
        work: async () => {
          const key = `key ${(reads += 1)}`;
          await one.set({ key, value: reads, ttl: '1h' });
          if ((await other.get({ key })) === undefined) throw new Error('Not in Redis.');
        },
        handshakeIsAuth: true,
        failsWhenCut: false,
        // The cache, and the bus of the one that writes; two more subscribe.
        authenticating: 2,
        output: () => JSON.stringify(said),
      });
      expect(reads).toBeGreaterThan(200);
      // The bus: what one has written, the other does not answer from its memory any more.
      await other.set({ key: 'shared', value: 'old', ttl: '1h' });
      await eventually(async () => {
        await one.set({ key: 'shared', value: 'new', ttl: '1h' });
        expect(await other.get({ key: 'shared' })).toBe('new');
      });
    } finally {
      await one.disconnectAll();
      await other.disconnectAll();
      connection.disconnect();
      await stack.stop();
    }
  });
});
