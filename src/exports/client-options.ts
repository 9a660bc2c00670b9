// The options of createCacheClient: what each is, where one is left out, and what is wrong with them.

import {
  keyIdentity,
  nobody,
  tokenIdentity,
  type Identity,
  type TokenCredentialLike,
} from '../client/identity.ts';
import type { CacheClientDeps } from '../client/cache-client.ts';
import type { Clock } from '../util/clock.ts';
import { AppError } from '../util/errors.ts';
import { aFunction, checkOptions, text, wholeNumber, type Rule } from './options.ts';

/** Where the cache is, and who asks. */
export interface CacheClientOptions {
  /**
   * What stands before the routes, as `https://my-app.azurewebsites.net/api`. HTTPS, or HTTP on the own machine; in a
   * browser also a path, as `/api`.
   */
  readonly url: string | URL;
  /** Whoever gives Entra tokens: of `@azure/identity`, or of your own, such as one over MSAL in a browser. With `scope`. */
  readonly credential?: TokenCredentialLike | undefined;
  /** For which the tokens are: `api://<client id of the app registration>/.default`. */
  readonly scope?: string | undefined;
  /** Instead of a credential: a key of the Function App, or what gives it at each request. A shared secret; not for browsers. */
  readonly functionKey?: string | (() => string | Promise<string>) | undefined;
  /** How long a call may take, with its retries: 1 to 600,000 ms; 10,000 where undefined. */
  readonly timeoutMs?: number | undefined;
  /** How often a read is tried again: 0 to 10; 2 where undefined. Writes never are. */
  readonly retries?: number | undefined;
  /** Instead of the `fetch` of the platform. */
  readonly fetch?: typeof fetch | undefined;
  /** `cache` where undefined; as the app has it, and so are the other three. */
  readonly route?: string | undefined;
  /** `batch` where undefined. */
  readonly batchRoute?: string | undefined;
  /** `purge` where undefined. */
  readonly purgeRoute?: string | undefined;
  /** `fleet` where undefined. */
  readonly fleetRoute?: string | undefined;
}

const owner = 'createCacheClient';
const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/u;

const aUrl: Rule = {
  expected: 'an absolute URL of HTTPS (HTTP on the own machine) without user, query and fragment',
  holds: (value) => (typeof value === 'string' || value instanceof URL) && urlOf(value) !== undefined,
};
const aKey: Rule = {
  expected: 'a string that is not empty, or a function',
  holds: (value) => typeof value === 'function' || (typeof value === 'string' && value !== ''),
};
const aCredential: Rule = {
  expected: 'a TokenCredential',
  holds: (value) => typeof (value as { getToken?: unknown } | null)?.getToken === 'function',
};
const aRoute = text('a path without slashes around it', /^[^\s/?#]+(?:\/[^\s/?#]+)*$/u);

/** @throws AppError `options-invalid`. */
export function resolveClientOptions(
  options: CacheClientOptions,
  { clock, random }: { readonly clock: Clock; readonly random: () => number },
): CacheClientDeps {
  checkOptions(owner, options, {
    url: { ...aUrl, required: true },
    credential: aCredential,
    scope: text('the scope of the tokens', /^\S+$/u),
    functionKey: aKey,
    timeoutMs: wholeNumber(1, 600_000),
    retries: wholeNumber(0, 10),
    fetch: aFunction,
    route: aRoute,
    batchRoute: aRoute,
    purgeRoute: aRoute,
    fleetRoute: aRoute,
  });
  const { route = 'cache', batchRoute = 'batch', purgeRoute = 'purge', fleetRoute = 'fleet' } = options;
  const { timeoutMs = 10_000, retries = 2, fetch: given } = options;
  const base = (urlOf(options.url)?.href ?? '').replace(/\/+$/u, '');
  const under = (path: string): string => `${base}/${path}`;
  return {
    urls: {
      cache: under(route),
      batch: under(batchRoute),
      purge: under(purgeRoute),
      fleet: under(fleetRoute),
    },
    identity: identityOf(options, clock),
    // Looked up at each request: what replaces the platform's fetch later, such as a tracer, is used.
    fetch: given ?? (async (input, init) => globalThis.fetch(input, init)),
    timeoutMs,
    retries,
    clock,
    random,
  };
}

function identityOf({ credential, scope, functionKey }: CacheClientOptions, clock: Clock): Identity {
  const fault = (what: string): AppError => new AppError('options-invalid', `${owner}: ${what}`);
  if (credential !== undefined && functionKey !== undefined)
    throw fault('expected a credential or a functionKey, not both.');
  if ((credential === undefined) !== (scope === undefined))
    throw fault('credential and scope belong together: the scope is that of the app registration.');
  if (credential !== undefined && scope !== undefined) return tokenIdentity(credential, scope, clock);
  return functionKey === undefined ? nobody : keyIdentity(functionKey);
}

/** Undefined for what no token and no key may be sent to. */
function urlOf(given: string | URL): URL | undefined {
  const { location } = globalThis as { readonly location?: { readonly href: string } };
  const base = location?.href;
  if (!URL.canParse(String(given), base)) return undefined;
  const url = new URL(given, base);
  const isSafe = url.protocol === 'https:' || (url.protocol === 'http:' && loopback.test(url.hostname));
  const isPlain = url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  return isSafe && isPlain ? url : undefined;
}
