// From the start of a process to the first cached byte over HTTP, and memory after 10,000 reads: this app's
// package, the same app unbundled, a hand-written minimum and an empty function, in turn on one local stack.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { startHost } from '../local/functions-host/host.ts';
import { startStack, type Stack } from '../local/stack.ts';
import { appNames, buildApps, type AppName } from './cold-start/apps.ts';
import { median } from './support/median.ts';

const rounds = 15;
const reads = 10_000;
const concurrency = 16;
const goals = { unbundled: 0.55, minimum: 1, memoryMebibytes: 60 };
const path = '/api/cache/hello';

const directories = await buildApps();
const stack = await startStack({ storage: false });
try {
  await stack.redis.admin('SET', 'hello', 'from Redis');

  const startMs = Object.fromEntries(appNames.map((name) => [name, [] as number[]])) as Record<
    AppName,
    number[]
  >;
  // The first round is not counted: it fills the caches of the disk and of this process.
  for (let round = 0; round <= rounds; round += 1) {
    for (const name of appNames) {
      const tookMs = await coldStart(name, stack);
      if (round > 0) startMs[name].push(tookMs);
    }
  }
  const medianMs = (name: AppName): number => median(startMs[name]);
  for (const name of appNames) {
    const range = `${Math.min(...startMs[name]).toFixed(0)} to ${Math.max(...startMs[name]).toFixed(0)}`;
    console.log(
      `cold start: ${name} ${medianMs(name).toFixed(0)} ms (median of ${rounds}, ${range}), without the empty function's ${(medianMs(name) - medianMs('empty')).toFixed(0)} ms`,
    );
  }
  for (const other of ['unbundled', 'minimum'] as const) {
    const ratio = medianMs('package') / medianMs(other);
    console.log(
      `cold start: package / ${other} = ${ratio.toFixed(2)} (at most ${goals[other]}: ${verdict(ratio <= goals[other])})`,
    );
  }

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
