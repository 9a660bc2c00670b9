// What a cluster costs: a batch of 100 keys over three shards against the same batch on a single endpoint, and
// single reads on both, side by side in one run.

import { newEntry } from '../src/cache/entry.ts';
import { ByteBudget } from '../src/util/byte-budget.ts';
import { RedisTier } from '../src/cache/redis-tier.ts';
import { startStack, type AnyStack } from '../local/stack.ts';
import { adoptStack, startSharedClient } from '../test/support/shared-client.ts';
import { median } from './support/median.ts';
import { concurrently, timed } from './support/timing.ts';

const rounds = 300;
const concurrency = 64;
const readsPerRound = 200;
/** What a batch on the cluster may cost of one on the single endpoint. */
const mostRatio = 1.5;
const keys = Array.from({ length: 100 }, (_, index) => `bench:${index}`);

interface Contestant extends AsyncDisposable {
  readonly store: RedisTier;
  readonly batchMs: number[];
  readonly readsMs: number[];
}

const stacks: AnyStack[] = [];
try {
  stacks.push(await startStack({ storage: false }));
  stacks.push(await startStack({ storage: false, cluster: true }));
  const contestants = await Promise.all(stacks.map(start));
  for (let round = -20; round < rounds; round += 1) {
    for (const { store, batchMs, readsMs } of contestants) {
      const tookMs = await timed(() => store.readMany(keys, Date.now() + 5000));
      const readsTookMs = await timed(() =>
        concurrently(readsPerRound, concurrency, (index) =>
          store.read(keys[index % keys.length] ?? '', Date.now() + 5000),
        ),
      );
      if (round < 0) continue;
      batchMs.push(tookMs);
      readsMs.push(readsTookMs);
    }
  }
  for (const contestant of contestants) await contestant[Symbol.asyncDispose]();
  const [single, cluster] = contestants;
  if (single === undefined || cluster === undefined) throw new Error('Both are there.');
  const ratio = median(cluster.batchMs) / median(single.batchMs);
  const readsRatio = median(cluster.readsMs) / median(single.readsMs);
  console.log(
    `cluster: a batch of 100 takes ${median(single.batchMs).toFixed(2)} ms on a single endpoint, ` +
      `${median(cluster.batchMs).toFixed(2)} ms over three shards (1 KiB each, median of ${rounds})`,
  );
  console.log(`cluster: batch over three shards / on a single endpoint = ${ratio.toFixed(2)} (time)`);
  console.log(
    `cluster: single reads over three shards / on a single endpoint = ${readsRatio.toFixed(2)} ` +
      `(time, ${concurrency} at a time)`,
  );
  if (ratio > mostRatio) {
    console.error(`cluster: the ratio of batches is above ${mostRatio}.`);
    process.exitCode = 1;
  }
} finally {
  for (const stack of stacks) await stack.stop();
}

async function start(stack: AnyStack): Promise<Contestant> {
  adoptStack(stack);
  // A client secret, because MSAL knows one identity endpoint a process, and each stack has its own.
  const client = startSharedClient(stack, { credential: 'client-secret' });
  const store = new RedisTier({
    redis: client.redis,
    budget: new ByteBudget(2 ** 27),
    maxValueBytes: 2 ** 20,
    emit() {},
  });
  for (const key of keys) {
    const entry = newEntry(Buffer.alloc(1024, key), 'text/plain', Date.now(), 3600);
    const written = await store.write(key, entry, { kind: 'none', etags: [] }, Date.now() + 5000);
    if (written.kind !== 'created') throw new Error(`Writing ${key}: ${written.kind}`);
  }
  return {
    store,
    batchMs: [],
    readsMs: [],
    [Symbol.asyncDispose]: async () => client[Symbol.asyncDispose](),
  };
}
