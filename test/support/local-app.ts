// The whole local Azure with the packaged app in it, for one test file.

import { inject } from 'vitest';
import { startHost, type Host } from '../../local/functions-host/host.ts';
import type { AnyStack, ClusterStack, Stack, StackCredential } from '../../local/stack.ts';
import { eventually } from './eventually.ts';
import { startStack } from './stack.ts';

/** Where global-setup.ts has unzipped it. */
export const packagedApp = inject('appDirectory');

export interface LocalApp<S extends AnyStack = Stack> extends AsyncDisposable {
  readonly stack: S;
  readonly host: Host;
  /** fetch() on a path of the host, like `/api/cache/hello`. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  stop(): Promise<void>;
}

/**
 * Of an app whose test does not say what a request gets: what it is about is not how long a machine takes that is busy
 * with other things, too.
 */
export const patientBudgetMs = 10_000;

type AppSettings = Readonly<Record<string, string>>;

export interface LocalAppOptions<S extends AnyStack = Stack> {
  readonly tokenLifetimeMs?: number;
  readonly instances?: number;
  readonly flex?: boolean;
  readonly appDirectory?: string;
  /** The managed identity unless another is named. */
  readonly credential?: StackCredential;
  /** Added to, or put in the place of, the settings of the stack. */
  readonly settings?: AppSettings | ((stack: S) => AppSettings);
  /** Whether the app may answer from its memory; off by default: what is tested is mostly how it uses Redis. */
  readonly memory?: boolean;
  /** Whether to start blob storage, too; it takes the longest. */
  readonly storage?: boolean;
  readonly timers?: boolean;
  /** Done to the local parts before the app starts, such as telling one to misbehave. */
  readonly prepare?: (stack: S) => void | Promise<void>;
  /** Whether to wait until the app can serve; on by default. */
  readonly untilReady?: boolean;
}

type OfServer = LocalAppOptions & { readonly cluster?: false };
type OfCluster = LocalAppOptions<ClusterStack> & { readonly cluster: true };
type OfEither = LocalAppOptions<AnyStack> & { readonly cluster?: boolean };

/** `cluster`: whether Redis is a cluster, as with the policy OSSCluster. */
export async function startLocalApp(options?: OfServer): Promise<LocalApp>;
export async function startLocalApp(options: OfCluster): Promise<LocalApp<ClusterStack>>;
export async function startLocalApp(options: OfEither): Promise<LocalApp<AnyStack>>;
export async function startLocalApp(
  options: LocalAppOptions<never> & { readonly cluster?: boolean } = {},
): Promise<LocalApp<never>> {
  const {
    tokenLifetimeMs = 600_000,
    instances = 1,
    cluster = false,
    appDirectory = packagedApp,
    settings,
  } = options;
  const stack = await startStack({ tokenLifetimeMs, storage: options.storage ?? false, cluster });
  let host: Host | undefined;
  const stop = async (): Promise<void> => {
    await host?.stop();
    await stack.stop();
  };
  try {
    await options.prepare?.(stack as never); // The overloads see to it that it is the right one.
    host = await startHost({
      appDirectory,
      instances,
      flex: options.flex ?? false,
      settings: {
        ...stack.settingsFor(options.credential ?? 'managed-identity'),
        ...(options.memory === true ? {} : { CACHE_MEMORY_MB: '0' }),
        REQUEST_BUDGET_MS: `${patientBudgetMs}`,
        ...(typeof settings === 'function' ? settings(stack as never) : settings),
      },
      timers: options.timers ?? false,
    });
    const { url } = host;
    const app: LocalApp<never> = {
      stack: stack as never,
      host,
      fetch: async (path, init) => fetch(new URL(path, url), init),
      stop,
      [Symbol.asyncDispose]: stop,
    };
    if (options.untilReady !== false) await untilReady(app);
    return app;
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Waits until every instance has answered ready once (requests go round the instances in turn). */
export async function untilReady(app: LocalApp<AnyStack>): Promise<void> {
  await eventually(async () => {
    for (const { id } of app.host.instances) {
      const { status } = await app.fetch('/api/health/ready');
      if (status !== 200) throw new Error(`${id} or another instance is not ready: ${status}`);
    }
  });
}
