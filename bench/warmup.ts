// The scheduled warmup against plain copying: 10,000 blobs of 2 KiB in Azurite behind a region's round trip of
// 20 ms, copied into one Redis by three processes, one after the other. Azurite, one thread, is the limit of the
// fast ones. Exits with 1 when a ratio is missed.

import { startStack, type Stack } from '../local/stack.ts';
import { blobBody, blobBytes, blobCount, blobName, containerName } from './warmup/blobs.ts';
import { BenchChild } from './warmup/bench-child.ts';
import type { SlowStorageOptions, StorageCounts } from './warmup/slow-storage.ts';
import type { ContestantName, Ran } from './warmup/worker.ts';

const delayMs = 20;
const changedCount = 10;
const putsAtOnce = 16;

let missed = 0;
const mebibytes = (bytes: number): number => bytes / 1024 / 1024;
const perSecond = ({ entries, seconds }: Ran): number => entries / seconds;

function demand(what: string, holds: boolean): void {
  if (!holds) missed += 1;
  console.log(`${holds ? 'ok    ' : 'MISSED'}  ${what}`);
}

const stack = await startStack();
const workers: BenchChild[] = [];
const begin = (...of: ConstructorParameters<typeof BenchChild>): BenchChild => {
  const worker = new BenchChild(...of);
  workers.push(worker);
  return worker;
};
try {
  await run(stack);
} finally {
  for (const worker of workers) await worker.stop();
  await stack.stop();
}
process.exitCode = missed === 0 ? 0 : 1;

async function run({ storage, redis, certificates, settings }: Stack): Promise<void> {
  if (storage === undefined) throw new Error('The stack has no storage.');
  await fill(storage);
  const slowStorage = begin('slow-storage.ts', [], {});
  const options: SlowStorageOptions = {
    port: storage.port,
    delayMs,
    ...certificates.server,
    caPem: certificates.caPem,
  };
  const { port } = await slowStorage.ask<{ port: number }>({ kind: 'start', options });
  const url = new URL(`${storage.blobUrl}/${containerName}`);
  url.port = `${port}`;
  const environment = {
    ...settings,
    ORIGIN_BLOB_CONTAINER_URL: url.href,
    WARMUP_PREFIX: 'set/',
    CACHE_DEFAULT_TTL_SECONDS: '3600',
  };
  const start = async (name: ContestantName): Promise<BenchChild> => {
    await redis.admin('FLUSHALL');
    const worker = begin('worker.ts', [name], environment);
    await worker.ask(undefined);
    await slowStorage.ask<StorageCounts>({ kind: 'count' });
    return worker;
  };
  const runOnce = async (name: ContestantName): Promise<Ran> => {
    const worker = await start(name);
    const ran = await worker.ask<Ran>({ kind: 'run' });
    print(name, ran);
    await worker.stop();
    return ran;
  };
  const sequential = await runOnce('sequential');
  const unbounded = await runOnce('unbounded');

  const worker = await start('ours');
  const ours = await worker.ask<Ran>({ kind: 'run' });
  print('ours', ours);
  const first = await slowStorage.ask<StorageCounts>({ kind: 'count' });
  const identical = await worker.ask<number>({ kind: 'check', changed: 0 });
  const again = await worker.ask<Ran>({ kind: 'run' });
  print('ours, again', again);
  const second = await slowStorage.ask<StorageCounts>({ kind: 'count' });
  for (let index = 0; index < changedCount; index += 1) {
    await storage.putBlob(containerName, blobName(index), blobBody(index, 1));
  }
  await worker.ask<Ran>({ kind: 'run' });
  const third = await slowStorage.ask<StorageCounts>({ kind: 'count' });
  const identicalAfter = await worker.ask<number>({ kind: 'check', changed: changedCount });

  console.log();
  const faster = perSecond(ours) / perSecond(sequential);
  demand(`entries/s, ours / sequential = ${faster.toFixed(1)} (at least 8)`, faster >= 8);
  const even = perSecond(ours) / perSecond(unbounded);
  demand(`entries/s, ours / unbounded = ${even.toFixed(2)} (at least 0.80)`, even >= 0.8);
  const memory = ours.peakBytesAboveIdle / unbounded.peakBytesAboveIdle;
  demand(`peak memory above idle, ours / unbounded = ${memory.toFixed(3)} (at most 0.100)`, memory <= 0.1);
  const peak = mebibytes(Math.max(ours.peakBytesAboveIdle, again.peakBytesAboveIdle));
  demand(`peak memory above idle, ours = ${peak.toFixed(0)} MiB (less than 150)`, peak < 150);
  demand(
    `all ${blobCount} byte-identical: ${identical}, ${first.bodies} bodies moved`,
    identical === blobCount && first.bodies === blobCount,
  );
  const shorter = again.seconds / ours.seconds;
  demand(
    `second run / first = ${shorter.toFixed(2)} of the time (less than 0.25), ${second.loads} loads`,
    shorter < 0.25 && second.loads === 0,
  );
  demand(
    `${changedCount} changed blobs: ${third.loads} loads, ${identicalAfter} identical`,
    third.loads === changedCount && identicalAfter === blobCount,
  );
}

async function fill(storage: NonNullable<Stack['storage']>): Promise<void> {
  const startedAtMs = performance.now();
  await storage.createContainer(containerName);
  const indices = Array.from({ length: blobCount }, (_, index) => index).values();
  const lane = async (): Promise<void> => {
    for (const index of indices) await storage.putBlob(containerName, blobName(index), blobBody(index));
  };
  await Promise.all(Array.from({ length: putsAtOnce }, lane));
  const seconds = (performance.now() - startedAtMs) / 1000;
  console.log(`${blobCount} blobs of ${blobBytes} bytes written in ${seconds.toFixed(1)} s\n`);
}

function print(name: string, ran: Ran): void {
  const { entries, seconds, peakBytesAboveIdle } = ran;
  console.log(
    `${name.padEnd(11)} ${entries} entries in ${seconds.toFixed(1)} s = ${perSecond(ran).toFixed(0)}/s, ` +
      `peak memory ${mebibytes(peakBytesAboveIdle).toFixed(0)} MiB above idle`,
  );
}
