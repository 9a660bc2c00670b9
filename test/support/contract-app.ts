// The packaged app on the server that a run of the tests is for: Redis behind the Entra front, or Garnet.

import { inject } from 'vitest';
import type { Host } from '../../local/functions-host/host.ts';
import type { LocalRedis } from '../../local/redis-server.ts';
import { startGarnetApp } from './garnet-app.ts';
import { patientBudgetMs, startLocalApp } from './local-app.ts';
import { heldApp } from './openapi-contract.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Set by vitest.config.ts. */
    cacheServer: 'redis' | 'garnet';
  }
}

export interface ContractApp extends AsyncDisposable {
  readonly host: Host;
  readonly stack: { readonly redis: Pick<LocalRedis, 'admin' | 'adminRaw' | 'kill' | 'restart'> };
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Redis goes on accepting connections and bytes, and answers nothing, until told otherwise. */
  silenceRedis(silent: boolean): Promise<void>;
  stop(): Promise<void>;
}

export interface ContractAppOptions {
  readonly instances?: number;
  readonly settings: Readonly<Record<string, string>>;
}

export async function startContractApp(options: ContractAppOptions): Promise<ContractApp> {
  if (inject('cacheServer') === 'garnet') {
    const settings = { REQUEST_BUDGET_MS: `${patientBudgetMs}`, ...options.settings };
    const app = await startGarnetApp({ ...options, settings });
    const { redis } = app.stack;
    const silenceRedis = async (silent: boolean): Promise<void> => {
      if (!silent) return redis.resume();
      redis.pause();
      await redis.paused();
    };
    return heldApp({ ...app, silenceRedis });
  }
  const app = await startLocalApp(options);
  return heldApp({
    ...app,
    silenceRedis: async (silent) => app.stack.front.setBehaviour(silent ? 'stall' : 'normal'),
  });
}
