// `npm start`: everything locally, then the packaged app. Run by scripts/run.mjs.

import { packageApp } from '../../scripts/package.ts';
import { startHost, type HostLogLine } from '../functions-host/host.ts';
import { startStack } from '../stack.ts';
import { parseOptions, partsTitle, usage, type CommandOptions } from './arguments.ts';
import { runCommand, step, type Lifecycle } from './lifecycle.ts';
import { seed } from './seed.ts';

const usualPort = 7071;
const readyLimitMs = 20_000;

await runCommand(async (lifecycle) => {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) return console.log(`npm start -- [options]\n\n${usage}`);
  await start(lifecycle, options);
  await lifecycle.untilAsked();
  console.log('Stopping ...');
});

async function start(lifecycle: Lifecycle, options: CommandOptions): Promise<void> {
  const { appDirectory } = await step('Packaging the app', () => packageApp());
  const stack = await step(partsTitle(options), async () =>
    lifecycle.add('the local parts', await startStack(options)),
  );
  const held: HostLogLine[] = [];
  let print = (line: HostLogLine): unknown => held.push(line);
  const host = await step(`Starting the Functions host with ${options.instances} instance(s)`, async () => {
    const starting = startHostOn(options.port, {
      appDirectory,
      instances: options.instances,
      flex: options.flex,
      settings: stack.settings,
      onLog: (line) => print(line),
    });
    // Why the app could not be loaded is in what it printed.
    starting.catch(() => held.forEach(printLine));
    const started = lifecycle.add('the Functions host', await starting);
    await untilReady(started.url);
    await seed(started.url, stack.redis);
    return started;
  });
  const minutes = options.tokenLifetimeMs / 60_000;
  const lifetime = minutes >= 1 ? `${minutes} min` : `${options.tokenLifetimeMs / 1000} s`;
  console.log(`
Functions host      ${host.url}    (no function keys are asked for, as with Core Tools)
Redis, Entra rules  rediss://localhost:${stack.front.port}    (tokens only; there is no password)
Identity endpoint   ${stack.identity.url}    (tokens live ${lifetime})
Blob storage        ${stack.storage?.blobUrl ?? '-'}    (tokens only)

Try, in another shell:
  curl -i ${host.url}/api/cache/hello
  curl -i -X PUT --data-binary 'any bytes' '${host.url}/api/cache/mine?ttl=60'
  curl -s -X POST -d '{"keys":["hello","images/pixel.png","plain","absent"]}' ${host.url}/api/batch
  curl -i ${host.url}/api/health/ready
  curl -s ${host.url}/api/fleet                 (a browser gets a page)
  curl -i -X POST -H 'Content-Type: application/json' -d '{"input":""}' ${host.url}/admin/functions/reauthenticate
`);
  held.forEach(printLine);
  print = printLine;
  console.log(`Ready: ${host.url}    Ctrl-C stops everything.`);
}

async function startHostOn(
  port: number | undefined,
  options: Parameters<typeof startHost>[0],
): ReturnType<typeof startHost> {
  if (port !== undefined) return startHost({ ...options, port });
  try {
    return await startHost({ ...options, port: usualPort });
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'EADDRINUSE') throw error;
    return startHost({ ...options, port: 0 });
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

function printLine({ atMs, source, level, message }: HostLogLine): void {
  if (level === 'debug' || level === 'trace') return;
  const time = new Date(atMs).toISOString().slice(11, 23);
  const mark = level === 'information' ? '' : `${level}: `;
  console.log(`${time} ${source.padEnd(10)} ${mark}${message}`);
}
