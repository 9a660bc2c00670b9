// The packaged app on Garnet, for one test file.

import { inject } from 'vitest';
import { startHost, type Host } from '../../local/functions-host/host.ts';
import { startGarnetStack, type GarnetStack } from '../../local/garnet/stack.ts';
import { eventually } from './eventually.ts';

export interface GarnetApp extends AsyncDisposable {
  readonly stack: GarnetStack;
  readonly host: Host;
  /** fetch() on a path of the host, like `/api/cache/hello`. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  stop(): Promise<void>;
}

export interface GarnetAppOptions {
  readonly tokenLifetimeMs?: number;
  readonly instances?: number;
  /** Added to, or put in the place of, the settings of the stack. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Whether to wait until the app can serve; on by default. */
  readonly untilReady?: boolean;
  /** A Garnet that runs already and goes on when the app is stopped. */
  readonly stack?: GarnetStack;
  /** Done to the local parts before the app starts. */
  readonly prepare?: (stack: GarnetStack) => void | Promise<void>;
}

export async function startGarnetApp(options: GarnetAppOptions = {}): Promise<GarnetApp> {
  await using parts = new AsyncDisposableStack();
  const { tokenLifetimeMs = 600_000, instances = 1, settings } = options;
  const stack = options.stack ?? (await startGarnetStack(tokenLifetimeMs));
  if (options.stack === undefined) parts.defer(async () => stack.stop());
  await options.prepare?.(stack);
  const host = await startHost({
    appDirectory: inject('appDirectory'),
    instances,
    settings: { ...stack.settings, CACHE_MEMORY_MB: '0', ...settings },
    timers: false,
  });
  parts.defer(async () => host.stop());
  const fetchFromApp = async (path: string, init?: RequestInit): Promise<Response> =>
    fetch(new URL(path, host.url), init);
  if (options.untilReady !== false) await untilReady(fetchFromApp, instances);
  const started = parts.move();
  const stop = async (): Promise<void> => started.disposeAsync();
  return { stack, host, fetch: fetchFromApp, stop, [Symbol.asyncDispose]: stop };
}

/** Requests go round the instances in turn. */
async function untilReady(
  fetchFromApp: (path: string) => Promise<Response>,
  instances: number,
): Promise<void> {
  await eventually(async () => {
    for (let instance = 0; instance < instances; instance += 1) {
      const { status } = await fetchFromApp('/api/health/ready');
      if (status !== 200) throw new Error(`An instance is not ready: ${status}`);
    }
  });
}
