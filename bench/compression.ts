// What compression saves and costs on the data set of `npm start`: which coding and level, what Redis holds, what a read
// takes for a client that takes the coding and for one that does not, and what a hit of getOrSet takes.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { HttpRequest, InvocationContext, type HttpHandler } from '@azure/functions';
import { makeDataset } from '../local/dataset/dataset.ts';
import { startStack, type Stack } from '../local/stack.ts';
import { compressingTier } from '../src/cache/compressing-tier.ts';
import { Compressor, isCompressible } from '../src/cache/compressor.ts';
import { newEntry } from '../src/cache/entry.ts';
import { readCache } from '../src/functions/read-cache.ts';
import { systemClock } from '../src/util/clock.ts';
import { entryKey, startCacheInstance } from '../test/support/cache-instance.ts';
import { adoptStack } from '../test/support/shared-client.ts';
import { measureCodings, measurePool } from './compression/codings.ts';
import { median } from './support/median.ts';
import { concurrently, timed } from './support/timing.ts';

const rounds = 7;
const mostPlainBytes = 1024;
const goal = 0.5;
const dataset = makeDataset();
const large = dataset.filter(
  ({ body, contentType }) => body.length > mostPlainBytes && isCompressible(contentType),
);

async function memoryUsage(stack: Stack): Promise<number> {
  const sizes = dataset.map(async ({ name }) => Number(await stack.redis.admin('MEMORY', 'USAGE', name)));
  return (await Promise.all(sizes)).reduce((sum, bytes) => sum + bytes, 0);
}

/** The data set in Redis, and its reads through the handler. */
async function measureRedis(stack: Stack): Promise<void> {
  await using instance = await startCacheInstance(stack, undefined);
  const { tier, cache, budget } = instance;
  const compressing = compressingTier(tier, new Compressor({ mostPlainBytes, budget }));
  const soon = (): number => systemClock.nowMs() + 5000;
  const always = { kind: 'none', etags: [] } as const;
  const deps = { clock: systemClock, emit() {}, budget, cache, requestBudgetMs: 2000 };
  const handler = readCache({ ...deps, queryRule: 'reject', maxValueBytes: 2 ** 20 });
  const read = async (index: number, accepted: string | undefined): Promise<void> =>
    ask(handler, large[index % large.length]?.name ?? '', accepted);
  const writeMs: Record<string, number[]> = { plain: [], compressed: [] };
  const readMs: Record<string, number[]> = { plain: [], taken: [], decoded: [] };
  const used: Record<string, number> = {};
  for (let round = -1; round < rounds; round += 1) {
    for (const [name, to] of [
      ['plain', tier],
      ['compressed', compressing],
    ] as const) {
      const write = async ({ name: key, body, contentType }: (typeof dataset)[number]) =>
        to.write(entryKey(key).redisKey, newEntry(body, contentType, Date.now(), 3600), always, soon());
      const tookMs = await timed(() =>
        concurrently(dataset.length, 8, async (index) => {
          const blob = dataset[index - 1];
          if (blob !== undefined) await write(blob);
        }),
      );
      used[name] = await memoryUsage(stack);
      if (round >= 0) writeMs[name]?.push(tookMs / dataset.length);
      const kinds = name === 'plain' ? (['plain'] as const) : (['taken', 'decoded'] as const);
      for (const kind of kinds) {
        const accepted = kind === 'taken' ? 'gzip, deflate, br' : undefined;
        const readingMs = await timed(() => concurrently(2000, 32, async (index) => read(index, accepted)));
        if (round >= 0) readMs[kind]?.push(readingMs / 2000);
      }
    }
  }
  const { plain = 0, compressed = 0 } = used;
  const share = compressed / plain;
  console.log(
    `compression: the data set in Redis: ${plain} B plain, ${compressed} B compressed = ${share.toFixed(2)} ` +
      `(at most ${goal}: ${share <= goal ? 'met' : 'NOT met'}; MEMORY USAGE of ${dataset.length} keys, heads included)`,
  );
  const micros = (values: readonly number[] = []): string => `${(median(values) * 1000).toFixed(0)} us`;
  console.log(
    `compression: a write, 8 at a time: plain ${micros(writeMs['plain'])}, compressed ${micros(writeMs['compressed'])}`,
  );
  console.log(
    `compression: a read by the handler, 32 at a time: stored plain ${micros(readMs['plain'])}, ` +
      `compressed for a client that takes it ${micros(readMs['taken'])}, for one that does not ${micros(readMs['decoded'])}`,
  );
}

async function ask(handler: HttpHandler, key: string, accepted: string | undefined): Promise<void> {
  const headers = accepted === undefined ? {} : { 'accept-encoding': accepted };
  const request = new HttpRequest({ method: 'GET', url: 'http://localhost/', params: { key }, headers });
  const answer = await handler(request, new InvocationContext());
  if (answer === undefined || !('arrayBuffer' in answer)) throw new Error('There is no answer.');
  if (answer.status !== 200) throw new Error(`${key} was answered with ${answer.status}.`);
  await answer.arrayBuffer();
}

measureCodings(large.map(({ body }) => body));
await measurePool(Buffer.concat(large.map(({ body }) => body)));
const stack = await startStack({ storage: false });
try {
  adoptStack(stack);
  await measureRedis(stack);
  const hits = fork(join(import.meta.dirname, 'compression/hits.ts'), {
    env: { ...process.env, ...stack.settings },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  await once(hits, 'exit');
} finally {
  await stack.stop();
}
