// Redis is killed, and started again half a minute later: how a fleet knocks meanwhile, how it comes back, and what all
// its instances together write into the log.

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AnyStack } from '../../local/stack.ts';
import { peak } from './many.ts';
import type { Line, WorkerState } from './worker.ts';

const awayMs = 30_000;
/** In which every instance has noticed the loss and tried once. */
const firstTryMs = 1000;
/** The log is watched for so long after the last is back: what is held back comes later. */
const logAfterMs = 10_000;
const sampleMs = 10;

// In one process of so many clients the timers that come due together hold up everything else, until all that were
// refused meanwhile start their next pause in one moment.
const processes = 4;

export async function measureReturn(stack: AnyStack, size: number): Promise<void> {
  stack.identity.forget();
  const workers = Array.from({ length: processes }, (_, index) =>
    startWorker(stack, index, size / processes),
  );
  const sum = (count: (state: WorkerState) => number): number =>
    workers.reduce((total, { state }) => total + (state === undefined ? 0 : count(state)), 0);
  try {
    await until(() => sum(({ listening }) => listening) === size);
    // From a roll call each hears how many there are, and so its share of the log and of the attempts.
    workers[0]?.child.send('call the roll');
    await until(() => workers[0]?.state?.answered !== undefined);
    const answered = workers[0]?.state?.answered;
    if (answered !== size) throw new Error(`The roll call reached ${answered} of ${size}.`);
    const connects = watch(() => stack.front.stats.refused);
    const handshakes = watch(() => stack.front.stats.connectionsAccepted);
    const eventsBefore = sum(({ events }) => events);
    const killedAtMs = Date.now();
    await stack.redis.kill();
    stack.front.setBehaviour('refuse');
    stack.front.cutAll();
    await sleep(awayMs);
    await stack.redis.restart();
    stack.front.setBehaviour('normal');
    const backAtMs = Date.now();
    await until(() => sum(({ ready }) => ready) === size);
    const lastReadyMs = Date.now() - backAtMs;
    await until(() => sum(({ listening }) => listening) === size);
    const lastMs = Date.now() - backAtMs;
    await sleep(logAfterMs);
    const refused = connects.stop();
    const accepted = handshakes.stop();
    const away = { fromMs: killedAtMs + firstTryMs, toMs: backAtMs };
    table(`Redis is away for ${awayMs / 1000} s`, {
      instances: size,
      'refused connects in 100 ms, at the loss': peak(within(refused, killedAtMs, away.fromMs), 100),
      'later on': peak(within(refused, away.fromMs, away.toMs), 100),
      'a second at the end': (within(refused, backAtMs - 10_000, backAtMs).length / 10).toFixed(0),
      'handshakes in 100 ms when back': peak(accepted, 100),
      'last serves': `${(lastReadyMs / 1000).toFixed(1)} s`,
      'last listens': `${(lastMs / 1000).toFixed(1)} s`,
    });
    const lines = workers.flatMap((worker) => worker.lines).filter(({ atMs }) => atMs >= killedAtMs);
    const writtenAtMs = lines.map(({ atMs }) => atMs);
    const seconds = (Date.now() - killedAtMs) / 1000;
    const byEvent = Map.groupBy(lines, ({ event }) => event);
    table(`The log of all ${size} together, from the loss to ${logAfterMs / 1000} s after the last is back`, {
      events: sum(({ events }) => events) - eventsBefore,
      lines: writtenAtMs.length,
      'lines a second': (writtenAtMs.length / seconds).toFixed(1),
      'in the first second': within(writtenAtMs, killedAtMs, killedAtMs + 1000).length,
      'in the busiest': peak(writtenAtMs, 1000),
      'by event': [...byEvent].map(([event, { length }]) => `${length} ${event}`).join(', '),
    });
  } finally {
    await Promise.all(workers.map(stopWorker));
  }
}

interface Worker {
  readonly child: ChildProcess;
  readonly lines: Line[];
  state: WorkerState | undefined;
}

function startWorker({ settings }: AnyStack, index: number, size: number): Worker {
  const child = fork(join(import.meta.dirname, 'worker.ts'), [`${index}`, `${size}`], {
    env: { ...process.env, ...settings },
  });
  const worker: Worker = { child, lines: [], state: undefined };
  child.on('message', (state: WorkerState) => {
    worker.state = state;
    worker.lines.push(...state.lines);
  });
  return worker;
}

async function stopWorker({ child }: Worker): Promise<void> {
  if (child.exitCode !== null) return;
  const exit = once(child, 'exit');
  child.disconnect();
  await exit;
}

/** When `count` went up, each time. */
function watch(count: () => number): { stop(): readonly number[] } {
  const timesMs: number[] = [];
  let seen = count();
  const timer = setInterval(() => {
    for (const now = count(); seen < now; seen += 1) timesMs.push(Date.now());
  }, sampleMs);
  return {
    stop() {
      clearInterval(timer);
      return timesMs;
    },
  };
}

function within(timesMs: readonly number[], fromMs: number, toMs: number): readonly number[] {
  return timesMs.filter((atMs) => atMs >= fromMs && atMs < toMs);
}

function table(title: string, cells: Readonly<Record<string, string | number>>): void {
  const names = Object.keys(cells);
  console.log(`\n${title}:\n`);
  console.log(`| ${names.join(' | ')} |`);
  console.log(`|${names.map(() => '---|').join('')}`);
  console.log(`| ${Object.values(cells).join(' | ')} |`);
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await sleep(10);
}
