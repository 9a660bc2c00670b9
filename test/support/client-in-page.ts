// Typed clients that live in a page of a browser, as clients of a test: its calls are made there, and what they come to
// is brought back.

import { build } from 'esbuild';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { CacheRequestError, type CacheClient, type CacheClientOptions } from '../../src/exports/client.ts';
import type { PageBindings, PageCall, PageOutcome } from './page-client.ts';
import { codec, type Wire } from './page-values.ts';

/** The program of the page, for its site to serve. */
export async function pageProgram(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, 'page-client.ts')],
    bundle: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    logLevel: 'silent',
  });
  return outputFiles[0]?.text ?? '';
}

const methods = [
  'get',
  'head',
  'put',
  'delete',
  'batch',
  'purge',
  'fleet',
] as const satisfies (keyof CacheClient)[];

/**
 * @param page of a site that has the package's module at `/dist/client.js`, and the program at `/page-client.js`.
 * @returns createCacheClient, of the page. Its options go there; a credential is asked here.
 */
export async function clientsInPage(page: Page): Promise<(options: CacheClientOptions) => CacheClient> {
  const made: CacheClientOptions[] = [];
  const signals: AbortSignal[] = [];
  const tokenOfTest: PageBindings['tokenOfTest'] = async (client, scope) =>
    made[client]?.credential?.getToken(scope) ?? null;
  await page.exposeFunction('tokenOfTest', tokenOfTest);
  await page.evaluate(`(async () => {
    const [client, program] = await Promise.all([import('/dist/client.js'), import('/page-client.js')]);
    globalThis.clients = program.pageClients(client);
  })()`);
  const inPage = async <T>(method: string, ...args: readonly Wire[]): Promise<T> =>
    page.evaluate<T>(`clients.${method}(...${JSON.stringify(args)})`);

  const numberOf = (signal: AbortSignal): number => {
    const number = signals.push(signal) - 1;
    const abort = (): void => {
      // Where the page is gone, so are its calls.
      inPage('abort', number, encode(signal.reason)).catch(() => {});
    };
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    return number;
  };
  const { encode, decode } = codec({ requestError: CacheRequestError, numberOf });

  return (options) => {
    const client = made.push(options) - 1;
    const { credential, ...others } = options;
    const call =
      (method: PageCall['method']) =>
      async (...args: readonly unknown[]): Promise<unknown> => {
        const hasCredential = credential !== undefined;
        const given: PageCall = {
          client,
          options: encode(others),
          hasCredential,
          method,
          args: encode(args),
        };
        const outcome = await inPage<PageOutcome>('call', given);
        if ('resolved' in outcome) return decode(outcome.resolved);
        throw 'rejected' in outcome ? decode(outcome.rejected) : signals[outcome.rejectedBySignal]?.reason;
      };
    return Object.fromEntries(methods.map((method) => [method, call(method)])) as unknown as CacheClient;
  };
}
