// The local Functions host: runs the packaged app in child processes, routes HTTP, fires timers.
// Used by `npm start` and the integration tests. Knows nothing of Redis or tokens.

import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { createHttpFront, type AdminAnswer } from './http-front.ts';
import type { Instance } from './instance-handle.ts';
import { InstancePool, type InstanceInfo } from './instance-pool.ts';
import type { FunctionMetadata, LogLevel, TypedData } from './protocol.ts';
import { Router } from './routing.ts';
import { startSchedules, timerFunctions, timerInput, type TimerFunction } from './timers.ts';

export interface HostLogLine {
  readonly atMs: number;
  /** An instance's id, or `host`. */
  readonly source: string;
  readonly level: LogLevel;
  readonly message: string;
}

export interface HostOptions {
  /** The packaged app: a folder with package.json, its `main`, and host.json. */
  readonly appDirectory: string;
  /** Becomes the environment of the instances, together with what the platform sets; nothing else does. */
  readonly settings: Readonly<Record<string, string>>;
  readonly instances?: number;
  /** Adds one instance that serves no HTTP and gets every timer, as Flex Consumption scales timers apart. */
  readonly flex?: boolean;
  /** 0 takes a free one. */
  readonly port?: number;
  /** Whether schedules fire; `runTimer` works in any case. */
  readonly timers?: boolean;
  readonly onLog?: (line: HostLogLine) => void;
}

const keptLogLines = 5000;
const drainLimitMs = 5000;

export class Host {
  readonly #options: HostOptions;
  readonly #pool: InstancePool;
  readonly #logLines: HostLogLine[] = [];
  readonly #running = new Set<string>();
  /** By the schedule; a run by the admin endpoint changes no status. */
  readonly #lastTicks = new Map<string, Date>();
  readonly #startedAt = new Date();
  #functions: readonly FunctionMetadata[] = [];
  #server: Server | undefined;
  #stopSchedules = (): void => {};

  constructor(options: HostOptions) {
    this.#options = options;
    const { appDirectory, settings, instances = 1, flex = false } = options;
    const log = (source: string, level: LogLevel, message: string): void => this.#log(source, level, message);
    this.#pool = new InstancePool({
      appDirectory,
      settings,
      size: flex ? instances + 1 : instances,
      flex,
      log,
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get port(): number {
    const address = this.#server?.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get functions(): readonly FunctionMetadata[] {
    return this.#functions;
  }

  get instances(): readonly InstanceInfo[] {
    return this.#pool.infos;
  }

  /** Instances that ended without being asked to. */
  get crashes(): number {
    return this.#pool.crashes;
  }

  /** Invocations that instances have not answered yet. */
  get inFlight(): number {
    return this.#pool.inFlight;
  }

  /** The last lines of the host and all instances, oldest first. */
  logs(): readonly HostLogLine[] {
    return this.#logLines;
  }

  async start(): Promise<void> {
    this.#functions = await this.#pool.start();
    const hostJson = JSON.parse(await readFile(join(this.#options.appDirectory, 'host.json'), 'utf8')) as {
      extensions?: { http?: { routePrefix?: string } };
    };
    this.#server = createHttpFront({
      router: new Router(this.#functions, hostJson.extensions?.http?.routePrefix ?? 'api'),
      invokeHttp: (match, data) =>
        this.#invokeHttp(this.#pool.nextForHttp(), match.functionName, match.params, data),
      admin: (method, path) => this.#admin(method, path),
      onError: (match, error) => {
        this.#log('host', 'error', `Executed 'Functions.${match.functionName}' (Failed): ${String(error)}`);
      },
    });
    this.#server.listen(this.#options.port ?? 0, '127.0.0.1');
    await once(this.#server, 'listening');
    if (this.#options.timers !== false) {
      this.#stopSchedules = startSchedules(timerFunctions(this.#functions), async (timer) => {
        const tickAt = new Date();
        await this.#runTimer(timer);
        this.#lastTicks.set(timer.name, tickAt);
      });
    }
  }

  /** Runs a timer function once on one instance, as its schedule or the admin endpoint would. */
  async runTimer(
    name: string,
    instanceIndex?: number,
  ): Promise<{ readonly ok: boolean; readonly error?: string }> {
    const timer = timerFunctions(this.#functions).find((one) => one.name === name);
    if (timer === undefined) throw new Error(`There is no timer function "${name}".`);
    return this.#runTimer(timer, instanceIndex);
  }

  /** One GET answered by the instance named, whichever would be next; returns its status. */
  async getFrom(instanceIndex: number, functionName: string, path: string): Promise<number> {
    const data: TypedData = { http: { method: 'GET', url: `${this.url}${path}`, headers: {} } };
    const answer = await this.#invokeHttp(this.#pool.at(instanceIndex), functionName, {}, data);
    return Number(answer?.http?.statusCode);
  }

  /** Sends a signal to one instance, as a platform or an accident would. */
  signal(instanceIndex: number, signal: NodeJS.Signals): void {
    this.#pool.at(instanceIndex).signal(signal);
  }

  /** Lets requests end, then the instances, by their hooks. */
  async stop(): Promise<void> {
    this.#stopSchedules();
    await this.#drain();
    await this.#pool.stop();
  }

  /** Takes no more requests and waits for those in flight; what hangs is cut after a while. */
  async #drain(): Promise<void> {
    const server = this.#server;
    if (server?.listening !== true) return;
    const closed = once(server, 'close');
    server.close();
    const limit = setTimeout(() => server.closeAllConnections(), drainLimitMs);
    await closed;
    clearTimeout(limit);
  }

  async #invokeHttp(
    instance: Instance,
    functionName: string,
    params: Readonly<Record<string, string>>,
    data: TypedData,
  ): Promise<TypedData | null> {
    const bindings = this.#functions.find(({ name }) => name === functionName)?.bindings ?? {};
    const [name = 'httpTrigger'] =
      Object.entries(bindings).find(([, { type }]) => type === 'httpTrigger') ?? [];
    const triggerMetadata = Object.fromEntries(
      Object.entries(params).map(([key, value]) => [key, { string: value }]),
    );
    return instance.invoke({ functionName, inputData: [{ name, data }], triggerMetadata });
  }

  /** On the last instance unless another is named: on Flex Consumption it is not the one that serves HTTP. */
  async #runTimer(
    timer: TimerFunction,
    instanceIndex?: number,
  ): Promise<{ readonly ok: boolean; readonly error?: string }> {
    const { name, bindingName } = timer;
    if (this.#running.has(name)) return { ok: false, error: 'The previous run is still outstanding.' };
    this.#running.add(name);
    const startedAtMs = Date.now();
    try {
      const instance = this.#pool.at(instanceIndex ?? -1);
      const data = timerInput(timer, this.#startedAt, this.#lastTicks.get(name));
      await instance.invoke({
        functionName: name,
        inputData: [{ name: bindingName, data }],
        triggerMetadata: {},
      });
      this.#log(
        'host',
        'information',
        `Executed 'Functions.${name}' (Succeeded, Duration=${Date.now() - startedAtMs}ms)`,
      );
      return { ok: true };
    } catch (error) {
      this.#log(
        'host',
        'error',
        `Executed 'Functions.${name}' (Failed, Duration=${Date.now() - startedAtMs}ms): ${String(error)}`,
      );
      return { ok: false, error: String(error) };
    } finally {
      this.#running.delete(name);
    }
  }

  // https://learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http
  async #admin(method: string, path: string): Promise<AdminAnswer | undefined> {
    if (method === 'GET' && path === '/admin/host/status')
      return { status: 200, body: { state: 'Running', version: '4.0.0' } };
    if (method === 'GET' && path === '/admin/functions') {
      const list = this.#functions.map(({ name, bindings }) => ({
        name,
        config: { bindings: Object.values(bindings) },
      }));
      return { status: 200, body: list };
    }
    const name = /^\/admin\/functions\/(?<name>[\w-]+)$/u.exec(path)?.groups?.['name'];
    const timer = timerFunctions(this.#functions).find((one) => one.name === name);
    if (method !== 'POST' || timer === undefined) return undefined;
    void this.#runTimer(timer);
    return { status: 202 };
  }

  #log(source: string, level: LogLevel, message: string): void {
    const line = { atMs: Date.now(), source, level, message };
    this.#logLines.push(line);
    if (this.#logLines.length > keptLogLines) this.#logLines.shift();
    this.#options.onLog?.(line);
  }
}

/** Starts a host; when the app cannot be loaded, says why and leaves nothing running. */
export async function startHost(options: HostOptions): Promise<Host> {
  const host = new Host(options);
  try {
    await host.start();
    return host;
  } catch (error) {
    await host.stop();
    throw error;
  }
}
