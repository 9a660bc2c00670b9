// One library in a process of its own: asks for what its parent says, and reports what became of it.

import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type ContestantName } from './contestants.ts';

export type Job =
  /** Callers for one absent key, all at once. */
  | { readonly kind: 'stampede'; readonly key: string; readonly callers: number }
  /** Reads at a steady rate of a few keys. */
  | { readonly kind: 'steady'; readonly perSecond: number; readonly seconds: number };

export interface StampedeResult {
  readonly loads: number;
  readonly failed: number;
}

export interface SteadyResult {
  readonly reads: number;
  readonly failed: number;
  /** Answers with a value older than its lifetime. */
  readonly stale: number;
  readonly loads: number;
  readonly slowestMs: number;
}

const lifetime = { ttlSeconds: 2, staleSeconds: 60 };
const loadMs = 200;
const keys = 20;

interface Made {
  readonly atMs: number;
}

const contestant = await connect(process.argv[2] as ContestantName, lifetime);
let loads = 0;
const load = async (): Promise<Made> => {
  loads += 1;
  await sleep(loadMs);
  return { atMs: Date.now() };
};

async function stampede({ key, callers }: Extract<Job, { kind: 'stampede' }>): Promise<StampedeResult> {
  loads = 0;
  const all = await Promise.allSettled(
    Array.from({ length: callers }, async () => contestant.getOrSet(key, load)),
  );
  return { loads, failed: all.filter(({ status }) => status === 'rejected').length };
}

async function steady({ perSecond, seconds }: Extract<Job, { kind: 'steady' }>): Promise<SteadyResult> {
  loads = 0;
  const result = { reads: 0, failed: 0, stale: 0, slowestMs: 0 };
  const read = async (key: string): Promise<void> => {
    const startedAtMs = Date.now();
    try {
      const { atMs } = (await contestant.getOrSet(key, load)) as Made;
      if (atMs + lifetime.ttlSeconds * 1000 < startedAtMs) result.stale += 1;
    } catch {
      result.failed += 1;
    }
    result.slowestMs = Math.max(result.slowestMs, Date.now() - startedAtMs);
  };
  const reading: Promise<void>[] = [];
  const startedAtMs = Date.now();
  for (; Date.now() - startedAtMs < seconds * 1000; await sleep(5)) {
    const due = ((Date.now() - startedAtMs) / 1000) * perSecond;
    for (; result.reads < due; result.reads += 1) reading.push(read(`steady ${result.reads % keys}`));
  }
  await Promise.race([Promise.all(reading), sleep(30_000)]);
  return { ...result, loads };
}

process.on('message', (job: Job) => {
  void (job.kind === 'stampede' ? stampede(job) : steady(job)).then((result) => process.send?.(result));
});
process.on('disconnect', () => process.exit());
process.send?.('connected');
