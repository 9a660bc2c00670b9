// BullMQ over an ioredis client that createRedisAuth keeps logged in: jobs through what the app goes through.

import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { startStack } from '../../local/stack.ts';
import { createRedisAuth } from '../../src/exports/redis.ts';
import { credentialOf, goThroughFaults, tokenLifetimeMs } from '../support/client-faults.ts';
import { adoptStack } from '../support/shared-client.ts';

it('BullMQ does its jobs through rotations, cuts, revoked tokens, a failing identity and refused AUTHs', async () => {
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
