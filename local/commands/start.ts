// `npm start`: everything locally, then the packaged app. Run by scripts/run.mjs.

import { packageApp } from '../../scripts/package.ts';
import { startHost } from '../functions-host/host.ts';
import { startStack } from '../stack.ts';
import { parseOptions, partsTitle, usage, type CommandOptions } from './arguments.ts';
import { guideTo } from './guide.ts';
import { HostLog } from './host-log.ts';
import { runCommand, step, type Lifecycle } from './lifecycle.ts';
import { announce } from './running.ts';
import { originSettings, seedCache, seedStorage } from './seed.ts';

const usualPort = 7071;
const readyLimitMs = 20_000;
const warmupLimitMs = 60_000;

await runCommand(async (lifecycle) => {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) return console.log(`npm start -- [options]\n\n${usage}`);
  const shutDown = Promise.withResolvers<never>();
  shutDown.promise.catch(() => {});
  await start(lifecycle, options, () =>
    shutDown.reject(new Error('The Functions host has shut down; its log says why.')),
  );
  await Promise.race([lifecycle.untilAsked(), shutDown.promise]);
  console.log('Stopping ...');
});

async function start(lifecycle: Lifecycle, options: CommandOptions, onShutdown: () => void): Promise<void> {
  const { appDirectory } = await step('Packaging the app', () => packageApp());
  const stack = await step(partsTitle(options), async () =>
    lifecycle.add('the local parts', await startStack(options)),
  );
  const { storage } = stack;
  if (storage === undefined) throw new Error('The local parts have no storage.');
  // Before the host: its schedule may run the warmup at once.
  const blobs = await step('Filling a blob container with a data set', () => seedStorage(storage));
  const log = new HostLog();
  const host = await step(`Starting the Functions host with ${options.instances} instance(s)`, async () => {
    const starting = startHostOn(options.port, {
      appDirectory,
      instances: options.instances,
      flex: options.flex,
      settings: {
        ...stack.settings,
        ...originSettings(storage),
        ...telemetrySettings(options.telemetry),
        ...(options.entraCallers && stack.callerSettings),
      },
      onLog: (line) => log.add(line),
      onShutdown,
    });
    // Why the app could not be loaded is in what it printed.
    starting.catch(() => log.print());
    const started = lifecycle.add('the Functions host', await starting);
    await untilReady(started.url);
    const token = options.entraCallers ? await stack.callers.token({ roles: ['Cache.Write'] }) : undefined;
    await seedCache(started.url, stack.redis, token);
    return started;
  });
  await step('Warming the cache with it', () => warm(host.url, log));
  if (options.entraCallers) lifecycle.add('the way to tokens', announce(stack));
  console.log(guideTo({ ...options, hostUrl: host.url, stack, storage, blobs }));
  log.print();
  console.log(`Ready: ${host.url}    Ctrl-C stops everything.`);
}

/** Of the host as well as of the app; in short intervals, for somebody who looks on. */
function telemetrySettings(endpoint: string | undefined): Record<string, string> {
  if (endpoint === undefined) return {};
  return {
    TELEMETRY: 'opentelemetry',
    AzureFunctionsJobHost__telemetryMode: 'OpenTelemetry',
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_BSP_SCHEDULE_DELAY: '1000',
    OTEL_METRIC_EXPORT_INTERVAL: '5000',
    OTEL_METRIC_EXPORT_TIMEOUT: '5000',
  };
}

/** Runs the warmup as an operator would, and waits for its end. */
async function warm(hostUrl: string, log: HostLog): Promise<void> {
  const ended = log.next(/^Executed 'Functions\.scheduledWarmup'/u, warmupLimitMs);
  ended.catch(() => {});
  const response = await fetch(`${hostUrl}/admin/functions/scheduledWarmup`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '{"input":""}',
  });
  await response.arrayBuffer();
  if (response.status !== 202) throw new Error(`The admin endpoint answered ${response.status}.`);
  await ended;
}

async function startHostOn(
  port: number | undefined,
  options: Parameters<typeof startHost>[0],
): ReturnType<typeof startHost> {
  try {
    return await startHost({ ...options, port: port ?? usualPort });
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'EADDRINUSE') throw error;
    if (port === undefined) return startHost({ ...options, port: 0 });
    throw new Error(`Port ${port} is in use: choose another, or leave --port out and a free one is taken.`, {
      cause: error,
    });
  }
}

async function untilReady(hostUrl: string): Promise<void> {
  const untilMs = Date.now() + readyLimitMs;
  for (;;) {
    const response = await fetch(`${hostUrl}/api/health/ready`);
    await response.arrayBuffer();
    if (response.ok) return;
    if (Date.now() > untilMs)
      throw new Error(`The app is not ready after ${readyLimitMs / 1000} s; its log says why.`);
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
}
