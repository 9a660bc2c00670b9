// What the cache's layer costs per read: RedisTier over the shared client against node-redis alone; what it costs to judge
// that by what has been purged; in turn in one run on the same Entra front and Redis; and a batch of 100 against 100 single
// reads.

import { createClient } from 'redis';
import { ByteBudget } from '../src/util/byte-budget.ts';
import { newEntry } from '../src/cache/entry.ts';
import { PurgeLog } from '../src/cache/purge-log.ts';
import { ruleId } from '../src/cache/purge-rules.ts';
import { PurgeTier } from '../src/cache/purge-tier.ts';
import { RedisPurgeOrder } from '../src/cache/redis-purge-order.ts';
import { RedisTier } from '../src/cache/redis-tier.ts';
import type { ReadResult } from '../src/cache/tier.ts';
import { startStack } from '../local/stack.ts';
import { systemClock } from '../src/util/clock.ts';
import { eventually } from '../test/support/eventually.ts';
import { adoptStack, startSharedClient } from '../test/support/shared-client.ts';
import { median } from './support/median.ts';
import { concurrently, timed } from './support/timing.ts';

const rounds = 7;
const slicesPerRound = 10;
const readsPerSlice = 500;
const concurrency = 64;
const rulesHeld = 500;

const stack = await startStack({ storage: false });
try {
  adoptStack(stack);
  await using client = startSharedClient(stack);
  const { keeper, redis } = client;
  const emit = (): void => {};
  const tier = new RedisTier({ redis, budget: new ByteBudget(2 ** 27), maxValueBytes: 2 ** 20, emit });
  const order = new RedisPurgeOrder(redis, 'bench');
  const log = new PurgeLog({ order, instance: () => 'bench', clock: systemClock, emit });
  const store = new PurgeTier({ tier, log, scope: '', clock: systemClock });
  const deadline = (): number => systemClock.nowMs() + 5000;

  const token = await keeper.waitForToken(deadline());
  const plain = createClient({
    socket: { host: stack.front.hostname, port: stack.front.port, tls: true },
    username: token.oid ?? '',
    password: token.reveal(),
    commandOptions: { timeout: 0 },
  });
  plain.on('error', () => {});
  await plain.connect();

  const keys = Array.from({ length: 100 }, (_, index) => `bench:${index}`);
  const always = { kind: 'none', etags: [] } as const;
  for (const key of keys) {
    await store.write(
      key,
      newEntry(Buffer.alloc(1024, key), 'text/plain', Date.now(), 3600),
      always,
      deadline(),
    );
  }
  // Announcements of purges are heard a second after the start; until then each turn asks for them.
  await eventually(async () => {
    await store.read(keys[0] ?? '', deadline());
    if (order.hearing() === undefined) throw new Error('Purges are not heard of yet.');
  });
  const rules = Array.from({ length: rulesHeld }, (_, index) =>
    ruleId('stale', { kind: 'key', name: `purged:${index}` }),
  );
  await log.purge(rules, deadline());
  const use = (result: ReadResult): ReadResult => result;
  const keyOf = (index: number): string => keys[index % keys.length] ?? '';

  const contestants = {
    plain: (index: number): Promise<unknown> => plain.get(keyOf(index)),
    store: (index: number): Promise<unknown> => tier.read(keyOf(index), deadline()),
    /** As the cache reads, without purges and with them. */
    unjudged: async (index: number): Promise<unknown> => use(await tier.read(keyOf(index), deadline())),
    judged: (index: number): Promise<unknown> =>
      Promise.resolve(store.readThen(keyOf(index), deadline(), undefined, use)),
  };
  type Contestant = keyof typeof contestants;
  const names = Object.keys(contestants) as Contestant[];
  const none = (): Record<Contestant, number> => ({ plain: 0, store: 0, unjudged: 0, judged: 0 });
  const results = {
    plain: [] as number[],
    store: [] as number[],
    ratios: [] as number[],
    cpuRatios: [] as number[],
    judgedRatios: [] as number[],
    judgedCpuRatios: [] as number[],
    batch: [] as number[],
    singles: [] as number[],
  };
  // The first two rounds warm the compiler up.
  for (let round = -2; round < rounds; round += 1) {
    const [tookMs, cpuMicros] = [none(), none()];
    // In slices in turn, so that what else the machine does meets both alike.
    for (let slice = 0; slice < slicesPerRound; slice += 1) {
      for (const name of slice % 2 === 0 ? names : names.toReversed()) {
        const before = process.cpuUsage();
        tookMs[name] += await timed(() => concurrently(readsPerSlice, concurrency, contestants[name]));
        const { user, system } = process.cpuUsage(before);
        cpuMicros[name] += user + system;
      }
    }
    if (round >= 0) {
      const reads = slicesPerRound * readsPerSlice;
      results.plain.push(reads / tookMs.plain);
      results.store.push(reads / tookMs.store);
      results.ratios.push(tookMs.plain / tookMs.store);
      results.cpuRatios.push(cpuMicros.plain / cpuMicros.store);
      results.judgedRatios.push(tookMs.unjudged / tookMs.judged);
      results.judgedCpuRatios.push(cpuMicros.unjudged / cpuMicros.judged);
    }
    const batchMs = await timed(async () => store.readMany(keys, deadline()));
    const singlesMs = await timed(async () => {
      for (const key of keys) await store.read(key, deadline());
    });
    if (round >= 0) {
      results.batch.push(batchMs);
      results.singles.push(singlesMs);
    }
  }
  const perSecond = (values: number[]): string => `${(median(values) * 1000).toFixed(0)} reads/s`;
  const ratio = (a: number[], b: number[]): string => (median(a) / median(b)).toFixed(2);
  console.log(
    `read: node-redis alone ${perSecond(results.plain)}, through the store ${perSecond(results.store)}`,
  );
  console.log(
    `read: store / node-redis alone = ${median(results.ratios).toFixed(2)} (1 KiB, ${concurrency} at a time; median of ${rounds} rounds: ${results.ratios.map((each) => each.toFixed(2)).join(' ')})`,
  );
  // Of both clients' process, the front included: what a busy machine changes little.
  console.log(`read: the same in processor time = ${median(results.cpuRatios).toFixed(2)}`);
  console.log(
    `read: not judged / judged by what has been purged (${rulesHeld} rules) = ${median(results.judgedRatios).toFixed(2)}; in processor time ${median(results.judgedCpuRatios).toFixed(2)}`,
  );
  console.log(
    `read: 100 single reads / one batch of 100 = ${ratio(results.singles, results.batch)} (time, one after the other)`,
  );

  plain.destroy();
} finally {
  await stack.stop();
}
