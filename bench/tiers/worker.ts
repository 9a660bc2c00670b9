// One process with a cache: reads as it is told, and reports.

import { ManagedIdentityCredential } from '@azure/identity';
import { createCache } from '../../src/exports/cache.ts';
import { createRedis } from '../../src/exports/redis.ts';
import { concurrently } from '../support/timing.ts';
import { zipf } from './zipf.ts';

export type Job =
  /** Reads of keys of 1 KiB by their popularity. */
  | { readonly kind: 'zipf'; readonly keys: number; readonly reads: number; readonly memoryMb: number }
  /** Bodies of mixed size for a while, some written anew; memory is looked at every two seconds. */
  | { readonly kind: 'mixed'; readonly seconds: number; readonly memoryMb: number };

export interface MixedResult {
  readonly reads: number;
  /** In use after a collection of garbage, heap and buffers. */
  readonly usedBytes: readonly number[];
}

const redis = createRedis({
  hostname: process.env['REDIS_HOSTNAME'] ?? '',
  port: Number(process.env['REDIS_PORT']),
  credential: new ManagedIdentityCredential(),
});
const lifetime = { ttlSeconds: 86_400 };

function randomFrom(seed: number): () => number {
  let state = seed;
  // mulberry32
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function readByPopularity({ keys, reads, memoryMb }: Extract<Job, { kind: 'zipf' }>): Promise<object> {
  const cache = createCache({ redis, namespace: 'zipf', memoryMb });
  const next = zipf(keys, randomFrom(1));
  const value: object = { text: 'x'.repeat(1000) };
  await concurrently(keys, 64, async (index) => cache.set(`key ${index - 1}`, value, lifetime));
  process.send?.('written');
  await new Promise((resolve) => process.once('message', resolve));
  const never = async (): Promise<object> => Promise.reject(new Error('It should have been there.'));
  await concurrently(reads, 64, async () => cache.getOrSet(`key ${next()}`, never, lifetime));
  return {};
}

/** After all garbage is gone, that of buffers too: they are given back some time after they were collected. */
async function bytesInUse(): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < 4; turn += 1) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const { heapUsed, external } = process.memoryUsage();
    least = Math.min(least, heapUsed + external);
  }
  return least;
}

async function readMixed({ seconds, memoryMb }: Extract<Job, { kind: 'mixed' }>): Promise<MixedResult> {
  const cache = createCache({ redis, namespace: 'mixed', memoryMb });
  const random = randomFrom(2);
  const keys = 4000;
  const next = zipf(keys, random);
  // From 100 B to 512 KiB, small ones more often.
  const sizeOf = (): number => Math.floor(100 * 5243 ** (random() ** 1.5));
  const write = async (key: number): Promise<unknown> =>
    cache.set(`key ${key}`, Buffer.alloc(sizeOf(), key), lifetime);
  await concurrently(keys, 8, async (index) => write(index - 1));
  const usedBytes: number[] = [];
  let reads = 0;
  const endsAtMs = performance.now() + seconds * 1000;
  while (performance.now() < endsAtMs) {
    const untilMs = Math.min(performance.now() + 2000, endsAtMs);
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        while (performance.now() < untilMs) {
          const key = next();
          if (random() < 0.01) await write(key);
          else await cache.get(`key ${key}`);
          reads += 1;
          // Reads from memory alone would leave the event loop no turn.
          if (reads % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
        }
      }),
    );
    usedBytes.push(await bytesInUse());
  }
  return { reads, usedBytes };
}

const job = JSON.parse(process.argv[2] ?? '') as Job;
const result = await (job.kind === 'zipf' ? readByPopularity(job) : readMixed(job));
process.send?.(result);
await redis.close();
process.disconnect();
