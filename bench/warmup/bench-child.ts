// A child process of bench/warmup.ts that answers each message with one. Knows nothing of what it does.

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const workLimitMs = 120_000;
// V8 sizes its heap by the machine. These are the limits that it takes by itself in an instance of 2,048 MB, Flex
// Consumption's default (v8.getHeapStatistics() under that cgroup limit), for every contestant.
const heapLimits = ['--max-old-space-size=1024', '--max-semi-space-size=32'];

export class BenchChild {
  readonly #child: ChildProcess;

  constructor(file: string, parameters: readonly string[], settings: Readonly<Record<string, string>>) {
    const env = { PATH: process.env['PATH'] ?? '', ...settings };
    this.#child = fork(join(import.meta.dirname, file), [...parameters], {
      env,
      execArgv: heapLimits,
    });
  }

  async ask<T>(message: object | undefined): Promise<T> {
    const answer = once(this.#child, 'message', { signal: AbortSignal.timeout(workLimitMs) });
    const died = once(this.#child, 'exit').then(([code]) => {
      throw new Error(`A worker died (${code}).`);
    });
    died.catch(() => {});
    if (message !== undefined) this.#child.send(message);
    const [reply] = (await Promise.race([answer, died])) as [{ result?: T; error?: string } & T];
    if (reply.error !== undefined) throw new Error(reply.error);
    return reply.result ?? reply;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill();
    await exited;
  }
}
