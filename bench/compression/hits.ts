// What a hit of getOrSet from Redis takes where values are stored compressed, beside one where they are not: one process,
// in turn, JSON of the data set.

import { ManagedIdentityCredential } from '@azure/identity';
import { makeDataset } from '../../local/dataset/dataset.ts';
import { createCache, type Cache } from '../../src/exports/cache.ts';
import { createRedis } from '../../src/exports/redis.ts';
import { median } from '../support/median.ts';
import { concurrently, timed } from '../support/timing.ts';

const rounds = 7;
const slicesPerRound = 8;
const width = 64;
const modes = ['off', 'auto'] as const;
type Mode = (typeof modes)[number];

const texts = makeDataset()
  .filter(({ contentType }) => contentType === 'application/json')
  .map(({ body }) => body.toString());

/** A value whose JSON has about `bytes`. */
function valueOf(bytes: number, index: number): object {
  const lines: string[] = [];
  let length = 0;
  for (let at = index; length < bytes; at += 1) {
    const text = texts[at % texts.length] ?? '';
    for (const line of text.split('\n')) {
      if (length >= bytes) break;
      lines.push(line);
      length += Buffer.byteLength(JSON.stringify(line)) + 1;
    }
  }
  return { index, lines };
}

async function measure(bytes: number, caches: ReadonlyMap<Mode, Cache>): Promise<void> {
  const readsPerSlice = bytes > 10_000 ? 150 : 400;
  const keyOf = (index: number): string => `${bytes} bytes, ${index % 100}`;
  const never = async (): Promise<object> => Promise.reject(new Error('It should have been there.'));
  for (const cache of caches.values()) {
    for (let index = 0; index < 100; index += 1) {
      await cache.getOrSet(keyOf(index), () => valueOf(bytes, index), { ttlSeconds: 3600 });
    }
  }
  const ratios: number[] = [];
  const cpuRatios: number[] = [];
  const rates: Record<Mode, number[]> = { off: [], auto: [] };
  // The first two rounds warm the compiler up.
  for (let round = -2; round < rounds; round += 1) {
    const tookMs: Record<Mode, number> = { off: 0, auto: 0 };
    const cpuMs: Record<Mode, number> = { off: 0, auto: 0 };
    for (let slice = 0; slice < slicesPerRound; slice += 1) {
      for (const mode of slice % 2 === 0 ? modes : modes.toReversed()) {
        const cache = caches.get(mode);
        const before = process.cpuUsage();
        tookMs[mode] += await timed(() =>
          concurrently(readsPerSlice, width, async (index) =>
            cache?.getOrSet(keyOf(index), never, { ttlSeconds: 3600 }),
          ),
        );
        const { user, system } = process.cpuUsage(before);
        cpuMs[mode] += (user + system) / 1000;
      }
    }
    if (round < 0) continue;
    for (const mode of modes) rates[mode].push((slicesPerRound * readsPerSlice * 1000) / tookMs[mode]);
    ratios.push(tookMs.off / tookMs.auto);
    cpuRatios.push(cpuMs.off / cpuMs.auto);
  }
  console.log(
    `compression: getOrSet hits of ${bytes} B of JSON: auto ${median(rates.auto).toFixed(0)}, off ${median(rates.off).toFixed(0)} reads/s; ` +
      `auto / off = ${median(ratios).toFixed(2)}, for the same processor time ${median(cpuRatios).toFixed(2)}`,
  );
}

const redis = createRedis({
  hostname: process.env['REDIS_HOSTNAME'] ?? '',
  port: Number(process.env['REDIS_PORT']),
  credential: new ManagedIdentityCredential(),
});
const caches = new Map(
  modes.map((compression) => [
    compression,
    createCache({ redis, namespace: compression, compression, memoryMb: 0 }),
  ]),
);
for (const bytes of [2000, 4000, 8000, 16_000, 64_000]) await measure(bytes, caches);
await redis.close();
process.disconnect();
