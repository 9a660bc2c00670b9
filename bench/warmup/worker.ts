// One way to copy a container into Redis, in a process of its own: the app's warmup, plain sequential copying, or
// an unbounded Promise.all. Started by bench/warmup.ts. Knows the stack only by its environment, as an app does.

import { buffer } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { ContainerClient } from '@azure/storage-blob';
import { createClient } from 'redis';
import { createCredential } from '../../src/auth/credential.ts';
import { TokenKeeper } from '../../src/auth/token-keeper.ts';
import { createTokenSource } from '../../src/auth/token-source.ts';
import { Measures } from '../../src/telemetry/measures.ts';
import { ByteBudget } from '../../src/util/byte-budget.ts';
import { Cache } from '../../src/cache/cache.ts';
import { RedisLocks } from '../../src/cache/redis-locks.ts';
import { RedisTier } from '../../src/cache/redis-tier.ts';
import { OriginHealth } from '../../src/origin/origin-health.ts';
import { createOrigins } from '../../src/origin/origins.ts';
import { createWarmup } from '../../src/warmup/create.ts';
import { systemClock as clock } from '../../src/util/clock.ts';
import { createBlobOrigin } from '../../src/origin/blob/blob-origin.ts';
import { createRedis } from '../../src/redis/create.ts';
import { readSettings } from '../../src/config/settings.ts';
import { blobBody, blobCount, blobName, sequentialSample } from './blobs.ts';

export type ContestantName = 'ours' | 'sequential' | 'unbounded';

export interface Ran {
  readonly entries: number;
  readonly seconds: number;
  /** Of resident memory while it ran, above what it was before. */
  readonly peakBytesAboveIdle: number;
}

interface Contestant {
  /** Copies; returns how many entries. */
  run(): Promise<number>;
  /** How many entries are in the cache, byte by byte; `changed` of them in their second version. */
  check?(changed: number): Promise<number>;
}

const sampleEveryMs = 5;
const settings = readSettings(process.env);
const { origin: originSettings, redis: redisSettings } = settings;
if (originSettings.kind !== 'blob') throw new Error('No container is set.');
const { containerUrl } = originSettings;
const credential = createCredential(settings.credential);

const contestants: Record<ContestantName, () => Promise<Contestant>> = {
  ours: startOurs,
  async sequential() {
    const { copy } = await startPlain();
    return {
      // A sample, without the listing: that would count for all of them.
      async run() {
        for (let index = 0; index < sequentialSample; index += 1) await copy(blobName(index));
        return sequentialSample;
      },
    };
  },
  async unbounded() {
    const { names, copy } = await startPlain();
    return {
      async run() {
        const all: string[] = [];
        for await (const name of names()) all.push(name);
        await Promise.all(all.map(copy));
        return all.length;
      },
    };
  },
};

async function startOurs(): Promise<Contestant> {
  const parts = { clock, random: Math.random, emit: () => {} };
  const source = createTokenSource({ credential, scope: settings.entraScope, oidRequired: true, clock });
  const keeper = new TokenKeeper({ source, ...parts });
  const redis = createRedis(redisSettings, {
    keeper,
    failFastAfterMs: settings.requestBudgetMs,
    instances: () => 1,
    ...parts,
  });
  keeper.start();
  redis.start();
  await redis.ping(Date.now() + 10_000);
  const { namespace, requestBudgetMs } = settings;
  const origin = createBlobOrigin({ containerUrl, credential, clock, timeLimitMs: 30_000 });
  const shared = {
    ...parts,
    ...settings.cache,
    namespace,
    requestBudgetMs,
    origins: createOrigins({ origin, health: new OriginHealth(parts.emit, clock) }, []),
    redis,
    budget: new ByteBudget(2 ** 27),
    measures: new Measures(),
    locks: new RedisLocks(redis, clock, namespace),
  };
  const tier = new RedisTier(shared);
  const keyRules = { prefix: '', namespace };
  const cache = new Cache({ ...shared, tier, keyRules, clientsWrite: true });
  const warmup = createWarmup({ ...shared, ...settings.warmup, cache });
  await origin.load('absent', { maxBytes: 1, signal: new AbortController().signal });
  return {
    async run() {
      const nowMs = clock.nowMs();
      const times = {
        nextRunAtMs: nowMs + 300_000,
        deadlineAtMs: nowMs + 120_000,
        endsAtMs: nowMs + 150_000,
      };
      const outcome = await warmup?.run(times);
      if (outcome?.kind !== 'ended') throw new Error('Another instance is at it.');
      const { report } = outcome;
      if (!report.complete || Object.keys(report.failed).length > 0) throw new Error(JSON.stringify(report));
      return report.loaded + report.current + report.renewed;
    },
    async check(changed) {
      let identical = 0;
      for (let at = 0; at < blobCount; at += 500) {
        const keys = Array.from({ length: 500 }, (_, index) => blobName(at + index));
        const results = await tier.readMany(keys, Date.now() + 10_000);
        for (const [index, result] of results.entries()) {
          const body = blobBody(at + index, at + index < changed ? 1 : 0);
          if (result.kind === 'hit' && result.entry.body.equals(body)) identical += 1;
        }
      }
      return identical;
    },
  };
}

/** @azure/storage-blob and node-redis as their READMEs show them. */
async function startPlain() {
  const container = new ContainerClient(containerUrl, credential);
  const token = await credential.getToken(settings.entraScope);
  const claims = JSON.parse(Buffer.from(token?.token.split('.')[1] ?? '', 'base64url').toString()) as {
    oid: string;
  };
  const socket = { host: redisSettings.hostname, port: redisSettings.port, tls: true } as const;
  // Without its time limit for a command: 10,000 TLS connections at once keep the process busy for longer.
  const commandOptions = { timeout: 0 };
  const client = createClient({ socket, commandOptions, username: claims.oid, password: token?.token ?? '' });
  client.on('error', () => {});
  await client.connect();
  const copy = async (name: string): Promise<void> => {
    const { readableStreamBody } = await container.getBlobClient(name).download();
    if (readableStreamBody !== undefined) await client.set(name, await buffer(readableStreamBody));
  };
  async function* names(): AsyncGenerator<string> {
    for await (const { name } of container.listBlobsFlat({ prefix: settings.warmup.prefix })) yield name;
  }
  await copy(blobName(0));
  return { names, copy };
}

async function measure(work: () => Promise<number>): Promise<Ran> {
  const idleBytes = process.memoryUsage.rss();
  let peakBytes = idleBytes;
  const sample = (): void => {
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
  };
  const sampling = setInterval(sample, sampleEveryMs);
  const startedAtMs = performance.now();
  const entries = await work();
  const seconds = (performance.now() - startedAtMs) / 1000;
  sample();
  clearInterval(sampling);
  return { entries, seconds, peakBytesAboveIdle: peakBytes - idleBytes };
}

process.on('disconnect', () => process.exit(0));
const contestant = await contestants[process.argv[2] as ContestantName]();
process.on('message', (message: { kind: 'run' } | { kind: 'check'; changed: number }) => {
  const work =
    message.kind === 'run'
      ? measure(() => contestant.run())
      : (contestant.check?.(message.changed) ?? Promise.reject(new Error('It checks nothing.')));
  work.then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: inspect(error) }),
  );
});
process.send?.({ result: 'ready' });
