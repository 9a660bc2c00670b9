// getOrSet beside that of bentocache and cacheable, in one run on one Redis behind one Entra front: hits, a thousand
// callers for one absent key in three processes, and Redis stopped for five seconds under load.

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startStack, type Stack } from '../local/stack.ts';
import { contestantNames, type ContestantName } from './library/contestants.ts';
import type { Job, StampedeResult, SteadyResult } from './library/worker.ts';

const outageSeconds = 5;

function startProcess(file: string, stack: Stack, ...parameters: readonly string[]): ChildProcess {
  return fork(join(import.meta.dirname, 'library', file), parameters, {
    env: { ...process.env, ...stack.settings },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

/** All libraries in one process, away from the local parts. */
async function measureHits(stack: Stack): Promise<void> {
  await once(startProcess('hits.ts', stack), 'exit');
}

/** A process of one library, connected. */
async function startWorker(name: ContestantName, stack: Stack): Promise<ChildProcess> {
  const worker = startProcess('worker.ts', stack, name);
  await once(worker, 'message');
  return worker;
}

async function ask<T>(worker: ChildProcess, job: Job): Promise<T> {
  const answer = once(worker, 'message');
  worker.send(job);
  const [result] = (await answer) as [T];
  return result;
}

async function measureStampede(stack: Stack): Promise<void> {
  for (const name of contestantNames) {
    const workers = await Promise.all([1, 2, 3].map(async () => startWorker(name, stack)));
    const loads: number[] = [];
    let failed = 0;
    for (let round = 0; round < 5; round += 1) {
      const job = { kind: 'stampede', key: `absent ${round}` } as const;
      const results = await Promise.all(
        workers.map(async (worker, index) =>
          ask<StampedeResult>(worker, { ...job, callers: index === 0 ? 334 : 333 }),
        ),
      );
      loads.push(results.reduce((sum, result) => sum + result.loads, 0));
      failed += results.reduce((sum, result) => sum + result.failed, 0);
    }
    for (const worker of workers) worker.disconnect();
    console.log(
      `library: 1,000 callers for one absent key in 3 processes: ${name} loads ${loads.join(' ')} times, ${failed} errors`,
    );
  }
}

async function measureOutage(stack: Stack): Promise<void> {
  const workers = await Promise.all(contestantNames.map(async (name) => startWorker(name, stack)));
  const job = { kind: 'steady', perSecond: 200, seconds: outageSeconds + 10 } as const;
  const results = Promise.all(workers.map(async (worker) => ask<SteadyResult>(worker, job)));
  await sleep(4000);
  await stack.redis.kill();
  await sleep(outageSeconds * 1000);
  await stack.redis.restart();
  for (const [index, result] of (await results).entries()) {
    const { reads, failed, stale, loads, slowestMs } = result;
    console.log(
      `library: Redis stopped for ${outageSeconds} s: ${contestantNames[index]}: ${reads} reads, ${failed} errors, ${stale} stale, ${loads} loads, slowest ${slowestMs} ms`,
    );
  }
  for (const worker of workers) worker.disconnect();
}

const stack = await startStack({ storage: false });
try {
  await measureHits(stack);
  await measureStampede(stack);
  await measureOutage(stack);
} finally {
  await stack.stop();
}
