// The child process: one Functions worker that has loaded the packaged app.
// Held to https://github.com/Azure/azure-functions-nodejs-worker/blob/v4.x/src/startApp.ts ,
// .../src/eventHandlers/InvocationHandler.ts and .../src/Worker.ts ; enforces nothing of its own.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { format } from 'node:util';
import {
  installCoreModule,
  Registrations,
  type CoreInvocationContext,
  type FunctionCallback,
} from './core-module.ts';
import { consoleCategory, consoleRecords } from './log-filter.ts';
import type {
  FunctionMetadata,
  HostMessage,
  InstanceMessage,
  Invocation,
  LogLevel,
  TypedData,
} from './protocol.ts';

const terminateLimitMs = 8000;
const appDirectory = process.argv[2] ?? '';
const registrations = new Registrations();
const appHookData: Record<string, unknown> = {};

function send(message: InstanceMessage): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

function log(category: string, level: LogLevel, message: string): void {
  send({ kind: 'log', category, level, message });
}

// The real host reads the app's console output from the worker's streams, line by line.
for (const [stream, methods] of [
  ['stdout', ['debug', 'log', 'info']],
  ['stderr', ['warn', 'error']],
] as const) {
  for (const method of methods) {
    console[method] = (...parameters: unknown[]) => {
      for (const { level, message } of consoleRecords(stream, format(...parameters))) {
        log(consoleCategory, level, message);
      }
    };
  }
}

// Worker.ts: an error that nobody caught ends the worker, with every function in it.
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error: unknown) => {
    log(
      'Worker',
      'critical',
      `Worker uncaught exception (${event}): ${error instanceof Error ? error.stack : String(error)}`,
    );
    setImmediate(() => process.exit(1));
  });
}
// The host is gone, however it ended: nobody is left to work for.
process.on('disconnect', () => process.exit(0));
// Ctrl-C in a terminal reaches every process of the group; the host decides when an instance ends.
process.on('SIGINT', () => {});

process.on('message', (message: HostMessage) => {
  if (message.kind === 'terminate') void terminate();
  else void handle(message.invocation);
});

async function start(): Promise<void> {
  installCoreModule(registrations);
  try {
    const manifest = JSON.parse(await readFile(join(appDirectory, 'package.json'), 'utf8')) as {
      main?: string;
    };
    if (manifest.main === undefined) throw new Error('package.json has no "main".');
    await import(pathToFileURL(join(appDirectory, manifest.main)).href);
    await runHooks('appStart', { functionAppDirectory: appDirectory });
    send({
      kind: 'started',
      functions: [...registrations.functions.values()].map(({ metadata }) => plain(metadata)),
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    send({ kind: 'failed', message: `Worker was unable to load the app: ${message}` });
  }
}

/** Metadata may hold functions; only its data crosses to the host. */
function plain(metadata: FunctionMetadata): FunctionMetadata {
  return JSON.parse(JSON.stringify({ name: metadata.name, bindings: metadata.bindings })) as FunctionMetadata;
}

async function runHooks(name: string, context: Record<string, unknown>): Promise<void> {
  const shared = { hookData: {}, appHookData, ...context };
  for (const hook of registrations.hooks(name)) await hook(shared);
}

async function handle(invocation: Invocation): Promise<void> {
  const { invocationId } = invocation;
  try {
    const returnValue = await invoke(invocation);
    send({ kind: 'done', invocationId, outcome: { ok: true, returnValue } });
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    send({ kind: 'done', invocationId, outcome: { ok: false, error: message } });
  }
}

async function invoke(invocation: Invocation): Promise<TypedData | null> {
  const registered = registrations.functions.get(invocation.functionName);
  if (registered === undefined) throw new Error(`Function "${invocation.functionName}" is not loaded.`);
  if (registrations.model === undefined) throw new Error('The app has set no programming model.');
  const core: CoreInvocationContext = {
    invocationId: invocation.invocationId,
    request: invocation,
    metadata: registered.metadata,
    log: (level, category, message) =>
      log(
        category === 'user'
          ? `Function.${invocation.functionName}.User`
          : `Function.${invocation.functionName}`,
        level as LogLevel,
        message,
      ),
  };
  const model = registrations.model.getInvocationModel(core);
  const { context, inputs } = await model.getArguments();

  const hookData = {};
  const before = {
    hookData,
    appHookData,
    invocationContext: context,
    inputs,
    functionCallback: registered.callback,
  };
  core.state = 'preInvocationHooks';
  for (const hook of registrations.hooks('preInvocation')) await hook(before);

  const after: Record<'result' | 'error', unknown> & Record<string, unknown> = {
    hookData,
    appHookData,
    invocationContext: context,
    inputs: before.inputs,
    result: null,
    error: null,
  };
  core.state = 'invocation';
  try {
    const callback: FunctionCallback = before.functionCallback;
    after.result = await model.invokeFunction(context, before.inputs, callback);
  } catch (error) {
    after.error = error;
  }
  core.state = 'postInvocationHooks';
  for (const hook of registrations.hooks('postInvocation')) await hook(after);
  core.state = undefined;
  // oxlint-disable-next-line typescript/only-throw-error -- whatever the function threw
  if (after.error !== null) throw after.error;
  return (await model.getResponse(context, after.result)).returnValue ?? null;
}

/** The host asks to end: hooks get a limited time, as on Azure. */
async function terminate(): Promise<void> {
  const limit = setTimeout(() => process.exit(0), terminateLimitMs);
  try {
    await runHooks('appTerminate', {});
  } catch (error) {
    log('Worker', 'error', `appTerminate hook failed: ${String(error)}`);
  }
  clearTimeout(limit);
  process.exit(0);
}

await start();
