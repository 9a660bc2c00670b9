// What the tier in memory brings: hits of getOrSet beside bentocache's and cacheable's in memory, reads through the local
// host beside an empty function and a hand-written GET, Redis commands for each read, and whether its memory stays
// within its limit. `--minutes 10` looks at that longer than two minutes.

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startHost, type Host } from '../local/functions-host/host.ts';
import { startStack, type Stack } from '../local/stack.ts';
import { buildApps } from './cold-start/apps.ts';
import { hostRates } from './support/host-rates.ts';
import { median } from './support/median.ts';
import { processorMs } from './support/processor.ts';
import type { Job, MixedResult } from './tiers/worker.ts';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '2' } } });
const minutes = Number(values.minutes);
const mebibyte = 2 ** 20;
const goals = { ofEmpty: 0.8, ofMinimum: 1.15, commandsPerRead: 0.05, ofLimit: 1.1 } as const;

const verdict = (isMet: boolean): string => (isMet ? 'met' : 'NOT met');

function startProcess(stack: Stack, file: string, ...parameters: readonly string[]): ChildProcess {
  return fork(join(import.meta.dirname, file), parameters, {
    env: { ...process.env, ...stack.settings },
    execArgv: [...process.execArgv, '--expose-gc'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

const startWorker = (stack: Stack, job: Job): ChildProcess =>
  startProcess(stack, 'tiers/worker.ts', JSON.stringify(job));

async function messageOf<T>(worker: ChildProcess): Promise<T> {
  const ended = once(worker, 'exit').then(([code]) => {
    throw new Error(`A process ended with ${String(code)} before it had reported.`);
  });
  ended.catch(() => {});
  const [message] = (await Promise.race([once(worker, 'message'), ended])) as [T];
  return message;
}

/** Commands by their name, as Redis counts them; those of this bench itself left out. */
async function commandsOf(stack: Stack): Promise<ReadonlyMap<string, number>> {
  const text = String(await stack.redis.admin('INFO', 'commandstats'));
  const counted = [...text.matchAll(/^cmdstat_(?<name>[^:]+):calls=(?<calls>\d+)/gmu)].map(
    ({ groups }) => [groups?.['name'] ?? '', Number(groups?.['calls'])] as const,
  );
  return new Map(counted.filter(([name]) => !/^(?:info|config|auth|hello)/u.test(name)));
}

async function measureCommands(stack: Stack): Promise<void> {
  const job = { kind: 'zipf', keys: 10_000, reads: 1_000_000, memoryMb: 64 } as const;
  const worker = startWorker(stack, job);
  await messageOf(worker);
  await stack.redis.admin('CONFIG', 'RESETSTAT');
  worker.send('read');
  const reported = messageOf(worker);
  await reported;
  const commands = await commandsOf(stack);
  const perRead = [...commands.values()].reduce((sum, calls) => sum + calls, 0) / job.reads;
  const names = [...commands].map(([name, calls]) => `${name} ${calls}`).join(', ');
  console.log(
    `tiers: ${perRead.toFixed(3)} Redis commands a read (below ${goals.commandsPerRead}: ` +
      `${verdict(perRead < goals.commandsPerRead)}; ${job.reads} reads of ${job.keys} keys of 1 KiB by Zipf's law, ` +
      `from an empty memory; ${names})`,
  );
}

async function measureMemory(stack: Stack): Promise<void> {
  const limitMb = 64;
  const run = async (memoryMb: number, seconds: number): Promise<MixedResult> =>
    messageOf(startWorker(stack, { kind: 'mixed', seconds, memoryMb }));
  const without = await run(0, 20);
  const within = await run(limitMb, minutes * 60);
  const usedMb = (Math.max(...within.usedBytes) - median(without.usedBytes)) / mebibyte;
  const ofLimit = usedMb / limitMb;
  console.log(
    `tiers: bodies of 100 B to 512 KiB take ${usedMb.toFixed(1)} MiB at most with a limit of ${limitMb} MiB: ${ofLimit.toFixed(2)} ` +
      `(at most ${goals.ofLimit}: ${verdict(ofLimit <= goals.ofLimit)}; ${within.reads} reads in ${minutes} min; ` +
      `beside a process without the tier, after garbage was collected, ${within.usedBytes.length} times)`,
  );
}

/** Of a few hundred reads, by what the answers say. */
async function shareFromMemory(url: string): Promise<number> {
  const count = 300;
  let found = 0;
  for (let read = 0; read < count; read += 1) {
    const { headers, body } = await fetch(url);
    await body?.cancel();
    if (headers.get('cache-status')?.includes('detail=memory') === true) found += 1;
  }
  return found / count;
}

async function measureHost(stack: Stack): Promise<void> {
  const names = ['empty', 'minimum', 'withoutMemory', 'package'] as const;
  const directories = await buildApps();
  const appOf = { empty: 'empty', minimum: 'minimum', withoutMemory: 'package', package: 'package' } as const;
  const hosts: Host[] = [];
  try {
    await stack.redis.admin('SET', 'hello', Buffer.alloc(1024, 'x'));
    const urls = { empty: '', minimum: '', withoutMemory: '', package: '' };
    for (const name of names) {
      const settings = { ...stack.settings, CACHE_MEMORY_MB: name === 'package' ? '32' : '0' };
      const host = await startHost({ appDirectory: directories[appOf[name]], settings, timers: false });
      hosts.push(host);
      urls[name] = `${host.url}/api/cache/hello`;
    }
    const before = hosts.map(processorMs);
    // Many short rounds: what else the machine does then reaches all of them alike.
    const rates = await hostRates(urls, { rounds: 21, requestsPerRound: 1500, concurrency: 32 });
    const usedMs = hosts.map((host, index) => processorMs(host) - (before[index] ?? 0));
    const inProcess = (other: (typeof names)[number]): string =>
      ((usedMs[names.indexOf(other)] ?? 0) / (usedMs[names.indexOf('package')] ?? 0)).toFixed(2);
    const fromMemory = await shareFromMemory(urls.package);
    const ratio = (other: (typeof names)[number]): number =>
      median(rates.package.map((rate, round) => rate / (rates[other][round] ?? Number.NaN)));
    const [ofEmpty, ofMinimum] = [ratio('empty'), ratio('minimum')];
    console.log(
      `tiers: a read from memory through the host: ${median(rates.package).toFixed(0)} reads/s, ` +
        `${(100 * fromMemory).toFixed(0)} % from memory; ` +
        `${ofEmpty.toFixed(2)} of an empty function (at least ${goals.ofEmpty}: ${verdict(ofEmpty >= goals.ofEmpty)}), ` +
        `${ofMinimum.toFixed(2)} of a hand-written GET (at least ${goals.ofMinimum}: ${verdict(ofMinimum >= goals.ofMinimum)}), ` +
        `${ratio('withoutMemory').toFixed(2)} of the app without the tier`,
    );
    // The host and whoever asks are one process here, which takes more than half of the time, the same for all.
    console.log(
      `tiers: for the same processor time of the instance: ${inProcess('empty')} of an empty function, ` +
        `${inProcess('minimum')} of a hand-written GET, ${inProcess('withoutMemory')} of the app without the tier`,
    );
  } finally {
    await Promise.all(hosts.map((host) => host.stop()));
  }
}

const stack = await startStack({ storage: false });
try {
  await once(startProcess(stack, 'library/hits.ts', 'memory'), 'exit');
  await measureHost(stack);
  await measureCommands(stack);
  await measureMemory(stack);
} finally {
  await stack.stop();
}
