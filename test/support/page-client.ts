// In a page of a browser: makes typed clients, and the calls that a test sends to them.

import type {
  CacheClient,
  CacheClientOptions,
  CacheRequestError,
  createCacheClient,
} from '../../src/exports/client.ts';
import { codec, type Wire } from './page-values.ts';

/** The module of the package, as it is published. */
interface ClientModule {
  readonly createCacheClient: typeof createCacheClient;
  readonly CacheRequestError: typeof CacheRequestError;
}

export interface PageCall {
  /** Of the client; it is made at its first call. */
  readonly client: number;
  readonly options: Wire;
  /** Whether to ask the test for tokens. */
  readonly hasCredential: boolean;
  readonly method: keyof CacheClient;
  readonly args: Wire;
}

export type PageOutcome =
  | { readonly resolved: Wire }
  | { readonly rejected: Wire }
  /** With the reason of this signal itself. */
  | { readonly rejectedBySignal: number };

export interface PageClients {
  call(call: PageCall): Promise<PageOutcome>;
  abort(signal: number, reason: Wire): void;
}

/** What the test lets the page call. */
export interface PageBindings {
  readonly tokenOfTest: (
    client: number,
    scope: string,
  ) => Promise<{ token: string; expiresOnTimestamp: number } | null>;
}

export function pageClients({ createCacheClient: create, CacheRequestError: requestError }: ClientModule) {
  const clients = new Map<number, CacheClient>();
  const controllers = new Map<number, AbortController>();
  const controllerOf = (number: number): AbortController => {
    const controller = controllers.get(number) ?? new AbortController();
    controllers.set(number, controller);
    return controller;
  };
  const { encode, decode } = codec({ requestError, signalOf: (number) => controllerOf(number).signal });

  const make = ({ client, options, hasCredential }: PageCall): CacheClient => {
    const { tokenOfTest } = globalThis as unknown as PageBindings;
    const credential = { getToken: async (scope: string) => tokenOfTest(client, scope) };
    const made = create({
      ...(decode(options) as CacheClientOptions),
      ...(hasCredential ? { credential } : {}),
    });
    clients.set(client, made);
    return made;
  };

  const clientsOfPage: PageClients = {
    async call(given) {
      try {
        const client = clients.get(given.client) ?? make(given);
        const act = client[given.method] as (...args: unknown[]) => Promise<unknown>;
        return { resolved: encode(await act(...(decode(given.args) as unknown[]))) };
      } catch (error) {
        for (const [rejectedBySignal, { signal }] of controllers)
          if (signal.aborted && signal.reason === error) return { rejectedBySignal };
        return { rejected: encode(error) };
      }
    },
    abort: (signal, reason) => controllerOf(signal).abort(decode(reason)),
  };
  return clientsOfPage;
}
