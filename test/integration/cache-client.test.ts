// The typed client, in Node.js and in a browser, through the packaged app and the local host, with tokens of the local
// Entra. What the app answers is held to its OpenAPI document.

import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { cacheIdUri } from '../../local/cache-registration.ts';
import { localCredential } from '../../local/exports/local-credential.ts';
import {
  createCacheClient,
  type CacheClient,
  type CacheClientOptions,
  type TokenCredentialLike,
} from '../../src/exports/client.ts';
import { cacheClientSuite } from '../contract/cache-client.ts';
import { findChromium, launchChromium, titleInChromium } from '../support/chromium.ts';
import { clientsInPage, pageProgram } from '../support/client-in-page.ts';
import { startClientSite, type ClientSite } from '../support/client-site.ts';
import { startLocalApp, type LocalApp } from '../support/local-app.ts';
import { contractOf, notedBy, type OpenApiContract } from '../support/openapi-contract.ts';
import { installLibrary, type UserFolder } from '../support/packed-library.ts';

const scope = `${cacheIdUri}/.default`;

let app: LocalApp;
let contract: OpenApiContract;
beforeAll(async () => {
  app = await startLocalApp({
    settings: ({ callerSettings }) => ({
      ...callerSettings,
      CACHE_MAX_VALUE_BYTES: '2000000',
      // Well below the time of the client's calls: what the app says of an outage is to be heard.
      REQUEST_BUDGET_MS: '4000',
      HTTP_ENTRA_PREFIXES: JSON.stringify({ 'Team.Red': 'red/' }),
    }),
  });
  const headers = { Authorization: `Bearer ${await app.stack.callers.token()}` };
  contract = await contractOf(async (path, init) => app.fetch(path, init), headers);
});
afterEach(() => {
  expect(contract.faults.splice(0)).toEqual([]);
});
afterAll(async () => app?.stop());

const withAllRoles = () => ({ credential: localCredential(app.stack.identity), scope });
const clientOf = (options: Partial<CacheClientOptions>): CacheClient =>
  createCacheClient({ url: `${app.host.url}/api`, fetch: notedBy(contract), ...options });
const silenceRedis = async (silent: boolean): Promise<void> =>
  app.stack.front.setBehaviour(silent ? 'stall' : 'normal');

/** All at once: none may reject before it is looked at. */
async function expectRefused(calls: readonly Promise<unknown>[], error: object): Promise<void> {
  await Promise.all(calls.map(async (call) => expect(call).rejects.toMatchObject(error)));
}

/** What a client of all operations has seen of them. */
const answered = Object.entries({
  readCache: [200, 304, 404, 412, 422, 503],
  readCacheHead: [200, 304, 404, 412, 422, 503],
  writeCache: [201, 204, 400, 412, 413, 422],
  removeCache: [204, 412, 503],
  readBatch: [200],
  purge: [200, 400],
  fleet: [200],
}).flatMap(([operation, statuses]) => statuses.map((status) => `${operation} ${status}`));

describe('an application with all roles', () => {
  cacheClientSuite(() => ({
    app: { ...app, silenceRedis },
    client: (options) => clientOf({ ...withAllRoles(), ...options }),
    elsewhereUrl: app.host.url,
  }));

  it('was answered as the OpenAPI document says', () => {
    expect([...contract.seen]).toEqual(expect.arrayContaining(answered));
  });
});

describe.skipIf(findChromium() === undefined)(titleInChromium('in a browser'), () => {
  let user: UserFolder;
  let site: ClientSite;
  let browser: Browser;
  let makeClient: (options: CacheClientOptions) => CacheClient;
  beforeAll(async () => {
    const keys = (await app.stack.redis.admin('KEYS', '*')) as readonly string[];
    await app.stack.redis.admin('DEL', 'none', ...keys.filter((key) => !key.startsWith('ref:')));
    contract.seen.clear();
    user = await installLibrary([]);
    const files = {
      '/': '<!doctype html><title>client</title>',
      '/page-client.js': await pageProgram(),
    };
    const dist = join(user.path, 'node_modules/redis-entra-functions/dist');
    site = await startClientSite({ host: app.host.url, dist, files, contract });
    browser = await launchChromium();
    const page = await browser.newPage();
    await page.goto(site.url);
    makeClient = await clientsInPage(page);
  }, 180_000);
  afterAll(async () => {
    await browser?.close();
    await site?.[Symbol.asyncDispose]();
    await user?.[Symbol.asyncDispose]();
  });

  const clientAt = (url: string, options: Partial<CacheClientOptions> = {}): CacheClient =>
    makeClient({ url, ...withAllRoles(), ...options });

  cacheClientSuite(() => ({
    app: { ...app, silenceRedis },
    client: (options) => clientAt('/api', options),
    elsewhereUrl: site.url,
  }));

  it('was answered as the OpenAPI document says', () => {
    expect([...contract.seen]).toEqual(expect.arrayContaining(answered));
  });

  it('of another origin, tells hits, misses and outages apart, and says what it is not shown', async () => {
    const client = clientAt(`${site.otherUrl}/api`, { retries: 0, timeoutMs: 60_000 });
    const key = 'other/ü ?#%/..';
    const options = { ttlSeconds: 600, tags: ['other'] };
    expect(await client.put(key, { json: { a: 'ü' } }, options)).toEqual({ kind: 'created' });
    expect(await client.put(key, 'x', { ifAbsent: true })).toEqual({ kind: 'precondition-failed' });
    const hidden = { etag: undefined, source: undefined, stale: undefined, ttlSeconds: undefined };
    const read = await client.get(key);
    expect(read).toMatchObject({ kind: 'hit', contentType: 'application/json', ...hidden });
    expect(read.kind === 'hit' && read.json()).toEqual({ a: 'ü' });
    expect(await client.head(key)).toMatchObject({ kind: 'hit', ...hidden });
    expect(await client.get(key, { ifNoneMatch: '*' })).toMatchObject({ kind: 'not-modified' });
    for (const one of ['get', 'head'] as const) expect(await client[one]('none')).toEqual({ kind: 'miss' });
    expect(await client.batch([key, 'none'])).toMatchObject([{ kind: 'hit' }, { kind: 'miss' }]);
    expect(await client.purge({ tags: ['other'], mode: 'remove' })).toMatchObject({ kind: 'purged' });
    expect(await client.get(key)).toEqual({ kind: 'miss' });
    expect(await client.fleet()).toMatchObject({ kind: 'fleet' });
    await expectRefused([client.put('a', 'x', { ttlSeconds: 0 })], {
      name: 'CacheRequestError',
      code: 'invalid-ttl',
    });
    await silenceRedis(true);
    try {
      const [get, head, batch] = await Promise.all([client.get('a'), client.head('a'), client.batch(['a'])]);
      expect(get).toMatchObject({ kind: 'unavailable', code: 'cache-unavailable' });
      // HEAD has no body that could name the problem, and the fields are not shown.
      expect(head).toMatchObject({ kind: 'unavailable', code: 'server-failed' });
      expect(batch).toMatchObject([{ kind: 'unavailable', code: 'cache-unavailable' }]);
    } finally {
      await silenceRedis(false);
    }
  });
});

/** Gives these tokens, one after the other. */
function giving(...tokens: readonly string[]): TokenCredentialLike {
  let next = 0;
  return {
    getToken: async () => {
      const token = tokens[Math.min(next, tokens.length - 1)] ?? '';
      next += 1;
      return { token, expiresOnTimestamp: Date.now() + 3_600_000 };
    },
  };
}

describe('a caller', () => {
  const withRoles = async (...roles: readonly string[]): Promise<CacheClient> =>
    clientOf({ credential: giving(await app.stack.callers.token({ roles })), scope });

  it('without a token, or with one that is not valid, is told so', async () => {
    for (const options of [{}, { credential: giving('a.b.c'), scope }]) {
      const client = clientOf(options);
      await expectRefused([client.get('a'), client.head('a'), client.put('a', 'x'), client.batch(['a'])], {
        code: 'unauthenticated',
        status: 401,
      });
    }
  });

  it('whose token is refused comes with another one, once, also with a write', async () => {
    const good = await app.stack.callers.token({ roles: ['Cache.Read', 'Cache.Write'] });
    const client = clientOf({ credential: giving('a.b.c', good), scope });
    expect(await client.put('renewed', 'x')).toMatchObject({ kind: 'created' });
    expect(await client.get('renewed')).toMatchObject({ kind: 'hit' });
  });

  it('without the role is told which one', async () => {
    const client = await withRoles('Cache.Read');
    expect(await client.get('absent')).toEqual({ kind: 'miss' });
    await expect(client.put('a', 'x')).rejects.toThrow('Cache.Write');
    await expect(client.purge({ keys: ['a'] })).rejects.toMatchObject({ code: 'forbidden', status: 403 });
    await expect(client.head('a').then(async () => client.fleet())).rejects.toThrow('Fleet.Read');
  });

  it('with a prefix gets nothing of others', async () => {
    const client = await withRoles('Cache.Read', 'Cache.Write', 'Team.Red');
    expect(await client.put('red/a', 'x')).toMatchObject({ kind: 'created' });
    expect(await client.batch(['red/a'])).toMatchObject([{ kind: 'hit' }]);
    await expectRefused(
      [client.get('blue/a'), client.batch(['red/a', 'blue/a']), client.put('redder', 'x')],
      { code: 'prefix-forbidden', status: 403 },
    );
    // HEAD has no body that could name the problem.
    await expect(client.head('blue/a')).rejects.toMatchObject({ code: 'forbidden', status: 403 });
  });
});
