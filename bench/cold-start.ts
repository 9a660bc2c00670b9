// From the start of a process to the first cached byte over HTTP, and memory after 10,000 reads: this app's
// package, the same app unbundled, a hand-written minimum and an empty function, in turn on one local stack.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { startHost } from '../local/functions-host/host.ts';
import { startStack, type Stack } from '../local/stack.ts';
import { appNames, buildApps, type AppName } from './cold-start/apps.ts';
import { median } from './support/median.ts';

const rounds = 21;
const slowRounds = 9;
const slowEndpointMs = 50;
const reads = 10_000;
const concurrency = 16;
const goals = { unbundled: 0.55, minimum: 0.87, memoryMebibytes: 60 };
const path = '/api/cache/hello';

const directories = await buildApps();
const stack = await startStack({ storage: false });
try {
  await stack.redis.admin('SET', 'hello', 'from Redis');

  const atOnce = await coldStarts(appNames, rounds);
  for (const name of appNames) {
    const range = `${Math.min(...atOnce[name]).toFixed(0)} to ${Math.max(...atOnce[name]).toFixed(0)}`;
    const more = median(atOnce[name]) - median(atOnce.empty);
    console.log(
      `cold start: ${name} ${median(atOnce[name]).toFixed(0)} ms (median of ${rounds}, ${range}), ${more.toFixed(0)} ms more than empty`,
    );
  }
  for (const other of ['unbundled', 'minimum'] as const) {
    const ratio = ratioOf(atOnce, other);
    console.log(
      `cold start: package / ${other} = ${ratio.toFixed(2)} (at most ${goals[other]}: ${verdict(ratio <= goals[other])})`,
    );
  }

  // Here the endpoint answers in 3 ms; this is nearer to what it takes where it is not on the same machine.
  stack.identity.setBehaviour({ mode: 'slow', delayMs: slowEndpointMs });
  const slow = await coldStarts(['package', 'minimum'], slowRounds);
  stack.identity.setBehaviour('normal');
  console.log(
    `cold start, identity endpoint ${slowEndpointMs} ms slower: package ${median(slow.package).toFixed(0)} ms, ` +
      `minimum ${median(slow.minimum).toFixed(0)} ms, package / minimum = ${ratioOf(slow, 'minimum').toFixed(2)} (medians of ${slowRounds})`,
  );

  const memory = {
    package: await memoryAfterReads('package', stack),
    empty: await memoryAfterReads('empty', stack),
  };
  const more = memory.package - memory.empty;
  console.log(
    `memory after ${reads} reads: package ${memory.package.toFixed(0)} MiB, empty ${memory.empty.toFixed(0)} MiB, ` +
      `${more.toFixed(0)} MiB more (at most ${goals.memoryMebibytes}: ${verdict(more <= goals.memoryMebibytes)})`,
  );
} finally {
  await stack.stop();
}

/** The times of each, taken in turn so that what else the machine does falls on all of them. */
async function coldStarts(names: readonly AppName[], count: number): Promise<Record<AppName, number[]>> {
  const times: Record<AppName, number[]> = { package: [], unbundled: [], minimum: [], empty: [] };
  // The first round is not counted: it fills the caches of the disk and of this process.
  for (let round = 0; round <= count; round += 1) {
    for (const name of names) {
      const tookMs = await coldStart(name, stack);
      if (round > 0) times[name].push(tookMs);
    }
  }
  return times;
}

/** The median of the rounds' ratios: the two of a round ran at the same load of the machine, more or less. */
function ratioOf(times: Record<AppName, readonly number[]>, other: AppName): number {
  return median(times.package.map((tookMs, round) => tookMs / (times[other][round] ?? Number.NaN)));
}

/** Starts a process and asks it at once, as the platform does with the request that made it start one. */
async function coldStart(name: AppName, { settings }: Stack): Promise<number> {
  const startedAtMs = performance.now();
  const host = await startHost({ appDirectory: directories[name], settings, timers: false });
  try {
    const response = await fetch(`${host.url}${path}`);
    await response.arrayBuffer();
    const tookMs = performance.now() - startedAtMs;
    if (response.status !== 200) throw new Error(`${name} answered ${response.status}.`);
    return tookMs;
  } finally {
    await host.stop();
  }
}

/** Resident memory of the process, in MiB. */
async function memoryAfterReads(name: AppName, { settings }: Stack): Promise<number> {
  const host = await startHost({ appDirectory: directories[name], settings, timers: false });
  try {
    let left = reads;
    const lane = async (): Promise<void> => {
      while ((left -= 1) >= 0) await (await fetch(`${host.url}${path}`)).arrayBuffer();
    };
    await Promise.all(Array.from({ length: concurrency }, lane));
    const pid = host.instances[0]?.pid;
    const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', `${pid}`]);
    return Number(stdout) / 1024;
  } finally {
    await host.stop();
  }
}

function verdict(met: boolean): string {
  return met ? 'met' : 'NOT met';
}
