// The typed client, through the packaged app and the local host, with tokens of the local Entra.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheIdUri } from '../../local/cache-registration.ts';
import { localCredential } from '../../local/exports/local-credential.ts';
import {
  createCacheClient,
  type CacheClient,
  type CacheClientOptions,
  type TokenCredentialLike,
} from '../../src/exports/client.ts';
import { cacheClientSuite } from '../contract/cache-client.ts';
import { startLocalApp, type LocalApp } from '../support/local-app.ts';

const scope = `${cacheIdUri}/.default`;

let app: LocalApp;
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
});
afterAll(async () => app?.stop());

const clientOf = (options: Partial<CacheClientOptions>): CacheClient =>
  createCacheClient({ url: `${app.host.url}/api`, ...options });

/** All at once: none may reject before it is looked at. */
async function expectRefused(calls: readonly Promise<unknown>[], error: object): Promise<void> {
  await Promise.all(calls.map(async (call) => expect(call).rejects.toMatchObject(error)));
}

describe('an application with all roles', () => {
  cacheClientSuite(() => ({
    app: {
      ...app,
      silenceRedis: async (silent) => app.stack.front.setBehaviour(silent ? 'stall' : 'normal'),
    },
    client: (options) => clientOf({ credential: localCredential(app.stack.identity), scope, ...options }),
  }));
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
