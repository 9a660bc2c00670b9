// What large answers do to small ones and to the instance's memory: this app beside a function written by hand, in
// turn on one local stack, each with V8's heap limits of an instance of 2,048 MB and of 512 MB. A table.
// Exits with 1 where a goal is missed.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startHost, type Host } from '../local/functions-host/host.ts';
import { startStack, type Stack } from '../local/stack.ts';
import { buildApps, type AppName } from './pressure/apps.ts';
import type { Burst, BurstReport } from './pressure/client.ts';
import { median } from './support/median.ts';

/** By hand one round shows it, and takes long enough. */
const rounds = { package: 3, byHand: 1 };
const mebibyte = 2 ** 20;
/** What V8 takes by itself under these cgroup limits; memory above idle may be `mostMebibytes`. */
const sizes = [
  { name: '2,048 MB', flags: '--max-old-space-size=1024 --max-semi-space-size=32', mostMebibytes: 150 },
  { name: '512 MB', flags: '--max-old-space-size=256 --max-semi-space-size=8', mostMebibytes: 100 },
] as const;
const bursts = [
  // For comparison: what so many requests cost the host and Node.js, whatever they ask for.
  { name: '600 reads of 1 KiB', kind: 'small reads', count: 600, runMs: 2500 },
  { name: '150 reads of 1 MiB', kind: 'reads', count: 150, runMs: 2500 },
  { name: '600 reads of 1 MiB', kind: 'reads', count: 600, runMs: 4000 },
  { name: 'a batch of 100 x 1 MiB', kind: 'batch', count: 100, runMs: 2500 },
] as const;
const mostDelayMs = 250;
/** Of a request's budget of 2 s. 600 requests at once, whatever they ask for, take the host and Node.js most of it. */
const atOnceMs = 500;

interface Round {
  readonly smallFailed: number;
  readonly smallMedianMs: number;
  readonly smallWorstMs: number;
  /** By status; what was cut is 0. */
  readonly large: ReadonlyMap<number, number>;
  readonly refusedWorstMs: number;
  readonly bytes: number;
  readonly peakMebibytes: number;
  readonly connectionsLost: number;
}

const directories = await buildApps();
const stack = await startStack({ storage: false });
const client = fork(join(import.meta.dirname, 'pressure/client.ts'));
let missed = 0;
try {
  console.log(
    `| instance | function | beside 100 small reads a second | small: failed | small: slowest | large | refused after | memory above idle | connections lost |`,
  );
  console.log('|---|---|---|---|---|---|---|---|---|');
  for (const size of sizes) {
    for (const name of ['byHand', 'package'] as const) await bench(name, size, stack);
  }
} finally {
  client.kill();
  await stack.stop();
}
process.exitCode = missed === 0 ? 0 : 1;

async function bench(name: AppName, size: (typeof sizes)[number], { settings, redis }: Stack): Promise<void> {
  for (const burst of bursts) {
    // A process for each: what one burst leaves behind is not the next one's.
    const host = await startHost({
      appDirectory: directories[name],
      settings: { ...settings, NODE_OPTIONS: size.flags, CACHE_MEMORY_MB: '0' },
      timers: false,
    });
    try {
      await redis.admin('FLUSHALL');
      await fill(name, host, stack);
      const alone = await measure(host, { kind: 'none', count: 0, runMs: 1500 });
      const measured: Round[] = [];
      for (let round = 0; round < rounds[name]; round += 1) measured.push(await measure(host, burst));
      judge(name, size, burst.name, alone, measured);
    } finally {
      await host.stop();
    }
  }
}

async function fill(name: AppName, { url }: Host, { redis }: Stack): Promise<void> {
  const text = 'The quick brown fox jumps over the lazy dog. '.repeat(24_000).slice(0, mebibyte);
  const entries = Array.from({ length: 100 }, (_, index) => [`large-${index}`, text] as const);
  for (const [key, value] of [['small', 'x'.repeat(1024)], ...entries] as const) {
    if (name === 'byHand') await redis.admin('SET', key, value);
    else await fetch(`${url}/api/cache/${key}?ttl=3600`, { method: 'PUT', body: value });
  }
  for (let reads = 0; reads < 200; reads += 1) await (await fetch(`${url}/api/cache/small`)).arrayBuffer();
}

async function measure(host: Host, { kind, count, runMs }: Omit<Burst, 'url'>): Promise<Round> {
  const pid = host.instances[0]?.pid ?? 0;
  const connectionsBefore = stack.front.stats.connectionsAccepted;
  await sleep(500);
  const idleBytes = residentBytes(pid);
  let peakBytes = idleBytes;
  const sampling = setInterval(() => (peakBytes = Math.max(peakBytes, residentBytes(pid))), 5);
  const answer = once(client, 'message');
  client.send({ url: host.url, kind, count, runMs } satisfies Burst);
  const [{ small, large }] = (await answer) as [BurstReport];
  clearInterval(sampling);
  const statuses = new Map<number, number>();
  for (const { status } of large) statuses.set(status, (statuses.get(status) ?? 0) + 1);
  return {
    smallFailed: small.filter(({ status }) => status !== 200).length,
    smallMedianMs: median(small.map(({ tookMs }) => tookMs)),
    smallWorstMs: Math.max(...small.map(({ tookMs }) => tookMs)),
    large: statuses,
    refusedWorstMs: Math.max(0, ...large.filter(({ status }) => status !== 200).map(({ tookMs }) => tookMs)),
    bytes: large.reduce((sum, { bytes }) => sum + bytes, 0),
    peakMebibytes: (peakBytes - idleBytes) / mebibyte,
    connectionsLost: stack.front.stats.connectionsAccepted - connectionsBefore,
  };
}

function judge(
  name: AppName,
  { name: size, mostMebibytes }: (typeof sizes)[number],
  burst: string,
  alone: Round,
  measured: readonly Round[],
): void {
  const middle = (of: (round: Round) => number): number => median(measured.map(of));
  const slower = middle(({ smallWorstMs }) => smallWorstMs) - alone.smallMedianMs;
  const failed = measured.reduce((sum, { smallFailed }) => sum + smallFailed, 0);
  const refusedAfter = middle(({ refusedWorstMs }) => refusedWorstMs);
  const memory = Math.max(...measured.map(({ peakMebibytes }) => peakMebibytes));
  const lost = measured.reduce((sum, { connectionsLost }) => sum + connectionsLost, 0);
  const others = measured
    .flatMap(({ large }) => [...large.keys()])
    .some((status) => ![200, 503].includes(status));
  const met = [
    failed === 0,
    slower <= mostDelayMs,
    !others,
    refusedAfter <= atOnceMs,
    memory <= mostMebibytes,
    lost === 0,
  ];
  if (name === 'package' && burst !== bursts[0].name) missed += met.filter((one) => !one).length;
  const mark = (index: number): string =>
    met[index] === true || burst === bursts[0].name ? '' : ' (missed)';
  const statuses = [...(measured.at(-1)?.large ?? [])]
    .map(([status, count]) => `${count} x ${status}`)
    .join(', ');
  const cells = [
    size,
    name === 'package' ? 'this app' : 'by hand',
    burst,
    `${failed}${mark(0)}`,
    `+${slower.toFixed(0)} ms${mark(1)}`,
    `${statuses}, ${(middle(({ bytes }) => bytes) / mebibyte).toFixed(0)} MiB${mark(2)}`,
    `${refusedAfter.toFixed(0)} ms${mark(3)}`,
    `${memory.toFixed(0)} MiB${mark(4)}`,
    `${lost}${mark(5)}`,
  ];
  console.log(`| ${cells.join(' | ')} |`);
}

/** As Linux says. */
function residentBytes(pid: number): number {
  const [, pages = '0'] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ');
  return Number(pages) * 4096;
}
