// The local Functions host: runs the packaged app in child processes, routes HTTP, fires timers.
// Knows nothing of Redis or tokens.

import { createHttpFront } from './http-front.ts';
import type { HttpServer } from './http/server.ts';
import { readHostJson, type HostJson } from './host-json.ts';
import { InstancePool, type InstanceInfo } from './instance-pool.ts';
import type { FunctionMetadata, LogLevel, TypedData } from './protocol.ts';
import { Router, type Match } from './routing.ts';
import { fileStore, memoryStore } from './status-store.ts';
import { systemClock, TimerListener, usualEarliness } from './timer-listener.ts';
import { timerFunctions, timerInput, type TimerFunction } from './timers.ts';
import { HostTracing, requestStart, timerStart, traced } from './tracing.ts';

export interface HostLogLine {
  readonly atMs: number;
  /** An instance's id, or `host`. */
  readonly source: string;
  /** As host.json names it, like `Function.readCache.User`. */
  readonly category: string;
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
  /** Keeps when timers last ran, so that what was missed while the host was down is run when it is back. */
  readonly storageDirectory?: string;
  readonly onLog?: (line: HostLogLine) => void;
  /** Called when the host has ended by itself: its instances have crashed too often. */
  readonly onShutdown?: () => void;
}

export interface RunResult {
  readonly ok: boolean;
  readonly error?: string;
}

const keptLogLines = 5000;
const drainLimitMs = 5000;

export class Host {
  readonly #options: HostOptions;
  readonly #hostJson: HostJson;
  readonly #pool: InstancePool;
  readonly #logLines: HostLogLine[] = [];
  #functions: readonly FunctionMetadata[] = [];
  #timers: readonly TimerFunction[] = [];
  readonly #listeners = new Map<string, TimerListener>();
  #server: HttpServer | undefined;
  readonly #tracing: HostTracing | undefined;

  constructor(options: HostOptions, hostJson: HostJson) {
    this.#options = options;
    this.#hostJson = hostJson;
    const { appDirectory, settings, instances = 1, flex = false } = options;
    if (hostJson.isTraced) this.#tracing = new HostTracing(settings['OTEL_EXPORTER_OTLP_ENDPOINT']);
    this.#pool = new InstancePool({
      appDirectory,
      settings,
      size: flex ? instances + 1 : instances,
      flex,
      functionTimeoutMs: hostJson.functionTimeoutMs,
      log: (source, category, level, message) => this.#log(source, category, level, message),
      onGivenUp: (why) => this.#giveUp(why),
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get port(): number {
    return this.#server?.port ?? 0;
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
    const { settings, port = 0, timers } = this.#options;
    this.#functions = await this.#pool.start();
    this.#timers = timerFunctions(this.#functions, settings, (name, error) =>
      this.#log('host', 'Host.Startup', 'error', `The '${name}' function is in error: ${String(error)}`),
    );
    const { routePrefix } = this.#hostJson;
    this.#server = createHttpFront({
      router: new Router(this.#functions, routePrefix),
      invokeHttp: (match, data) => this.#invokeHttp(match, data),
      admin: {
        functions: this.#functions,
        routePrefix,
        run: (name) => void this.#runByHand(name),
      },
      onError: ({ functionName }, error) => this.#executed(functionName, 'Failed', String(error)),
    });
    await this.#server.listen(port, '127.0.0.1');
    if (timers !== false) await this.#startTimers();
  }

  /** Runs a timer function once on one instance, as the admin endpoint would: beside a run of its schedule. */
  async runTimer(name: string, instanceIndex?: number): Promise<RunResult> {
    const timer = this.#timers.find((one) => one.name === name);
    if (timer === undefined) throw new Error(`There is no timer function "${name}".`);
    return this.#runTimer(timer, timerInput(timer, this.#listeners.get(name)?.status, false), instanceIndex);
  }

  /** One GET answered by the instance named, whichever would be next; returns its status. */
  async getFrom(instanceIndex: number, functionName: string, path: string): Promise<number> {
    const data: TypedData = { http: { method: 'GET', url: `${this.url}${path}`, headers: {} } };
    const answer = await this.#invokeHttp({ functionName, params: {} }, data, instanceIndex);
    return Number(answer?.http?.statusCode);
  }

  /** Sends a signal to one instance, as a platform or an accident would. */
  signal(instanceIndex: number, signal: NodeJS.Signals): void {
    this.#pool.at(instanceIndex).signal(signal);
  }

  /** Lets requests end, then the instances, by their hooks. */
  async stop(): Promise<void> {
    for (const listener of this.#listeners.values()) listener.stop();
    await this.#server?.close(drainLimitMs);
    await this.#pool.stop();
    await this.#tracing?.stop();
  }

  async #startTimers(): Promise<void> {
    const { storageDirectory } = this.#options;
    const store = storageDirectory === undefined ? memoryStore() : fileStore(storageDirectory);
    for (const timer of this.#timers) {
      const listener = new TimerListener({
        timer,
        store,
        clock: systemClock,
        earlyMs: () => usualEarliness(Math.random),
        run: async (status, isPastDue) => {
          await this.#runTimer(timer, timerInput(timer, status, isPastDue));
        },
        onError: (error) => this.#log('host', 'Host', 'error', `Timer '${timer.name}': ${String(error)}`),
      });
      this.#listeners.set(timer.name, listener);
      await listener.start();
    }
  }

  async #invokeHttp(
    { functionName, params }: Match,
    data: TypedData,
    instanceIndex?: number,
  ): Promise<TypedData | null> {
    const bindings = this.#functions.find(({ name }) => name === functionName)?.bindings ?? {};
    const [name = 'httpTrigger'] =
      Object.entries(bindings).find(([, { type }]) => type === 'httpTrigger') ?? [];
    const triggerMetadata = Object.fromEntries(
      Object.entries(params).map(([key, value]) => [key, { string: value }]),
    );
    const { routePrefix } = this.#hostJson;
    const start = requestStart(functionName, bindings, routePrefix, data.http ?? {});
    return traced(
      this.#tracing?.begin(start),
      async (traceContext) =>
        this.#pool.invoke(
          { functionName, inputData: [{ name, data }], triggerMetadata, traceContext },
          instanceIndex,
        ),
      (answer) => Number(answer?.http?.statusCode ?? 200),
    );
  }

  /** On the last instance unless another is named: on Flex Consumption it is not the one that serves HTTP. */
  async #runTimer(timer: TimerFunction, data: TypedData, instanceIndex = -1): Promise<RunResult> {
    const { name, bindingName } = timer;
    const startedAtMs = performance.now();
    const inputData = [{ name: bindingName, data }];
    const took = (): string => `Duration=${Math.round(performance.now() - startedAtMs)}ms`;
    try {
      await traced(this.#tracing?.begin(timerStart(name)), async (traceContext) =>
        this.#pool.invoke(
          { functionName: name, inputData, triggerMetadata: {}, traceContext },
          instanceIndex,
        ),
      );
      this.#executed(name, `Succeeded, ${took()}`);
      return { ok: true };
    } catch (error) {
      this.#executed(name, `Failed, ${took()}`, String(error));
      return { ok: false, error: String(error) };
    }
  }

  /** As the admin endpoint: an HTTP function cannot be given its request so, which only the log says. */
  async #runByHand(name: string): Promise<void> {
    if (this.#timers.some((timer) => timer.name === name)) await this.runTimer(name);
    else this.#executed(name, 'Failed', 'only timer functions can be run by hand here');
  }

  #giveUp(why: string): void {
    this.#log('host', 'Host', 'critical', why);
    if (this.#pool.isServing) return;
    this.#log('host', 'Host', 'critical', 'Exceeded language worker restart retry count. Shutting down.');
    void this.stop().then(() => this.#options.onShutdown?.());
  }

  #executed(name: string, how: string, error?: string): void {
    const message = `Executed 'Functions.${name}' (${how})${error === undefined ? '' : `: ${error}`}`;
    this.#log('host', `Function.${name}`, error === undefined ? 'information' : 'error', message);
  }

  #log(source: string, category: string, level: LogLevel, message: string): void {
    if (!this.#hostJson.isLogged(category, level)) return;
    const line = { atMs: Date.now(), source, category, level, message };
    this.#logLines.push(line);
    if (this.#logLines.length > keptLogLines) this.#logLines.shift();
    this.#options.onLog?.(line);
  }
}

/** Starts a host; when the app cannot be loaded, says why and leaves nothing running. */
export async function startHost(options: HostOptions): Promise<Host> {
  const host = new Host(options, await readHostJson(options.appDirectory, options.settings));
  try {
    await host.start();
    return host;
  } catch (error) {
    await host.stop();
    throw error;
  }
}
