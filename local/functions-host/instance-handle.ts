// The host's side of one instance: starts the child process, sends it work, sees its end.
// Knows nothing of HTTP and schedules.

import { fork, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { consoleCategory, consoleRecords } from './log-filter.ts';
import type {
  FunctionMetadata,
  HostMessage,
  InstanceMessage,
  Invocation,
  LogLevel,
  TraceContext,
  TypedData,
} from './protocol.ts';

export interface InstanceOptions {
  readonly id: string;
  readonly appDirectory: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly onLog: (category: string, level: LogLevel, message: string) => void;
  /** Called once, when the process has ended; `expected` when it was asked to. */
  readonly onExit: (expected: boolean, description: string) => void;
}

export type FunctionCall = Omit<Invocation, 'invocationId' | 'traceContext'> & {
  readonly traceContext?: TraceContext | undefined;
};

export type InstanceState = 'starting' | 'running' | 'stopping' | 'ended';

export class InstanceGone extends Error {}

/** The function has not ended in time; its worker is not to be used any more. */
export class FunctionTimedOut extends Error {}

const noTrace = { traceParent: '', traceState: '', attributes: {} };
// Node fires a timer at once when its delay does not fit 31 bits (https://nodejs.org/api/timers.html).
const longestTimerMs = 2 ** 31 - 1;

const startLimitMs = 30_000;
const stopLimitMs = 10_000;

/** The environment of a worker: what the platform sets, the app's settings, and nothing of the host's own. */
function workerEnvironment(id: string, settings: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const names = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'NODE_COMPILE_CACHE'];
  const inherited = names.map((name) => [name, process.env[name]] as const);
  return {
    ...Object.fromEntries(inherited.filter(([, value]) => value !== undefined)),
    FUNCTIONS_WORKER_RUNTIME: 'node',
    WEBSITE_INSTANCE_ID: id,
    ...settings,
  };
}

export class Instance {
  readonly id: string;
  readonly #child: ChildProcess;
  readonly #pending = new Map<string, PromiseWithResolvers<TypedData | null>>();
  readonly #started = Promise.withResolvers<readonly FunctionMetadata[]>();
  readonly #onLog: InstanceOptions['onLog'];
  readonly exited: Promise<void>;
  #state: InstanceState = 'starting';

  constructor(options: InstanceOptions) {
    this.id = options.id;
    this.#onLog = options.onLog;
    this.#child = fork(join(import.meta.dirname, 'instance.ts'), [options.appDirectory], {
      cwd: options.appDirectory,
      env: workerEnvironment(options.id, options.settings),
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#child.on('message', (message: InstanceMessage) => this.#receive(message));
    this.#child.on('error', (error) => this.#onLog('Host', 'error', `IPC: ${error.message}`));
    for (const name of ['stdout', 'stderr'] as const) {
      const input = this.#child[name];
      if (input === null) continue;
      createInterface({ input }).on('line', (line) => {
        for (const { level, message } of consoleRecords(name, line)) {
          this.#onLog(consoleCategory, level, message);
        }
      });
    }
    this.#started.promise.catch(() => {});
    this.exited = once(this.#child, 'close').then(() => {
      const expected = this.#state === 'stopping';
      const { exitCode, signalCode } = this.#child;
      const description = signalCode === null ? `exit code ${exitCode}` : `signal ${signalCode}`;
      this.#state = 'ended';
      const gone = new InstanceGone(`Instance ${this.id} has ended (${description}).`);
      this.#started.reject(gone);
      for (const { reject } of this.#pending.values()) reject(gone);
      this.#pending.clear();
      options.onExit(expected, description);
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get state(): InstanceState {
    return this.#state;
  }

  get pending(): number {
    return this.#pending.size;
  }

  /** The functions that the app has registered. Fails with what was wrong when it could not be loaded. */
  async started(): Promise<readonly FunctionMetadata[]> {
    const limit = setTimeout(() => {
      this.#started.reject(new Error(`The app did not load within ${startLimitMs} ms.`));
    }, startLimitMs);
    try {
      return await this.#started.promise;
    } finally {
      clearTimeout(limit);
    }
  }

  /** Runs a function; fails when it throws, takes longer than `timeoutMs`, or when the process ends under it. */
  async invoke(call: FunctionCall, timeoutMs: number): Promise<TypedData | null> {
    if (this.#state !== 'running') throw new InstanceGone(`Instance ${this.id} is ${this.#state}.`);
    const invocationId = randomUUID();
    const answer = Promise.withResolvers<TypedData | null>();
    this.#pending.set(invocationId, answer);
    this.#send({
      kind: 'invoke',
      invocation: { ...call, invocationId, traceContext: call.traceContext ?? noTrace },
    });
    const limit = setTimeout(
      () => answer.reject(new FunctionTimedOut(`Timeout value of ${timeoutMs} ms exceeded by function.`)),
      Math.min(timeoutMs, longestTimerMs),
    );
    try {
      return await answer.promise;
    } finally {
      clearTimeout(limit);
      this.#pending.delete(invocationId);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Asks the worker to end (appTerminate hooks run), and kills it when it does not. */
  async stop(): Promise<void> {
    if (this.#state !== 'ended') {
      this.#state = 'stopping';
      this.#child.kill('SIGCONT');
      this.#send({ kind: 'terminate' });
    }
    const limit = setTimeout(() => this.#child.kill('SIGKILL'), stopLimitMs);
    await this.exited;
    clearTimeout(limit);
  }

  #send(message: HostMessage): void {
    // A process that just ended has closed its channel; `exited` tells the rest.
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  #receive(message: InstanceMessage): void {
    switch (message.kind) {
      case 'started':
        if (this.#state === 'starting') this.#state = 'running';
        return this.#started.resolve(message.functions);
      case 'failed':
        return this.#started.reject(new Error(message.message));
      case 'log':
        return this.#onLog(message.category, message.level, message.message);
      case 'done': {
        const answer = this.#pending.get(message.invocationId);
        if (message.outcome.ok) answer?.resolve(message.outcome.returnValue);
        else answer?.reject(new Error(message.outcome.error));
      }
    }
  }
}
