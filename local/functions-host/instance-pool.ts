// The instances of one host: starts them, starts another where one dies, picks who serves. Used by host.ts.
// Knows nothing of HTTP and schedules.

import { Instance, type InstanceState } from './instance-handle.ts';
import type { FunctionMetadata, LogLevel } from './protocol.ts';

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
  readonly log: (source: string, level: LogLevel, message: string) => void;
}

// The real host gives up after three errors of its worker, too.
const maxRestarts = 3;

export class InstancePool {
  readonly #options: InstancePoolOptions;
  readonly #instances: Instance[] = [];
  readonly #restarts = new Map<number, number>();
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
    await Promise.all(this.#instances.map(async (instance) => instance.stop()));
  }

  at(index: number): Instance {
    const instance = this.#instances.at(index);
    if (instance === undefined) throw new Error('There is no such instance.');
    return instance;
  }

  /** Who serves the next request: the running ones in turn. */
  nextForHttp(): Instance {
    const serving = this.#options.flex ? this.#instances.slice(0, -1) : this.#instances;
    const running = serving.filter(({ state }) => state === 'running');
    this.#next += 1;
    return running[this.#next % Math.max(running.length, 1)] ?? this.at(0);
  }

  #startOne(index: number): Instance {
    const { appDirectory, settings, log } = this.#options;
    const id = `instance-${index + 1}`;
    const instance = new Instance({
      id,
      appDirectory,
      settings,
      onLog: (level, message) => log(id, level, message),
      onExit: (expected, description) => this.#onExit(index, expected, description),
    });
    this.#instances[index] = instance;
    return instance;
  }

  #onExit(index: number, expected: boolean, description: string): void {
    if (expected || this.#stopping) return;
    const { log } = this.#options;
    const { id } = this.at(index);
    this.crashes += 1;
    const restarts = (this.#restarts.get(index) ?? 0) + 1;
    this.#restarts.set(index, restarts);
    if (restarts > maxRestarts) {
      log('host', 'critical', `${id} ended (${description}) once too often; it is not started again.`);
      return;
    }
    log('host', 'error', `${id} ended unexpectedly (${description}); starting another.`);
    this.#startOne(index)
      .started()
      .catch((error: unknown) => log('host', 'error', `${id}: ${String(error)}`));
  }
}
