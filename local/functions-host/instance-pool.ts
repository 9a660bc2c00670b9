// The instances of one host: starts them, starts another where one dies or hangs, picks who serves.
// Knows nothing of HTTP and schedules.

import {
  FunctionTimedOut,
  Instance,
  InstanceGone,
  type FunctionCall,
  type InstanceState,
} from './instance-handle.ts';
import type { FunctionMetadata, LogLevel, TypedData } from './protocol.ts';

export interface InstanceInfo {
  readonly id: string;
  readonly pid: number | undefined;
  readonly state: InstanceState;
}

export interface InstancePoolOptions {
  readonly appDirectory: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly size: number;
  /** Whether the last one is kept apart for timers. */
  readonly flex: boolean;
  readonly functionTimeoutMs: number;
  readonly log: (source: string, category: string, level: LogLevel, message: string) => void;
  /** Called when an instance has crashed once too often, and is not started again. */
  readonly onGivenUp: (why: string) => void;
}

// RpcFunctionInvocationDispatcher.cs: the third error of a worker ends the host; half an hour without one forgets
// those before.
const crashesToGiveUp = 3;
const forgetCrashesAfterMs = 30 * 60_000;

export class InstancePool {
  readonly #options: InstancePoolOptions;
  readonly #instances: Instance[] = [];
  readonly #crashes = new Map<number, readonly number[]>();
  /** Replaced after a timeout, and not ended yet. */
  readonly #ending = new Set<Promise<void>>();
  #next = 0;
  #stopping = false;
  /** Instances that ended without being asked to. */
  crashes = 0;

  constructor(options: InstancePoolOptions) {
    this.#options = options;
  }

  get infos(): readonly InstanceInfo[] {
    return this.#instances.map(({ id, pid, state }) => ({ id, pid, state }));
  }

  /** Whether any instance that serves HTTP is there, or on its way. */
  get isServing(): boolean {
    return this.#candidates(undefined).some(({ state }) => state === 'running' || state === 'starting');
  }

  /** Invocations that are not answered yet. */
  get inFlight(): number {
    return this.#instances.reduce((sum, { pending }) => sum + pending, 0);
  }

  /** Starts all; resolves to the functions that the app has registered. */
  async start(): Promise<readonly FunctionMetadata[]> {
    const indexes = Array.from({ length: this.#options.size }, (_, index) => index);
    const started = await Promise.all(indexes.map(async (index) => this.#startOne(index).started()));
    return started[0] ?? [];
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all([...this.#instances.map(async (instance) => instance.stop()), ...this.#ending]);
  }

  at(index: number): Instance {
    const instance = this.#instances.at(index);
    if (instance === undefined) throw new Error('There is no such instance.');
    return instance;
  }

  /** Runs a function on the instance named, or on the next of those that serve HTTP; waits for one that starts. */
  async invoke(call: FunctionCall, index?: number): Promise<TypedData | null> {
    const instance = this.#running(index) ?? (await this.#started(index));
    try {
      return await instance.invoke(call, this.#options.functionTimeoutMs);
    } catch (error) {
      if (error instanceof FunctionTimedOut) this.#replace(instance);
      throw error;
    }
  }

  #candidates(index: number | undefined): readonly Instance[] {
    if (index !== undefined) return [this.at(index)];
    return this.#options.flex ? this.#instances.slice(0, -1) : this.#instances;
  }

  /** In turn. */
  #running(index: number | undefined): Instance | undefined {
    const running = this.#candidates(index).filter(({ state }) => state === 'running');
    this.#next += 1;
    return running[this.#next % Math.max(running.length, 1)];
  }

  async #started(index: number | undefined): Promise<Instance> {
    for (;;) {
      const starting = this.#candidates(index).filter(({ state }) => state === 'starting');
      if (starting.length === 0) throw new InstanceGone('No instance is left.');
      await Promise.any(starting.map(async (instance) => instance.started())).catch(() => {});
      const running = this.#running(index);
      if (running !== undefined) return running;
      // One that cannot load the app keeps its state, and would be waited for again and again.
      if (this.#candidates(index).every((instance) => starting.includes(instance))) {
        throw new InstanceGone('No instance could be started.');
      }
    }
  }

  #startOne(index: number): Instance {
    const { appDirectory, settings, log } = this.#options;
    const id = `instance-${index + 1}`;
    const instance = new Instance({
      id,
      appDirectory,
      settings,
      onLog: (category, level, message) => log(id, category, level, message),
      onExit: (expected, description) => this.#onExit(index, expected, description),
    });
    this.#instances[index] = instance;
    return instance;
  }

  #restart(index: number): void {
    const { log } = this.#options;
    this.#startOne(index)
      .started()
      .catch((error: unknown) => log('host', 'Host', 'error', `${this.at(index).id}: ${String(error)}`));
  }

  /** A function that never ended may go on in its worker: the worker ends, with all that it runs. */
  #replace(instance: Instance): void {
    const index = this.#instances.indexOf(instance);
    if (index === -1 || this.#stopping) return;
    this.#options.log('host', 'Host', 'error', `${instance.id} is restarted: a function has timed out.`);
    const ended = instance.stop();
    this.#ending.add(ended);
    void ended.finally(() => this.#ending.delete(ended));
    this.#restart(index);
  }

  #onExit(index: number, expected: boolean, description: string): void {
    if (expected || this.#stopping) return;
    const { log, onGivenUp } = this.#options;
    const { id } = this.at(index);
    const nowMs = performance.now();
    const earlier = this.#crashes.get(index) ?? [];
    const isFresh = nowMs - (earlier.at(-1) ?? Number.NEGATIVE_INFINITY) <= forgetCrashesAfterMs;
    const crashes = [...(isFresh ? earlier : []), nowMs];
    this.#crashes.set(index, crashes);
    this.crashes += 1;
    if (crashes.length < crashesToGiveUp) {
      log('host', 'Host', 'error', `${id} ended unexpectedly (${description}); starting another.`);
      return this.#restart(index);
    }
    onGivenUp(`${id} ended unexpectedly (${description}) once too often and is not started again.`);
  }
}
